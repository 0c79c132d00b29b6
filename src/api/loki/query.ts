import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import { explainLogPlan, explainMetricPlan, type Explanation } from '../../query/explain.ts';
import { runLogPlan } from '../../query/log-query.ts';
import type { MetricExpr } from '../../query/logql/ast.ts';
import { pointNs, runInstant, runRange } from '../../query/metric-query.ts';
import type { Entry } from '../../query/pipeline/entry.ts';
import type { QuerySession } from '../../query/session.ts';
import type { ApiReply, ApiRequest } from '../exchange.ts';
import {
  groupStreams,
  matrixJson,
  scalarJson,
  streamsJson,
  vectorJson,
  type QueryStats,
} from './encode.ts';
import {
  boundsOf,
  categorizesLabels,
  checkEntries,
  checkRange,
  directionOf,
  instantOf,
  intervalOf,
  limitOf,
  queryOf,
  stepOf,
} from './parameters.ts';
import { jsonReply, LokiRefusal } from './refusal.ts';

/** `query` and `query_range`. */

export const instantQuery = async (
  request: ApiRequest,
  session: QuerySession,
  clock: Clock,
): Promise<ApiReply> => {
  const began = clock.monotonicMs();
  limitOf(request.query);
  const atNs = instantOf(request.query, clock.nowNs());
  directionOf(request.query);
  const expr = queryOf(request.query);
  if (expr.type === 'log') {
    throw new LokiRefusal(
      'log queries are not supported as an instant query type, ' +
        'please change your query to a range query type',
    );
  }
  const seconds = (): number => (clock.monotonicMs() - began) / 1_000;
  if (expr.type === 'literal') {
    return jsonReply(scalarJson(atNs, expr.value, noLines(seconds(), 0)));
  }
  const plan = session.metricPlan(expr, { startNs: atNs, endNs: atNs, stepNs: 0n });
  if (asksForPlan(request)) return planReply(await explainMetricPlan(plan));
  const vector = await runInstant(session.context, plan);
  return jsonReply(vectorJson(atNs, vector, noLines(seconds(), vector.length)));
};

const noLines = (seconds: number, returned: number): QueryStats => ({
  lines: 0,
  bytes: 0,
  returned,
  seconds,
});

export const rangeQuery = async (
  request: ApiRequest,
  session: QuerySession,
  clock: Clock,
): Promise<ApiReply> => {
  const bounds = boundsOf(request.query, clock.nowNs());
  const limit = limitOf(request.query);
  const direction = directionOf(request.query);
  const stepNs = stepOf(request.query, bounds);
  checkRange(bounds, stepNs);
  const intervalNs = intervalOf(request.query);
  const expr = queryOf(request.query);
  if (expr.type !== 'log') {
    const points = { ...bounds, stepNs };
    if (!asksForPlan(request)) return matrixQuery(session, expr, points, clock);
    return planReply(await explainMetricPlan(session.metricPlan(expr, points)));
  }
  checkEntries(limit);
  const plan = await session.logPlan(expr, bounds, intervalNs > 0n ? Infinity : limit, direction);
  if (asksForPlan(request)) return planReply(explainLogPlan(plan));
  return linesQuery(request, session, clock, {
    entries: runLogPlan(session.context, plan),
    limit,
    intervalNs,
  });
};

/** Our own: how a query would be run, instead of its answer (docs/protocols.md). */
const asksForPlan = ({ headers }: ApiRequest): boolean =>
  headers['x-meshtrail-plan']?.trim().toLowerCase() === 'explain';

const planReply = (explanation: Explanation): ApiReply =>
  jsonReply(`${JSON.stringify(explanation)}\n`);

const matrixQuery = async (
  session: QuerySession,
  expr: MetricExpr,
  points: { readonly startNs: bigint; readonly endNs: bigint; readonly stepNs: bigint },
  clock: Clock,
): Promise<ApiReply> => {
  const began = clock.monotonicMs();
  const plan = session.metricPlan(expr, points);
  const series = await runRange(session.context, plan);
  const returned = series.reduce((sum, { points: held }) => sum + held.length, 0);
  const stats = noLines((clock.monotonicMs() - began) / 1_000, returned);
  return jsonReply(matrixJson(series, (point) => pointNs(plan, point), stats));
};

interface Lines {
  readonly entries: AsyncIterable<Entry>;
  readonly limit: number;
  readonly intervalNs: bigint;
}

const linesQuery = async (
  request: ApiRequest,
  session: QuerySession,
  clock: Clock,
  lines: Lines,
): Promise<ApiReply> => {
  const began = clock.monotonicMs();
  const { found, bytes, warnings } = await take(lines);
  const seconds = (clock.monotonicMs() - began) / 1_000;
  const categorize = categorizesLabels(request.headers);
  const stats = { lines: found.length, bytes, returned: found.length, seconds };
  await session.context.turn();
  return jsonReply(streamsJson(groupStreams(found, categorize), categorize, stats, warnings));
};

/** The entries of an answer: at most the limit, `intervalNs` apart, and bounded in bytes. */
const take = async ({
  entries,
  limit,
  intervalNs,
}: Lines): Promise<{ found: Entry[]; bytes: number; warnings: string[] }> => {
  const found: Entry[] = [];
  let bytes = 0;
  let lastNs: bigint | undefined;
  for await (const entry of entries) {
    const { timestampNs } = entry.row;
    const apart = lastNs === undefined ? intervalNs : distance(timestampNs, lastNs);
    if (apart < intervalNs) continue;
    if (bytes > 0 && bytes + entry.bytes > LIMITS.queryAnswerBytes) {
      const limited = `the answer was cut at ${found.length} lines, ${bytes} bytes of lines`;
      return { found, bytes, warnings: [`${limited}: ask for a lower limit`] };
    }
    found.push(entry);
    bytes += entry.bytes;
    lastNs = timestampNs;
    if (found.length >= limit) break;
  }
  return { found, bytes, warnings: [] };
};

const distance = (a: bigint, b: bigint): bigint => (a > b ? a - b : b - a);
