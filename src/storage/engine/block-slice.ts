import { takeRows } from '../../model/block-rows.ts';

/** Rows [from, to) out of `columns` columns of `rows` rows, in the form of `Batch.data`. */
export function sliceBlock(
  data: Uint8Array,
  columns: number,
  rows: number,
  from: number,
  to: number,
): Uint8Array {
  return takeRows(data, columns, rows, [[from, to]]);
}
