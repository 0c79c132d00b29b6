import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';

/**
 * The points of a metric query, `startNs + k * stepNs` for k from 0 to `last`, and the windows of
 * one range aggregation: point k looks at `(point - offset - range, point - offset]`.
 *
 * A row falls into the windows of the points `a` to `b`, so rows are counted in *cells* (a, b).
 * The cells' borders are the windows' borders and nothing finer, so that there are at most two
 * per point, whatever the ratio of range and step.
 */
export interface Grid {
  /** The first point less the offset: where the first window ends. */
  readonly originNs: bigint;
  readonly rangeNs: bigint;
  /** 1 where there is only one point. */
  readonly stepNs: bigint;
  readonly last: number;
}

const NS_PER_DAY = 86_400_000_000_000n;

export const makeGrid = (
  points: { readonly startNs: bigint; readonly stepNs: bigint; readonly last: number },
  rangeNs: bigint,
  offsetNs: bigint,
): Grid => {
  const days = BigInt(LIMITS.queryRangeDays);
  if (rangeNs > days * NS_PER_DAY) {
    throw new MeshtrailError('query_limit', `the range in brackets is longer than ${days} days`);
  }
  const { startNs, stepNs, last } = points;
  return { originNs: startNs - offsetNs, rangeNs, stepNs: stepNs > 0n ? stepNs : 1n, last };
};

/** The time that the windows cover: rows with `startNs <= timestamp < endNs`. */
export const gridBounds = (grid: Grid): { readonly startNs: bigint; readonly endNs: bigint } => ({
  startNs: grid.originNs - grid.rangeNs + 1n,
  endNs: grid.originNs + BigInt(grid.last) * grid.stepNs + 1n,
});

/** First and last point whose windows a time within the bounds falls into; none when `a > b`. */
export const cellOf = (
  grid: Grid,
  timestampNs: bigint,
): { readonly a: number; readonly b: number } => {
  const { originNs, rangeNs, stepNs, last } = grid;
  const from = timestampNs - originNs;
  const a = from <= 0n ? 0 : Number((from + stepNs - 1n) / stepNs);
  const b = Number((from + rangeNs - 1n) / stepNs);
  return { a, b: b < last ? b : last };
};
