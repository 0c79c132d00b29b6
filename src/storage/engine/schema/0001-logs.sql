-- Logs: one table a bucket, read through one Merge table.
--
-- Sections: `-- @once` runs when this migration is applied, `-- @bucket` makes a new bucket's table
-- (the newest migration's that has one), `-- @existing` (later migrations) changes the tables of
-- older buckets. Statements end with `;` at
-- the end of a line. `{{columns}}` are the columns of model/columns.ts with the codecs below,
-- `{{table}}`, `{{tenant}}` (quoted) and `{{disk}}` (the table's storage setting, or nothing) are the
-- bucket's own.
--
-- Codecs: time, seq and segment `Delta(8), ZSTD(1)`; maps and long texts `ZSTD(3)`; everything else
-- `ZSTD(1)`. LZ4 costs 93 % more.

-- @once
CREATE DATABASE IF NOT EXISTS meshtrail;
CREATE TABLE IF NOT EXISTS meshtrail.logs
(
{{plain_columns}},
  tenant LowCardinality(String)
)
ENGINE = Merge(meshtrail, '^logs_');

-- @bucket
CREATE TABLE IF NOT EXISTS meshtrail.{{table}}
(
{{columns}},
  tenant LowCardinality(String) DEFAULT {{tenant}} CODEC(ZSTD(1)),
  -- What was stored of a batch whose insert was not confirmed is asked by seq.
  INDEX i_seq seq TYPE minmax GRANULARITY 8,
  INDEX i_timestamp timestamp TYPE minmax GRANULARITY 1,
  INDEX i_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX i_request_id request_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX i_attributes mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX i_metadata mapValues(metadata) TYPE bloom_filter(0.01) GRANULARITY 1,
  -- Never over `line`: whole structured lines choke a word index (docs/decisions).
  INDEX i_body body TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(body), posting_list_codec = 'bitpacking')
)
ENGINE = MergeTree
-- By our own time: event times can be forged or scattered, and an insert over 100 days is refused.
PARTITION BY toDate(observed_at, 'UTC')
-- The container separates a sidecar's access log from the application's lines: 8 % less disk.
ORDER BY (service, container, timestamp)
SETTINGS {{disk}}
  index_granularity = 2048, min_compress_block_size = 16384, max_compress_block_size = 65536,
  map_serialization_version = 'with_buckets', map_buckets_strategy = 'constant', max_buckets_in_map = 8, map_buckets_min_avg_size = 0,
  vertical_merge_algorithm_min_rows_to_activate = 1,
  fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1,
  -- Exactly once comes from (lane, seq): the engine's own deduplication can lose rows.
  non_replicated_deduplication_window = 0;
