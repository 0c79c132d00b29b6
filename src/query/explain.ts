import type { FilterCase } from './line-filter-plan.ts';
import type { MetricExpr, RangeAggregation, Stage, VectorAggregation } from './logql/ast.ts';
import { printStage } from './logql/printer-log.ts';
import { aggregatesInEngine } from './metrics/engine-cells.ts';
import { gridBounds, makeGrid } from './metrics/grid.ts';
import { neededStages, shapeOf } from './metrics/shape.ts';
import type { LogPlan, MetricPlan } from './plan.ts';
import { layoutsOf, serviceTest } from './relevant-layouts.ts';
import { splitStages, type Split } from './split.ts';

/** How a plan would be run: nothing is read for it. */
export interface Explanation {
  /** What the engine does, in words, stages in LogQL. */
  readonly engine: readonly string[];
  /** What runs in our process over the rows that the engine lets through. */
  readonly process: readonly string[];
  readonly filters: readonly FilterExplanation[];
  /** Tables that are read. */
  readonly tables: number;
  /** Layouts that the rows may have. */
  readonly layouts: number;
}

export interface FilterExplanation {
  readonly filter: string;
  /** For line filters one of `FilterCase`; for label filters by what decides them. */
  readonly case: FilterCase;
  /** Layouts that matter to it: none to what looks at labels. */
  readonly layouts: number;
}

const explainStages = (
  stages: readonly Stage[],
  split: Split,
  layouts: number,
): Pick<Explanation, 'engine' | 'process' | 'filters'> => {
  const print = (stage: Stage): string => printStage(stage);
  const pushed = new Map(split.sql.map((one) => [one.filter as unknown, one]));
  const filters = stages.flatMap((stage): FilterExplanation[] => {
    const again = split.rest.includes(stage);
    if (stage.type === 'line_filter') {
      const one = pushed.get(stage);
      const found = one?.type === 'line_filter' ? one.plan.case : 'in process';
      return [{ filter: print(stage), case: found, layouts }];
    }
    if (stage.type !== 'label_filter') return [];
    const isPushed = pushed.has(stage.filter);
    const found = !isPushed ? 'in process' : again ? 'pre-filter, in process' : 'columns';
    return [{ filter: print(stage), case: found, layouts: 0 }];
  });
  const inEngine = stages.filter(
    (stage) => pushed.has(stage) || (stage.type === 'label_filter' && pushed.has(stage.filter)),
  );
  return { engine: inEngine.map(print), process: split.rest.map(print), filters };
};

/** How rows are looked for. */
const reads = ({ direction }: LogPlan, { decided }: Split): string =>
  `${direction === 'backward' ? 'newest' : 'oldest'} first in growing windows` +
  (decided ? ', ids first and whole rows last' : '');

export const explainLogPlan = (plan: LogPlan): Explanation => {
  const { scope, matchers, stages } = plan;
  const layouts = layoutsOf(scope, serviceTest(matchers));
  const split = splitStages(stages, layouts);
  const told = explainStages(stages, split, layouts.length);
  return {
    ...told,
    engine: [...told.engine, reads(plan, split)],
    tables: scope.tables.length,
    layouts: layouts.length,
  };
};

/** A metric query's parts together: one for each of its range aggregations. */
export const explainMetricPlan = async (plan: MetricPlan): Promise<Explanation> => {
  const parts: Explanation[] = [];
  for (const { expr, outer } of rangesOf(plan.expr)) {
    parts.push(await explainRange(plan, expr, outer));
  }
  return {
    engine: parts.flatMap(({ engine }) => engine),
    process: parts.flatMap(({ process }) => process),
    filters: parts.flatMap(({ filters }) => filters),
    tables: Math.max(0, ...parts.map(({ tables }) => tables)),
    layouts: Math.max(0, ...parts.map(({ layouts }) => layouts)),
  };
};

interface Range {
  readonly expr: RangeAggregation;
  readonly outer: VectorAggregation | undefined;
}

const rangesOf = (expr: MetricExpr, outer?: VectorAggregation): readonly Range[] => {
  switch (expr.type) {
    case 'range_aggregation':
      return [{ expr, outer }];
    case 'vector_aggregation':
      return rangesOf(expr.expr, expr);
    case 'binary':
      return [...rangesOf(expr.left), ...rangesOf(expr.right)];
    case 'label_replace':
      return rangesOf(expr.expr);
    default:
      return [];
  }
};

const explainRange = async (
  plan: MetricPlan,
  expr: RangeAggregation,
  outer: VectorAggregation | undefined,
): Promise<Explanation> => {
  const { startNs, stepNs, endNs } = plan;
  const last = stepNs > 0n ? Number((endNs - startNs) / stepNs) : 0;
  const grid = makeGrid({ startNs, stepNs, last }, expr.range.intervalNs, expr.range.offsetNs);
  const bounds = gridBounds(grid);
  const scope = await plan.open(bounds.startNs, bounds.endNs);
  const { matchers } = expr.range.log;
  const layouts = layoutsOf(scope, serviceTest(matchers));
  const shape = shapeOf(expr, outer);
  const stages = neededStages(expr, shape);
  const split = splitStages(stages, layouts);
  const told = explainStages(stages, split, layouts.length);
  // Where it cannot, for all labels behind `| record` as an example, rows come here.
  const inEngine = aggregatesInEngine(split, expr, shape);
  const [engine, process] = inEngine ? [[expr.op], []] : [[], [expr.op]];
  return {
    engine: [...told.engine, ...engine],
    process: [...told.process, ...process],
    filters: told.filters,
    tables: scope.tables.length,
    layouts: layouts.length,
  };
};
