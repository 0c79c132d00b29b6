import type { RangeAggregation } from '../logql/ast.ts';
import { parseDoubtSql } from '../parsed-labels.ts';
import type { ReadContext } from '../read.ts';
import type { LabelSpace } from '../record-fields.ts';
import type { Split } from '../split.ts';
import type { Scan } from '../sql.ts';
import { accumulatorOf, type Accumulator } from './accumulator.ts';
import type { CellUpdate } from './cells.ts';
import { countedCells } from './counted-cells.ts';
import type { Grid } from './grid.ts';
import { groupsOf, hasGroups } from './groups.ts';
import { sampledCells } from './sampled-cells.ts';
import type { Shape } from './shape.ts';
import { firstDecided } from './undecided.ts';
import { aggregatedCells, isSqlUnwrap, unwrappedSamples } from './unwrapped-cells.ts';

type Cells = AsyncGenerator<readonly CellUpdate[], void, undefined>;

/** The cells of a range aggregation, and what adds them up. */
export interface RangeCells {
  readonly cells: Cells;
  readonly make: () => Accumulator;
}

/**
 * The cells of a range aggregation in the cheapest way that gives exactly what our process would
 * give from whole rows; each way that may meet rows in doubt is followed by a slower one.
 * @param top only so many of the greatest series matter.
 */
export const rangeCells = (
  context: ReadContext,
  scan: Scan,
  split: Split,
  expr: RangeAggregation,
  shape: Shape,
  grid: Grid,
  top?: number,
): RangeCells => {
  const { unwrap } = expr.range;
  const own = accumulatorOf(expr);
  const inProcess: Way = {
    cells: () => sampledCells(context, scan, split.rest, expr, shape, grid),
    make: own,
  };
  const ways = spacesOf(split.labels).flatMap((space): readonly Way[] => {
    const groups = groupsOf(shape, space, context.labels);
    if (groups === undefined) return [];
    const within = inSpace(scan, space);
    const most = groups.distinct && grid.last === 0 ? top : undefined;
    if (unwrap === null) {
      return [{ cells: () => countedCells(context, within, expr, groups, grid, most), make: own }];
    }
    if (!isSqlUnwrap(unwrap)) return [];
    const unwrapping = { unwrap, space, groups, grid };
    const taken = aggregatedCells(context, within, expr, unwrapping);
    const samples = { cells: () => unwrappedSamples(context, within, unwrapping), make: own };
    return taken === undefined ? [samples] : [taken, samples];
  });
  return inOrder([...ways, inProcess]);
};

/** First as if no stored label hid a field of the record, which is seldom and costly to look at. */
const spacesOf = (labels: LabelSpace | undefined): readonly LabelSpace[] => {
  if (labels === undefined) return [];
  return labels === 'record' ? ['own', 'record'] : [labels];
};

const inSpace = (scan: Scan, space: LabelSpace): Scan => ({
  ...scan,
  ...(typeof space === 'object' && { doubt: parseDoubtSql(space) }),
  stages: scan.stages.map((stage) =>
    stage.type === 'labels' && stage.space === 'record' ? { ...stage, space } : stage,
  ),
});

/** Whether the engine aggregates, as long as it meets no row in doubt. */
export const aggregatesInEngine = (
  { labels }: Split,
  { range }: RangeAggregation,
  shape: Shape,
): boolean =>
  labels !== undefined &&
  hasGroups(shape, labels) &&
  (range.unwrap === null || isSqlUnwrap(range.unwrap));

/** One way to the cells; `make` fits what it gives. */
interface Way {
  readonly cells: () => Cells;
  readonly make: () => Accumulator;
}

/** Accumulators are made for updates only, and those all come from one way. */
const inOrder = (ways: readonly Way[]): RangeCells => {
  let make = (ways[0] as Way).make;
  const cells = firstDecided(
    ways.map((way) => () => {
      ({ make } = way);
      return way.cells();
    }),
  );
  return { cells, make: () => make() };
};
