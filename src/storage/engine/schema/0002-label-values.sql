-- A label's value may be in a column, in metadata or in a Loki stream's labels, and an index answers
-- such an OR only where each side has one. Tables of old get it for rows to come.

-- @bucket
ALTER TABLE meshtrail.{{table}} ADD INDEX IF NOT EXISTS i_labels mapValues(labels) TYPE bloom_filter(0.01) GRANULARITY 1;

-- @existing
ALTER TABLE meshtrail.{{table}} ADD INDEX IF NOT EXISTS i_labels mapValues(labels) TYPE bloom_filter(0.01) GRANULARITY 1;
