import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { sortLabels, type Labels, type Pair } from '../labels.ts';
import type { BinaryExpr, MetricExpr, RangeAggregation, VectorAggregation } from '../logql/ast.ts';
import type { MetricPlan } from '../plan.ts';
import type { ReadContext } from '../read.ts';
import { layoutsOf, serviceTest } from '../relevant-layouts.ts';
import { splitStages } from '../split.ts';
import { withLiteral, withVector } from './binary.ts';
import { rangeCells } from './engine-cells.ts';
import { gridBounds, makeGrid } from './grid.ts';
import { labelReplace } from './label-replace.ts';
import { neededStages, shapeOf } from './shape.ts';
import type { StepSource } from './vector.ts';
import { vectorAggregation } from './vector-aggregation.ts';
import { SampleBudget, Windows } from './windows.ts';

/**
 * Builds the tree of step sources for a metric plan. The engine is asked as points are asked for.
 */
export const stepSource = (context: ReadContext, plan: MetricPlan): Promise<StepSource> =>
  new Builder(context, plan).build(plan.expr);

/** The number of the last point. */
export const lastPoint = ({ startNs, endNs, stepNs }: MetricPlan): number =>
  stepNs > 0n ? Number((endNs - startNs) / stepNs) : 0;

class Builder {
  private readonly context: ReadContext;
  private readonly plan: MetricPlan;
  private readonly budget = new SampleBudget();
  private ranges = 0;

  constructor(context: ReadContext, plan: MetricPlan) {
    this.context = context;
    this.plan = plan;
  }

  /** @param outer the aggregations around the expression, the nearest first. */
  async build(expr: MetricExpr, outer: readonly VectorAggregation[] = []): Promise<StepSource> {
    switch (expr.type) {
      case 'range_aggregation':
        return this.range(expr, outer);
      case 'vector_aggregation':
        return vectorAggregation(expr, await this.build(expr.expr, [expr, ...outer]));
      case 'binary':
        return this.binary(expr);
      case 'label_replace':
        return labelReplace(expr, await this.build(expr.expr));
      case 'literal':
      case 'vector':
        return constant(expr.value);
    }
  }

  private async binary(expr: BinaryExpr): Promise<StepSource> {
    const { left, right } = expr;
    if (left.type === 'literal') {
      return withLiteral(expr, await this.build(right), left.value, 'left');
    }
    if (right.type === 'literal') {
      return withLiteral(expr, await this.build(left), right.value, 'right');
    }
    return withVector(expr, await this.build(left), await this.build(right));
  }

  private async range(
    expr: RangeAggregation,
    outer: readonly VectorAggregation[],
  ): Promise<StepSource> {
    if (++this.ranges > LIMITS.queryRanges) {
      throw new MeshtrailError(
        'query_limit',
        `more than ${LIMITS.queryRanges} range aggregations in one query`,
      );
    }
    const { plan, context } = this;
    const points = { startNs: plan.startNs, stepNs: plan.stepNs, last: lastPoint(plan) };
    const grid = makeGrid(points, expr.range.intervalNs, expr.range.offsetNs);
    const { startNs, endNs } = gridBounds(grid);
    const scope = await plan.open(startNs, endNs);
    const shape = shapeOf(expr, outer[0]);
    const { matchers } = expr.range.log;
    const layouts = layoutsOf(scope, serviceTest(matchers));
    const split = splitStages(neededStages(expr, shape), layouts);
    const scan = { scope, matchers, stages: split.sql, layouts };
    const { cells, make } = rangeCells(context, scan, split, expr, shape, grid, topOf(expr, outer));
    const windows = new Windows(grid, cells, make, this.budget);
    return expr.op === 'absent_over_time' ? absent(expr, windows) : windows;
  }
}

/**
 * `k` of `topk(k, sum by (a) (count_over_time(...)))`: the sums are the groups' own counts, and no
 * others matter.
 */
const topOf = (
  { grouping }: RangeAggregation,
  [sum, top]: readonly VectorAggregation[],
): number | undefined => {
  const whole = grouping === null && sum?.op === 'sum' && top?.op === 'topk';
  return whole && top.grouping === null ? (top.param ?? undefined) : undefined;
};

const constant = (value: number): StepSource => {
  const vector = [{ labels: [], value }];
  return { at: () => Promise.resolve(vector), close: () => Promise.resolve() };
};

/** One series of value 1 at each point where there is nothing. */
const absent = (expr: RangeAggregation, windows: Windows): StepSource => {
  const missing = [{ labels: absentLabels(expr), value: 1 }];
  return {
    at: async (k) => ((await windows.at(k)).length > 0 ? [] : missing),
    close: () => windows.close(),
  };
};

/**
 * The labels that the selector says lines would have: each name that is asked to be equal, once.
 */
const absentLabels = (expr: RangeAggregation): Labels => {
  const { matchers } = expr.range.log;
  const pairs: Pair[] = [];
  for (const { name, op, value } of matchers) {
    const once = matchers.filter((other) => other.name === name).length === 1;
    if (op === '=' && once) pairs.push([name, value]);
  }
  return sortLabels(pairs);
};
