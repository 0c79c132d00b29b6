import type { Column, ColumnKind } from './columns.ts';

/**
 * The columns of a span, in the order in which they are written; kinds as in columns.ts, and so are
 * the names that both have. `timestamp` is the span's start.
 *
 * - `trace_id`, `span_id`, `parent_span_id`: lower-case hexadecimal; '' where there is no parent.
 * - `resource`, `scope_attributes`, `attributes`: values as text, whatever their kind: integers in
 *   decimal, doubles as the shortest text that reads back the same (`-0`, `NaN`, `Infinity`), other
 *   values as OTLP's JSON.
 * - `value_types`: what is needed to give a value back as it was: `a:KEY` (attribute), `r:KEY`
 *   (resource), `s:KEY` (scope) to `int`, `double`, `bool` or `json`, where it is no string. Where
 *   a name repeats, each value has its entry, in order, `string` among them. `t:start` and `t:end`
 *   are times (nanoseconds, decimal) that the columns could not take.
 * - `events`, `links`: OTLP's JSON arrays, '' where there are none.
 */
export const SPAN_COLUMNS = [
  { name: 'timestamp', kind: 'time' },
  { name: 'observed_at', kind: 'time' },
  { name: 'receiver', kind: 'name' },
  { name: 'source', kind: 'name' },
  { name: 'service', kind: 'name' },
  { name: 'namespace', kind: 'name' },
  { name: 'workload', kind: 'name' },
  { name: 'pod', kind: 'name' },
  { name: 'container', kind: 'name' },
  { name: 'node', kind: 'name' },
  { name: 'cluster', kind: 'name' },
  { name: 'mesh', kind: 'name' },
  { name: 'platform', kind: 'name' },
  { name: 'environment', kind: 'name' },
  { name: 'version', kind: 'name' },
  { name: 'name', kind: 'name' },
  { name: 'scope_name', kind: 'name' },
  { name: 'scope_version', kind: 'name' },
  { name: 'trace_id', kind: 'text' },
  { name: 'span_id', kind: 'text' },
  { name: 'parent_span_id', kind: 'text' },
  { name: 'trace_state', kind: 'text' },
  { name: 'status_message', kind: 'text' },
  { name: 'events', kind: 'text' },
  { name: 'links', kind: 'text' },
  { name: 'span_kind', kind: 'u8' },
  { name: 'status_code', kind: 'u8' },
  { name: 'flags', kind: 'u64' },
  { name: 'duration_ns', kind: 'u64' },
  { name: 'dropped_attributes', kind: 'u64' },
  { name: 'dropped_events', kind: 'u64' },
  { name: 'dropped_links', kind: 'u64' },
  { name: 'resource', kind: 'map' },
  { name: 'scope_attributes', kind: 'map' },
  { name: 'attributes', kind: 'map' },
  { name: 'value_types', kind: 'map' },
] as const satisfies readonly Column[];

export type SpanColumnName = (typeof SPAN_COLUMNS)[number]['name'];

/** The columns of some kinds. */
export const spanColumnsOf = (...kinds: ColumnKind[]): (typeof SPAN_COLUMNS)[number][] =>
  SPAN_COLUMNS.filter(({ kind }) => kinds.includes(kind));
