import type { Labels } from '../labels.ts';

/**
 * What a range aggregation gets of the rows, in the order of their cells (`a`, then `b`): single
 * samples, or the engine's counts of many rows.
 */
export interface CellUpdate {
  /** First and last point whose windows it falls into. */
  readonly a: number;
  readonly b: number;
  readonly labels: Labels;
  /** Rows; 1 for a sample. */
  readonly count: number;
  /** The sample's value; for counted rows the sum of their values. */
  readonly value: number;
  readonly timestampNs: bigint;
}
