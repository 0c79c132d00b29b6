-- The logs' tables again, for less disk and less CPU (docs/decisions/0006 has the measurements).
--
-- What differs from 0001:
-- - Rows of one layout lie together within four hours of a service's container: their values are of
--   one kind, and so are their words. Within a day it is another 2 % less, but then a last minute
--   lies all over the table. The hash is there because a layout is long, and the primary key, which
--   is held in memory, ends before it. Older tables keep their order.
-- - Maps, bodies and whole lines by ZSTD(3).
-- - Maps that hold next to nothing are not cut into eight: 144 files less a merged part.
-- - Parts below 64 MB (what one insert makes) are one file, not one for each column.
-- - A merge waits for more parts to take: each row is merged half as often.
-- - Label values have an index; older tables get it for rows to come.

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
  -- A label's value may be in a column, in metadata or in a Loki stream's labels, and indexes answer
  -- such an OR only where each side has one.
  INDEX i_labels mapValues(labels) TYPE bloom_filter(0.01) GRANULARITY 1,
  -- Never over `line`: whole structured lines choke a word index (docs/decisions).
  INDEX i_body body TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(body), posting_list_codec = 'bitpacking')
)
ENGINE = MergeTree
-- By our own time: event times can be forged or scattered, and an insert over 100 days is refused.
PARTITION BY toDate(observed_at, 'UTC')
PRIMARY KEY (service, container, toStartOfInterval(timestamp, INTERVAL 4 HOUR, 'UTC'))
ORDER BY (service, container, toStartOfInterval(timestamp, INTERVAL 4 HOUR, 'UTC'), cityHash64(layout), timestamp)
SETTINGS {{disk}}
  index_granularity = 2048, min_compress_block_size = 16384, max_compress_block_size = 65536,
  map_serialization_version = 'with_buckets', map_buckets_strategy = 'constant', max_buckets_in_map = 8, map_buckets_min_avg_size = 3,
  min_bytes_for_wide_part = 67108864, merge_selector_base = 8,
  vertical_merge_algorithm_min_rows_to_activate = 1,
  fsync_after_insert = 1, fsync_part_directory = 1, min_compressed_bytes_to_fsync_after_merge = 1,
  -- Exactly once comes from (lane, seq): the engine's own deduplication can lose rows.
  non_replicated_deduplication_window = 0;

-- @existing
ALTER TABLE meshtrail.{{table}}
  MODIFY SETTING map_buckets_min_avg_size = 3, min_bytes_for_wide_part = 67108864, merge_selector_base = 8;
ALTER TABLE meshtrail.{{table}}
  ADD INDEX IF NOT EXISTS i_labels mapValues(labels) TYPE bloom_filter(0.01) GRANULARITY 1;
ALTER TABLE meshtrail.{{table}}
  MODIFY COLUMN body CODEC(ZSTD(3)),
  MODIFY COLUMN line CODEC(ZSTD(3)),
  MODIFY COLUMN labels CODEC(ZSTD(3)),
  MODIFY COLUMN metadata CODEC(ZSTD(3)),
  MODIFY COLUMN attributes CODEC(ZSTD(3));
