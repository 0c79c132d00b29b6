import { COLUMNS, TAIL_COLUMNS } from '../model/columns.ts';
import { MeshtrailError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../platform/clock.ts';
import { ALL_OF_TENANT } from '../query/access-filter.ts';
import { LogqlError } from '../query/logql/errors.ts';
import { parseLogql } from '../query/logql/parser.ts';
import type { LogExpr } from '../query/logql/ast.ts';
import { runLogPlan } from '../query/log-query.ts';
import type { RowId } from '../query/plan.ts';
import { rowsWithIds } from '../query/read.ts';
import type { Row } from '../query/row.ts';
import { WHOLE_ROWS } from '../query/rows.ts';
import { QuerySession, type QuerySources } from '../query/session.ts';
import type { ApiReply, ApiRequest } from './exchange.ts';
import { boundsOf, directionOf, limitOf } from './loki/parameters.ts';
import { LokiRefusal } from './loki/refusal.ts';
import { rfc3339 } from './rfc3339.ts';

/** Our own reading endpoints: records with every field (reference: "Endpoints"). */
export interface RecordsApi {
  /** Answers one request. Throws MeshtrailError; the server writes it in our own error form. */
  handle(request: ApiRequest): Promise<ApiReply>;
}

export const RECORD_PATHS: readonly { readonly method: 'GET'; readonly path: string }[] = [
  { method: 'GET', path: '/api/v1/records/{id}' },
  { method: 'GET', path: '/api/v1/query' },
];

const ONE_RECORD = /^\/api\/v1\/records\/([^/]+)$/;

export const createRecordsApi = (sources: QuerySources): RecordsApi => ({
  handle: async (request) => {
    const { tenant, signal, path } = request;
    const session = new QuerySession(sources, { tenant, access: ALL_OF_TENANT, signal });
    const id = ONE_RECORD.exec(path)?.[1];
    if (id !== undefined) return oneRecord(session, id);
    if (path === '/api/v1/query') return queryRecords(request, session, sources.clock);
    throw new MeshtrailError('path_not_found', `nothing is served at ${path}`);
  },
});

/** A record's id as it stands in paths: lane and number, url-safe. */
export const recordId = ({ lane, seq }: { readonly lane: string; readonly seq: number }): string =>
  Buffer.from(`${lane}:${seq}`, 'utf8').toString('base64url');

const parseRecordId = (id: string): { lane: string; seq: number } | undefined => {
  const text = Buffer.from(id, 'base64url').toString('utf8');
  const [, lane, seq] = /^(.*):([0-9]{1,15})$/s.exec(text) ?? [];
  return lane === undefined || seq === undefined ? undefined : { lane, seq: Number(seq) };
};

const notFound = (id: string): MeshtrailError =>
  new MeshtrailError(
    'record_not_found',
    `there is no record ${JSON.stringify(id.slice(0, 200))}`,
    'Ids come from /api/v1/query; a record may have been destroyed at the end of its retention.',
  );

/** Any time that a record can have. */
const ALL_TIMES = { startNs: 0n, endNs: 9_223_372_036_000_000_000n };

const oneRecord = async (session: QuerySession, id: string): Promise<ApiReply> => {
  const asked = parseRecordId(id);
  if (asked === undefined) throw notFound(id);
  const scope = await session.open(ALL_TIMES.startNs, ALL_TIMES.endNs);
  for await (const row of rowsWithIds(session.context, scope, WHOLE_ROWS, 'forward', [asked])) {
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: `${JSON.stringify(recordJson(row))}\n`,
    };
  }
  throw notFound(id);
};

const NUMBERS: ReadonlySet<string> = new Set(
  [...COLUMNS, ...TAIL_COLUMNS].flatMap(({ name, kind }) =>
    kind === 'u8' || kind === 'u16' || kind === 'u64' ? [name] : [],
  ),
);
const TIMES: ReadonlySet<string> = new Set(
  COLUMNS.flatMap(({ name, kind }) => (kind === 'time' ? [name] : [])),
);

/** A record as JSON: its columns by name, unset ones left out; the line and the maps always. */
export const recordJson = (row: Row): Record<string, unknown> => {
  const record: Record<string, unknown> = { id: recordId(row) };
  for (const [name, value] of row.fields?.columns ?? []) {
    if (TIMES.has(name)) record[name] = rfc3339(BigInt(value));
    else record[name] = NUMBERS.has(name) ? Number(value) : value;
  }
  record['line'] = row.line;
  // JSON holds text only: the bytes as they are, where they are none.
  if (row.lineRaw !== undefined) {
    record['line_base64'] = Buffer.from(row.lineRaw).toString('base64');
  }
  record['labels'] = Object.fromEntries(row.fields?.labels ?? []);
  record['metadata'] = Object.fromEntries(row.fields?.metadata ?? []);
  record['attributes'] = Object.fromEntries(row.fields?.attributes ?? []);
  return record;
};

const queryRecords = async (
  { query }: ApiRequest,
  session: QuerySession,
  clock: Clock,
): Promise<ApiReply> => {
  const bounds = boundsOf(query, clock.nowNs());
  const limit = Math.min(limitOf(query), LIMITS.queryLines);
  const direction = directionOf(query);
  const cursor = query.get('cursor') ?? '';
  const after = cursor === '' ? undefined : parseCursor(cursor);
  const expr = logExprOf(query.get('lang') ?? 'logql', query.get('query') ?? '');
  const plan = await session.logPlan(expr, bounds, limit, direction, {
    whole: true,
    ...(after !== undefined && { after }),
  });
  const entries = runLogPlan(session.context, plan)[Symbol.asyncIterator]();
  // The first record decides the status; what fails later breaks the answer off.
  const first = await entries.next();
  async function* body(): AsyncGenerator<string, void, undefined> {
    const began = clock.monotonicMs();
    const stats = { rows: 0, bytes: 0, hit: [] as string[] };
    let last: RowId | undefined;
    for (let next = first; next.done !== true; next = await entries.next()) {
      const { row } = next.value;
      if (stats.bytes > 0 && stats.bytes + row.lineBytes > LIMITS.queryAnswerBytes) {
        stats.hit.push('query_answer_bytes');
        await entries.return();
        break;
      }
      stats.rows++;
      stats.bytes += row.lineBytes;
      last = row;
      yield `${JSON.stringify(recordJson(row))}\n`;
    }
    if (stats.rows >= limit) stats.hit.push('limit');
    yield endJson(stats, clock.monotonicMs() - began, last);
  }
  return { status: 200, headers: { 'content-type': 'application/x-ndjson' }, body: body() };
};

const endJson = (
  { rows, bytes, hit }: { rows: number; bytes: number; hit: readonly string[] },
  elapsedMs: number,
  last: RowId | undefined,
): string => {
  const stats = {
    rows_read: rows,
    bytes_read: bytes,
    elapsed_ns: Math.round(elapsedMs * 1e6),
    partial: hit.length > 0,
    limits_hit: hit,
  };
  const cursor = hit.length > 0 && last !== undefined ? cursorOf(last) : null;
  return `${JSON.stringify({ stats, cursor })}\n`;
};

const cursorOf = ({ timestampNs, lane, seq }: RowId): string =>
  Buffer.from(`${timestampNs}:${lane}:${seq}`, 'utf8').toString('base64url');

const parseCursor = (cursor: string): RowId => {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const [, ns, lane, seq] = /^([0-9]{1,19}):(.*):([0-9]{1,15})$/s.exec(text) ?? [];
  if (ns === undefined || lane === undefined || seq === undefined) {
    throw new MeshtrailError(
      'query_cursor',
      'the cursor is none of ours',
      'Leave it out to start.',
    );
  }
  return { timestampNs: BigInt(ns), lane, seq: Number(seq) };
};

const logExprOf = (lang: string, text: string): LogExpr => {
  if (lang !== 'logql') {
    throw new MeshtrailError(
      'not_supported',
      `the language ${JSON.stringify(lang.slice(0, 40))} is not supported yet`,
      'Use lang=logql.',
    );
  }
  const expr = parseLogql(text);
  if (expr instanceof LogqlError) throw expr;
  if (expr.type === 'log') return expr;
  throw new LokiRefusal('this endpoint gives records: ask /loki/api/v1/query_range for metrics');
};
