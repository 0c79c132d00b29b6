import type { RangeAggregation } from '../logql/ast.ts';
import type { ReadContext } from '../read.ts';
import type { Split } from '../split.ts';
import type { Scan } from '../sql.ts';
import { accumulatorOf, type Accumulator } from './accumulator.ts';
import type { CellUpdate } from './cells.ts';
import { countedCells } from './counted-cells.ts';
import type { Grid } from './grid.ts';
import { groupsOf } from './groups.ts';
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
 */
export const rangeCells = (
  context: ReadContext,
  scan: Scan,
  split: Split,
  expr: RangeAggregation,
  shape: Shape,
  grid: Grid,
): RangeCells => {
  const { unwrap } = expr.range;
  const own = accumulatorOf(expr);
  const inProcess: Way = {
    cells: () => sampledCells(context, scan, split.rest, expr, shape, grid),
    make: own,
  };
  const space = split.labels;
  const groups = space === undefined ? undefined : groupsOf(shape, space, context.labels);
  if (groups === undefined || space === undefined) return inOrder([inProcess]);
  if (unwrap === null) {
    const cells = (): Cells => countedCells(context, scan, expr, groups, grid);
    return inOrder([{ cells, make: own }, inProcess]);
  }
  if (!isSqlUnwrap(unwrap)) return inOrder([inProcess]);
  const unwrapping = { unwrap, space, groups, grid };
  const samples: Way = { cells: () => unwrappedSamples(context, scan, unwrapping), make: own };
  const taken = aggregatedCells(context, scan, expr, unwrapping);
  return inOrder(taken === undefined ? [samples, inProcess] : [taken, samples, inProcess]);
};

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
