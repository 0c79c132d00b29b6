import { Bytes } from '../../model/bytes.ts';
import { CLICKHOUSE_TYPES, TAIL_COLUMNS } from '../../model/columns.ts';
import type { NumberedBatch } from '../../model/storage.ts';
import { sliceBlock } from './block-slice.ts';

/** Rows [from, to) of a batch: what is still to be sent of it. */
export interface Slice {
  readonly batch: NumberedBatch;
  readonly from: number;
  readonly to: number;
}

export const rowsOf = (slice: Slice): number => slice.to - slice.from;

/** About how many bytes a slice sends. */
export const bytesOf = ({ batch, from, to }: Slice): number =>
  batch.rows === 0 ? 0 : Math.ceil((batch.sizeBytes * (to - from)) / batch.rows);

/**
 * The body of one insert: a Native block a slice, each the batch's own columns (those without a
 * value are left out, and the engine fills them) and its place in the lane. Batches are loaded one
 * at a time.
 */
export async function* nativeBody(slices: readonly Slice[]): AsyncGenerator<Uint8Array> {
  for (const slice of slices) {
    const { batch, from, to } = slice;
    const data = await loaded(batch);
    const head = new Bytes(16);
    head.varint(batch.columns + TAIL_COLUMNS.length);
    head.varint(to - from);
    yield head.take();
    const whole = from === 0 && to === batch.rows;
    yield whole ? data : sliceBlock(data, batch.columns, batch.rows, from, to);
    yield tailOf(slice);
  }
}

/** A batch's bytes could not be read back from the journal. */
export class UnreadableBatch extends Error {
  readonly batch: NumberedBatch;

  constructor(batch: NumberedBatch, cause: unknown) {
    super('a batch of the journal cannot be read', { cause });
    this.batch = batch;
  }
}

async function loaded(batch: NumberedBatch): Promise<Uint8Array> {
  try {
    return await batch.load();
  } catch (error) {
    throw new UnreadableBatch(batch, error);
  }
}

const HAS_ADDITIONAL_KEYS = 0x200;
const NEEDS_UPDATE = 0x400;

/** `lane`, `seq`, `segment` of a slice (see `TAIL_COLUMNS`). */
function tailOf({ batch, from, to }: Slice): Uint8Array {
  const rows = to - from;
  const out = new Bytes(rows * 17 + 256);
  const [lane, seq, segment] = TAIL_COLUMNS;
  out.text(lane.name);
  out.text(CLICKHOUSE_TYPES[lane.kind]);
  out.u64(1);
  out.u64(HAS_ADDITIONAL_KEYS | NEEDS_UPDATE);
  out.u64(1);
  out.text(batch.lane);
  out.u64(rows);
  out.raw(new Uint8Array(rows), 0, rows);
  out.text(seq.name);
  out.text(CLICKHOUSE_TYPES[seq.kind]);
  for (let row = from; row < to; row++) out.u64(batch.seq + row);
  out.text(segment.name);
  out.text(CLICKHOUSE_TYPES[segment.kind]);
  for (let row = from; row < to; row++) out.u64(batch.segment);
  return out.take();
}
