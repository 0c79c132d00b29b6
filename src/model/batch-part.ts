import type { Batch } from './batch.ts';
import { takeRows, type Run } from './block-rows.ts';

/**
 * The rows of a batch that `keeps` names, at least one, as a batch of their own. Bounds of time and
 * layouts stay those of the whole: they may say more than is there, never less.
 */
export const partOf = (batch: Batch, keeps: (row: number) => boolean): Batch => {
  const { rows, columns, tokens, rawBytes } = batch;
  const runs: Run[] = [];
  let kept = 0;
  for (let row = 0; row < rows; row++) {
    if (!keeps(row)) continue;
    const from = row;
    while (row < rows && keeps(row)) row++;
    runs.push([from, row]);
    kept += row - from;
  }
  if (kept === rows) return batch;
  const part = {
    ...batch,
    rows: kept,
    data: takeRows(batch.data, columns, rows, runs),
    rawBytes: Math.round((rawBytes * kept) / rows),
  };
  if (tokens === undefined) return part;
  const left = new Uint32Array(2 * kept);
  let at = 0;
  for (const [from, to] of runs) {
    left.set(tokens.subarray(2 * from, 2 * to), at);
    at += 2 * (to - from);
  }
  return { ...part, tokens: left };
};
