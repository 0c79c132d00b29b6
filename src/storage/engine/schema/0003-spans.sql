-- Spans: one table a bucket, read through one Merge table, as logs are.
--
-- `-- @spans` makes the table of a new bucket of spans; `{{columns}}` there, and `{{span_columns}}`
-- in `@once`, are those of model/span-columns.ts, codecs as in 0002 (events and links are long).
--
-- The order serves "the spans of a service within a time": within an hour they lie by name, so that
-- one operation's are together too. A trace is found by its id's bloom filter.

-- @once
CREATE TABLE IF NOT EXISTS meshtrail.spans
(
{{span_columns}},
  tenant LowCardinality(String)
)
ENGINE = Merge(meshtrail, '^spans_');

-- @spans
CREATE TABLE IF NOT EXISTS meshtrail.{{table}}
(
{{columns}},
  tenant LowCardinality(String) DEFAULT {{tenant}} CODEC(ZSTD(1)),
  -- What was stored of a batch whose insert was not confirmed is asked by seq.
  INDEX i_seq seq TYPE minmax GRANULARITY 8,
  INDEX i_timestamp timestamp TYPE minmax GRANULARITY 1,
  INDEX i_duration duration_ns TYPE minmax GRANULARITY 1,
  INDEX i_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX i_span_id span_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX i_attributes mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX i_resource mapValues(resource) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
-- By our own time: event times can be forged or scattered, and an insert over 100 days is refused.
PARTITION BY toDate(observed_at, 'UTC')
PRIMARY KEY (service, toStartOfInterval(timestamp, INTERVAL 1 HOUR, 'UTC'), name)
ORDER BY (service, toStartOfInterval(timestamp, INTERVAL 1 HOUR, 'UTC'), name, timestamp)
SETTINGS {{disk}}
  index_granularity = 2048, min_compress_block_size = 16384, max_compress_block_size = 65536,
  map_serialization_version = 'with_buckets', map_buckets_strategy = 'constant', max_buckets_in_map = 8, map_buckets_min_avg_size = 3,
  min_bytes_for_wide_part = 67108864, merge_selector_base = 8,
  vertical_merge_algorithm_min_rows_to_activate = 1,
  fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1,
  -- Exactly once comes from (lane, seq): the engine's own deduplication can lose rows.
  non_replicated_deduplication_window = 0;
