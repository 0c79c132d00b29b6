import { Bytes } from '../../model/bytes.ts';

/**
 * Cuts rows out of a batch's Native columns, to send what is missing of a batch or to find the row
 * that the engine refuses. Rare: plain code, and dictionaries are kept whole.
 * Source of the form: ClickHouse's `Native` format at revision 0 (see model/native.ts).
 */

/** The bytes are no Native columns of that many rows. */
export class BlockError extends Error {}

/** Rows [from, to) out of `columns` columns of `rows` rows, in the form of `Batch.data`. */
export function sliceBlock(
  data: Uint8Array,
  columns: number,
  rows: number,
  from: number,
  to: number,
): Uint8Array {
  const cut: Cut = { input: new Input(data), out: new Bytes(65_536) };
  for (let column = 0; column < columns; column++) {
    const name = cut.input.string();
    const type = cut.input.string();
    cut.out.string(name, 0, name.length);
    cut.out.string(type, 0, type.length);
    sliceColumn(cut, new TextDecoder().decode(type), rows, from, to);
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

function sliceColumn(cut: Cut, type: string, rows: number, from: number, to: number): void {
  const width = WIDTHS[type];
  if (width !== undefined) return sliceFixed(cut, width, rows, from, to);
  if (type === 'String') return sliceText(cut, rows, from, to);
  if (type === 'LowCardinality(String)') {
    copy(cut, 8);
    return sliceNames(cut, rows, from, to);
  }
  if (type === 'Map(LowCardinality(String), String)') return sliceMap(cut, rows, from, to);
  throw new BlockError(`no columns of type ${type}`);
}

function sliceFixed(
  { input, out }: Cut,
  width: number,
  rows: number,
  from: number,
  to: number,
): void {
  const start = input.take(rows * width);
  out.raw(input.data, start + from * width, start + to * width);
}

function sliceText({ input, out }: Cut, rows: number, from: number, to: number): void {
  let start = input.at;
  let end = input.at;
  for (let row = 0; row < rows; row++) {
    if (row === from) start = input.at;
    if (row === to) end = input.at;
    input.take(input.varint());
  }
  if (from === rows) start = input.at;
  if (to === rows) end = input.at;
  out.raw(input.data, start, end);
}

/** Index width, dictionary, indices; nothing at all for no rows. */
function sliceNames(cut: Cut, rows: number, from: number, to: number): void {
  if (rows === 0) return;
  const { input, out } = cut;
  const skip = from === to;
  const headAt = input.at;
  const width = 1 << (input.u64() & 0xff);
  if (width > 4) throw new BlockError('indices wider than four bytes');
  const size = input.u64();
  for (let word = 0; word < size; word++) input.take(input.varint());
  const headEnd = input.at;
  if (input.u64() !== rows) throw new BlockError('indices for another number of rows');
  if (!skip) {
    out.raw(input.data, headAt, headEnd);
    out.u64(to - from);
  }
  const start = input.take(rows * width);
  out.raw(input.data, start + from * width, start + to * width);
}

/** Where each row's pairs end, then the keys and the values of all pairs. */
function sliceMap(cut: Cut, rows: number, from: number, to: number): void {
  const { input, out } = cut;
  copy(cut, 8);
  let first = 0;
  let last = 0;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    if (row === from) first = total;
    const end = input.u64();
    if (end < total) throw new BlockError('a map ends before it begins');
    total = end;
    if (row < to) last = total;
    if (row >= from && row < to) out.u64(total - first);
  }
  if (from === to) first = last;
  sliceNames(cut, total, first, last);
  sliceText(cut, total, first, last);
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
