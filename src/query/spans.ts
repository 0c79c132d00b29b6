import { LIMITS } from '../model/limits.ts';
import type { TextPairs } from '../model/span-pairs.ts';
import { storedSpan, type SpanRow, type StoredSpan } from '../model/span-row.ts';
import type { SpanColumnName } from '../model/span-columns.ts';
import type { SpanKind, StatusCode } from '../model/span.ts';
import type { Scope } from './access-filter.ts';
import type { RowId } from './plan.ts';
import { runValues, type ReadContext } from './read.ts';
import type { BinaryKind, BinaryValue } from './row-binary.ts';
import { spanAccessSql } from './span-conditions.ts';
import { SPANS, statement, tablesSql } from './sql.ts';
import { SqlParams } from './sql-params.ts';

/**
 * Reads stored spans. Every statement reads the tables of its scope (`QuerySession.openSpans`),
 * within its time and behind the reader's filter. Ids are looked for first and whole rows last, so
 * that the engine never sorts what is long.
 */

/** A trace's spans by start time, each once. */
export interface Trace {
  readonly spans: readonly StoredSpan[];
  /** There are more than `LIMITS.spansPerTrace` or `LIMITS.queryAnswerBytes` let through. */
  readonly partial: boolean;
}

/** Reads a trace by its id: 32 lower-case hexadecimal digits. */
export const readTrace = async (
  context: ReadContext,
  scope: Scope,
  traceId: string,
): Promise<Trace> => {
  const limit = LIMITS.spansPerTrace;
  const found = await idsOfTrace(context, scope, traceId, limit + 1);
  const ids = found.slice(0, limit);
  const { spans, whole } = await spansWithIds(context, scope, traceId, ids);
  return { spans, partial: !whole || found.length > limit };
};

/** The rows of a scope of spans, for FROM and after it. */
export const spansSql = (scope: Scope, params: SqlParams): string => {
  const { from, conditions } = tablesSql(scope, params, SPANS);
  conditions.push(
    `timestamp >= ${params.time(scope.startNs)} AND timestamp < ${params.time(scope.endNs)}`,
  );
  const access = spanAccessSql(scope.access, params);
  if (access !== undefined) conditions.push(access);
  return `${from} WHERE ${conditions.join(' AND ')}`;
};

/**
 * Ids of a trace's first spans. A span that came more than once, because its sender sent it again,
 * is one; a client's and a server's half of a call may share an id (Zipkin), and are two.
 */
const idsOfTrace = async (
  context: ReadContext,
  scope: Scope,
  traceId: string,
  limit: number,
): Promise<RowId[]> => {
  if (scope.tables.length === 0) return [];
  const params = new SqlParams();
  const query = statement(
    `SELECT timestamp, lane, seq FROM ${spansSql(scope, params)}` +
      ` AND trace_id = ${params.text(traceId)} ORDER BY timestamp, lane, seq` +
      ` LIMIT 1 BY span_id, span_kind, service LIMIT ${params.int64(limit)}`,
    params,
  );
  const ids: RowId[] = [];
  for await (const rows of await runValues(context, query, ['time', 'name', 'u64'])) {
    for (const [timestampNs, lane, seq] of rows) {
      ids.push({
        timestampNs: timestampNs as bigint,
        lane: lane as string,
        seq: seq as number,
      });
    }
  }
  return ids;
};

/** Spans of a trace with these ids, in their order, as far as an answer may be long. */
export const spansWithIds = async (
  context: ReadContext,
  scope: Scope,
  traceId: string,
  ids: readonly RowId[],
): Promise<{ spans: StoredSpan[]; whole: boolean }> => {
  const spans: StoredSpan[] = [];
  let room: number = LIMITS.queryAnswerBytes;
  for (let from = 0; from < ids.length; from += LIMITS.rowsById) {
    const some = ids.slice(from, from + LIMITS.rowsById);
    const held = new Map<string, StoredSpan>();
    for await (const rows of await runValues(context, rowsQuery(scope, traceId, some), KINDS)) {
      for (const values of rows) {
        room -= sizeOf(values);
        if (room < 0) break;
        held.set(keyOf(values[LANE] as string, values[SEQ] as number), storedSpan(rowOf(values)));
      }
      if (room < 0) break;
      await context.turn();
    }
    for (const { lane, seq } of some) {
      const span = held.get(keyOf(lane, seq));
      if (span !== undefined) spans.push(span);
    }
    if (room < 0) return { spans, whole: false };
  }
  return { spans, whole: true };
};

const keyOf = (lane: string, seq: number): string => `${seq} ${lane}`;

const rowsQuery = (
  scope: Scope,
  traceId: string,
  ids: readonly RowId[],
): ReturnType<typeof statement> => {
  const params = new SqlParams();
  const lanes = params.texts([...new Set(ids.map(({ lane }) => lane))]);
  const seqs = params.texts(ids.map(({ seq }) => String(seq)));
  return statement(
    `SELECT ${READ.map(([name]) => name).join(', ')} FROM ${spansSql(scope, params)}` +
      ` AND trace_id = ${params.text(traceId)} AND lane IN ${lanes}` +
      ` AND seq IN arrayMap(s -> toUInt64(s), ${seqs})`,
    params,
  );
};

/** What is read of a span, and how. */
const READ = [
  ['timestamp', 'time'],
  ['duration_ns', 'u64'],
  ['service', 'name'],
  ['name', 'name'],
  ['scope_name', 'name'],
  ['scope_version', 'name'],
  ['trace_id', 'name'],
  ['span_id', 'text'],
  ['parent_span_id', 'text'],
  ['trace_state', 'text'],
  ['status_message', 'text'],
  ['events', 'text'],
  ['links', 'text'],
  ['span_kind', 'u8'],
  ['status_code', 'u8'],
  ['flags', 'u64'],
  ['dropped_attributes', 'u64'],
  ['dropped_events', 'u64'],
  ['dropped_links', 'u64'],
  // Spans of one resource have the same.
  ['resource', 'labels'],
  ['scope_attributes', 'labels'],
  ['attributes', 'map'],
  ['value_types', 'map'],
  ['lane', 'name'],
  ['seq', 'u64'],
] as const satisfies readonly (readonly [SpanColumnName | 'lane' | 'seq', BinaryKind])[];

type ReadName = (typeof READ)[number][0];
const KINDS: readonly BinaryKind[] = READ.map(([, kind]) => kind);
const at = (name: ReadName): number => READ.findIndex(([one]) => one === name);
const [LANE, SEQ] = [at('lane'), at('seq')];
const PLACES = new Map(READ.map(([name], place) => [name, place]));

const rowOf = (values: readonly BinaryValue[]): SpanRow => {
  const value = (name: ReadName): BinaryValue => values[PLACES.get(name) as number] as BinaryValue;
  const text = (name: ReadName): string => value(name) as string;
  const number = (name: ReadName): number => value(name) as number;
  const pairs = (name: ReadName): TextPairs => value(name) as TextPairs;
  return {
    timestampNs: value('timestamp') as bigint,
    durationNs: BigInt(number('duration_ns')),
    service: text('service'),
    name: text('name'),
    scopeName: text('scope_name'),
    scopeVersion: text('scope_version'),
    traceId: text('trace_id'),
    spanId: text('span_id'),
    parentSpanId: text('parent_span_id'),
    traceState: text('trace_state'),
    statusMessage: text('status_message'),
    events: text('events'),
    links: text('links'),
    kind: number('span_kind') as SpanKind,
    statusCode: number('status_code') as StatusCode,
    flags: number('flags'),
    droppedAttributes: number('dropped_attributes'),
    droppedEvents: number('dropped_events'),
    droppedLinks: number('dropped_links'),
    resource: pairs('resource'),
    scope: pairs('scope_attributes'),
    attributes: pairs('attributes'),
    valueTypes: pairs('value_types'),
  };
};

/** About how much an answer grows by a row. */
const sizeOf = (values: readonly BinaryValue[]): number => {
  let bytes = 256;
  for (const value of values) {
    if (typeof value === 'string') bytes += value.length;
    else if (Array.isArray(value)) {
      for (const [key, text] of value as TextPairs) bytes += 40 + key.length + text.length;
    }
  }
  return bytes;
};
