import { Bytes } from './bytes.ts';

/**
 * Takes rows out of a batch's Native columns: what is missing of a batch, the row that the engine
 * refuses, what is not there yet of a batch that was sent twice. Rare: plain code, linear in the
 * batch, and dictionaries are kept whole.
 * Source of the form: ClickHouse's `Native` format at revision 0 (see native.ts).
 */

/** The bytes are no Native columns of that many rows. */
export class BlockError extends Error {}

/** Rows `from` to `to`, without `to`. */
export type Run = readonly [from: number, to: number];

/**
 * The rows of `runs`, which ascend and do not touch the same row twice, out of `columns` columns of
 * `rows` rows, in the form of `Batch.data`.
 */
export function takeRows(
  data: Uint8Array,
  columns: number,
  rows: number,
  runs: readonly Run[],
): Uint8Array<ArrayBuffer> {
  const cut: Cut = { input: new Input(data), out: new Bytes(65_536) };
  for (let column = 0; column < columns; column++) {
    const name = cut.input.string();
    const type = cut.input.string();
    cut.out.string(name, 0, name.length);
    cut.out.string(type, 0, type.length);
    takeColumn(cut, new TextDecoder().decode(type), rows, runs);
  }
  if (cut.input.at !== data.length) throw new BlockError('bytes follow the last column');
  return cut.out.take();
}

interface Cut {
  readonly input: Input;
  readonly out: Bytes;
}

const WIDTHS: Readonly<Record<string, number>> = {
  'DateTime64(9)': 8,
  UInt64: 8,
  UInt16: 2,
  UInt8: 1,
};

function takeColumn(cut: Cut, type: string, rows: number, runs: readonly Run[]): void {
  const width = WIDTHS[type];
  if (width !== undefined) return takeFixed(cut, width, rows, runs);
  if (type === 'String') return takeTexts(cut, rows, runs);
  if (type === 'LowCardinality(String)') {
    copy(cut, 8);
    return takeNames(cut, rows, runs);
  }
  if (type === 'Map(LowCardinality(String), String)') return takeMaps(cut, rows, runs);
  throw new BlockError(`no columns of type ${type}`);
}

function takeFixed({ input, out }: Cut, width: number, rows: number, runs: readonly Run[]): void {
  const start = input.take(rows * width);
  for (const [from, to] of runs) out.raw(input.data, start + from * width, start + to * width);
}

function takeTexts({ input, out }: Cut, rows: number, runs: readonly Run[]): void {
  let row = 0;
  const skipTo = (end: number): void => {
    for (; row < end; row++) input.take(input.varint());
  };
  for (const [from, to] of runs) {
    skipTo(from);
    const start = input.at;
    skipTo(to);
    out.raw(input.data, start, input.at);
  }
  skipTo(rows);
}

/** Index width, dictionary, indices; nothing at all for no rows. */
function takeNames(cut: Cut, rows: number, runs: readonly Run[]): void {
  if (rows === 0) return;
  const { input, out } = cut;
  const kept = runs.reduce((sum, [from, to]) => sum + to - from, 0);
  const headAt = input.at;
  const width = 1 << (input.u64() & 0xff);
  if (width > 4) throw new BlockError('indices wider than four bytes');
  const size = input.u64();
  for (let word = 0; word < size; word++) input.take(input.varint());
  const headEnd = input.at;
  if (input.u64() !== rows) throw new BlockError('indices for another number of rows');
  if (kept > 0) {
    out.raw(input.data, headAt, headEnd);
    out.u64(kept);
  }
  takeFixed(cut, width, rows, runs);
}

/** Where each row's pairs end, then the keys and the values of all pairs. */
function takeMaps(cut: Cut, rows: number, runs: readonly Run[]): void {
  const { input, out } = cut;
  copy(cut, 8);
  const pairs: Run[] = [];
  let row = 0;
  let total = 0;
  let kept = 0;
  const next = (): number => {
    const end = input.u64();
    if (end < total) throw new BlockError('a map ends before it begins');
    row++;
    const count = end - total;
    total = end;
    return count;
  };
  for (const [from, to] of runs) {
    while (row < from) next();
    const first = total;
    while (row < to) {
      kept += next();
      out.u64(kept);
    }
    if (total > first) pairs.push([first, total]);
  }
  while (row < rows) next();
  takeNames(cut, total, pairs);
  takeTexts(cut, total, pairs);
}

function copy({ input, out }: Cut, size: number): void {
  const start = input.take(size);
  out.raw(input.data, start, start + size);
}

/** A cursor that never leaves its bytes. */
class Input {
  readonly data: Uint8Array;
  at = 0;

  constructor(data: Uint8Array) {
    this.data = data;
  }

  /** Steps over `size` bytes and returns where they begin. */
  take(size: number): number {
    const start = this.at;
    if (!(size >= 0) || size > this.data.length - start) throw new BlockError('it ends too early');
    this.at = start + size;
    return start;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.data[this.take(1)] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
      if (scale > 2 ** 49) throw new BlockError('a length of more than 49 bits');
    }
  }

  u64(): number {
    const start = this.take(8);
    const view = new DataView(this.data.buffer, this.data.byteOffset + start, 8);
    return view.getUint32(0, true) + view.getUint32(4, true) * 4_294_967_296;
  }

  string(): Uint8Array {
    const size = this.varint();
    const start = this.take(size);
    return this.data.subarray(start, start + size);
  }
}
