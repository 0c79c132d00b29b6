import { MeshtrailError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { compareLabels, type Labels } from './labels.ts';
import type { MetricExpr } from './logql/ast.ts';
import { lastPoint, stepSource } from './metrics/evaluate.ts';
import { keyOfLabels, sortVector, type Vector } from './metrics/vector.ts';
import type { MetricPlan } from './plan.ts';
import type { ReadContext } from './read.ts';

/** The points of one series: numbers of points, and values. */
export interface Series {
  readonly labels: Labels;
  readonly points: number[];
  readonly values: number[];
}

/** Time of point `k`, nanoseconds. */
export const pointNs = (plan: MetricPlan, k: number): bigint =>
  plan.startNs + BigInt(k) * plan.stepNs;

/** An instant query's vector: by labels, or by value where the query sorts. */
export const runInstant = async (context: ReadContext, plan: MetricPlan): Promise<Vector> => {
  const source = await stepSource(context, plan);
  try {
    const vector = await source.at(0);
    if (vector.length > LIMITS.querySeries) throw tooManySeries();
    return sorts(plan.expr) ? vector : sortVector(vector);
  } catch (error) {
    throw explained(error, plan);
  } finally {
    await source.close();
  }
};

/** A range query's series, by labels. */
export const runRange = async (
  context: ReadContext,
  plan: MetricPlan,
): Promise<readonly Series[]> => {
  const series = new Map<string, Series>();
  const source = await stepSource(context, plan);
  try {
    for (let k = 0; k <= lastPoint(plan); k++) {
      for (const { labels, value } of await source.at(k)) {
        const key = keyOfLabels(labels);
        let one = series.get(key);
        if (one === undefined) {
          if (series.size >= LIMITS.querySeries) throw tooManySeries();
          series.set(key, (one = { labels, points: [], values: [] }));
        }
        one.points.push(k);
        one.values.push(value);
      }
      await context.turn();
    }
  } catch (error) {
    throw explained(error, plan);
  } finally {
    await source.close();
  }
  return [...series.values()].sort((a, b) => compareLabels(a.labels, b.labels));
};

const tooManySeries = (): MeshtrailError =>
  new MeshtrailError(
    'query_series',
    `maximum number of series (${LIMITS.querySeries}) reached for a single query; ` +
      'consider reducing query cardinality by adding more specific stream selectors, reducing the ' +
      'time range, or aggregating results with functions like sum(), count() or topk()',
  );

/** Whether any part of the query sorts: then an instant answer keeps its order. */
const sorts = (expr: MetricExpr): boolean => {
  switch (expr.type) {
    case 'vector_aggregation':
      return expr.op === 'sort' || expr.op === 'sort_desc' || sorts(expr.expr);
    case 'binary':
      return sorts(expr.left) || sorts(expr.right);
    case 'label_replace':
      return sorts(expr.expr);
    default:
      return false;
  }
};

/** The engine's own bound on groups, in the words of the bound that it stands for. */
const explained = (error: unknown, plan: MetricPlan): unknown => {
  if (!(error instanceof MeshtrailError) || error.code !== 'query_failed') return error;
  if (!error.message.includes('GROUP BY')) return error;
  // So many groups at these points are more series than an answer may have.
  if (2 * (lastPoint(plan) + 1) * LIMITS.querySeries < LIMITS.queryGroups) return tooManySeries();
  return new MeshtrailError(
    'query_limit',
    `the query counts more than ${LIMITS.queryGroups} combinations of series and points`,
    'Use a longer step, more matchers, or a grouping with fewer labels.',
    { cause: error },
  );
};
