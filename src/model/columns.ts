/**
 * The columns of a log record, in the order in which they are written. The names are DESIGN.md's
 * and rule everywhere: in the engine's tables, in `| record`, in KQL, in the API.
 *
 * Kinds and their ClickHouse types:
 * - `time`  DateTime64(9), nanoseconds since 1970 UTC
 * - `name`  LowCardinality(String): few distinct values
 * - `text`  String: many distinct values
 * - `u8`, `u16`, `u64`  unsigned integers, 0 where unknown
 * - `map`   Map(LowCardinality(String), String)
 *
 * `lane`, `seq` and `segment` are not here: the journal gives them out after a batch is encoded,
 * and the engine's writer appends them (see `TAIL_COLUMNS`). `tenant` is a constant of the bucket's
 * table.
 */
export type ColumnKind = 'time' | 'name' | 'text' | 'u8' | 'u16' | 'u64' | 'map';

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
}

const define = <const T extends readonly (readonly [string, ColumnKind])[]>(
  columns: T,
): { readonly [I in keyof T]: { readonly name: T[I][0]; readonly kind: T[I][1] } } =>
  columns.map(([name, kind]) => ({ name, kind })) as never;

export const COLUMNS = define([
  ['timestamp', 'time'],
  ['observed_at', 'time'],
  ['receiver', 'name'],
  ['source', 'name'],
  ['service', 'name'],
  ['namespace', 'name'],
  ['workload', 'name'],
  ['pod', 'name'],
  ['container', 'name'],
  ['stdio', 'name'],
  ['node', 'name'],
  ['cluster', 'name'],
  ['mesh', 'name'],
  ['platform', 'name'],
  ['environment', 'name'],
  ['version', 'name'],
  ['kind', 'name'],
  ['severity', 'u8'],
  ['severity_text', 'name'],
  ['body', 'text'],
  ['layout', 'name'],
  ['line', 'text'],
  ['event_name', 'name'],
  ['trace_id', 'text'],
  ['span_id', 'text'],
  ['request_id', 'text'],
  ['method', 'name'],
  ['path', 'text'],
  ['route', 'name'],
  ['status', 'u16'],
  ['protocol', 'name'],
  ['authority', 'name'],
  ['duration_ns', 'u64'],
  ['bytes_in', 'u64'],
  ['bytes_out', 'u64'],
  ['user_agent', 'name'],
  ['response_flags', 'name'],
  ['response_details', 'name'],
  ['upstream_host', 'name'],
  ['upstream_cluster', 'name'],
  ['upstream_duration_ns', 'u64'],
  ['direction', 'name'],
  ['source_service', 'name'],
  ['source_identity', 'name'],
  ['destination_service', 'name'],
  ['destination_identity', 'name'],
  ['tls_version', 'name'],
  ['mtls', 'name'],
  ['policy_decision', 'name'],
  ['labels', 'map'],
  ['metadata', 'map'],
  ['attributes', 'map'],
]);

export type ColumnName = (typeof COLUMNS)[number]['name'];

/** The number of each column: `C.service` is the index of `service` in `COLUMNS`. */
export const C = Object.freeze(
  Object.fromEntries(COLUMNS.map((column, index) => [column.name, index])),
) as { readonly [N in ColumnName]: number };

/**
 * Columns that the engine's writer appends to every block once the journal has numbered the rows.
 */
export const TAIL_COLUMNS = [
  { name: 'lane', kind: 'name' },
  { name: 'seq', kind: 'u64' },
  { name: 'segment', kind: 'u64' },
] as const satisfies readonly Column[];

export const CLICKHOUSE_TYPES: Readonly<Record<ColumnKind, string>> = {
  time: 'DateTime64(9)',
  name: 'LowCardinality(String)',
  text: 'String',
  u8: 'UInt8',
  u16: 'UInt16',
  u64: 'UInt64',
  map: 'Map(LowCardinality(String), String)',
};
