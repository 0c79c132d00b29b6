import { MeshtrailError } from '../model/errors.ts';
import { storedSpanJson } from '../model/span-row.ts';
import { ALL_OF_TENANT } from '../query/access-filter.ts';
import { QuerySession, type QuerySources } from '../query/session.ts';
import { readTrace, type Trace } from '../query/spans.ts';
import type { ApiReply, ApiRequest } from './exchange.ts';

/** The path that gives a trace back (reference: "Endpoints"; docs/api.md has the shape). */
export const TRACE_PATH = '/api/v1/traces/{id}';

/** Any time that a span can have. */
const ALL_TIMES = { startNs: 0n, endNs: 9_223_372_036_000_000_000n };

/**
 * `{trace_id, partial, spans: [...]}`: OTLP's JSON spans by start time, each with its `resource`
 * and `scope`. Throws `trace_id_invalid`, `trace_not_found` and what reading throws.
 */
export const createTracesApi =
  (sources: QuerySources) =>
  async ({ path, tenant, signal }: ApiRequest): Promise<ApiReply> => {
    const traceId = traceIdOf(path.slice(path.lastIndexOf('/') + 1));
    const session = new QuerySession(sources, { tenant, access: ALL_OF_TENANT, signal });
    const scope = await session.openSpans(ALL_TIMES.startNs, ALL_TIMES.endNs);
    const trace = await readTrace(session.context, scope, traceId);
    if (trace.spans.length === 0) throw notFound(traceId);
    const headers = { 'content-type': 'application/json' };
    return { status: 200, headers, body: traceJson(traceId, trace) };
  };

/** An id of 64 bits is one of 128 whose upper half is zero, as tracers have them. */
const traceIdOf = (text: string): string => {
  if (/^(?:[0-9a-f]{16}|[0-9a-f]{32})$/i.test(text)) return text.toLowerCase().padStart(32, '0');
  throw new MeshtrailError(
    'trace_id_invalid',
    `${JSON.stringify(text.slice(0, 100))} is not a trace id`,
    'A trace id has 32 hexadecimal digits, or 16.',
  );
};

const notFound = (traceId: string): MeshtrailError =>
  new MeshtrailError(
    'trace_not_found',
    `there is no trace ${traceId}`,
    'Its spans may be of another tenant (X-Scope-OrgID), or destroyed at the end of their time.',
  );

async function* traceJson(
  traceId: string,
  { spans, partial }: Trace,
): AsyncGenerator<string, void, undefined> {
  await Promise.resolve();
  yield `{"trace_id":"${traceId}","partial":${partial},"spans":[`;
  let piece = '';
  for (const [i, span] of spans.entries()) {
    piece += `${i === 0 ? '' : ','}${storedSpanJson(span)}`;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}]}\n`;
}

/** Characters of an answer that are handed on together. */
const PIECE = 65_536;
