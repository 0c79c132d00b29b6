/**
 * A copy of a range. Not `slice`, which gives a view where the bytes are a `Buffer` of Node's: what
 * is kept would change with them, or keep all of them in memory.
 */
export const copyOf = (buf: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> => {
  const copy = new Uint8Array(end - start);
  copy.set(buf.subarray(start, end));
  return copy;
};

/**
 * The view over a buffer's bytes, kept for the four buffers used last: log lines are compared and
 * copied eight bytes at a time, and a new view costs as much as a hundred bytes. (Four: the bytes
 * received, the scratch, our own constants, and one to spare.)
 */
export const viewOf = (buf: Uint8Array): DataView => {
  if (buf === buf0) return view0;
  if (buf === buf1) return view1;
  if (buf === buf2) return view2;
  if (buf === buf3) return view3;
  return newView(buf);
};

let buf0: Uint8Array = new Uint8Array(0);
let view0: DataView = new DataView(buf0.buffer);
let buf1 = buf0;
let view1 = view0;
let buf2 = buf0;
let view2 = view0;
let buf3 = buf0;
let view3 = view0;
let oldest = 0;

const newView = (buf: Uint8Array): DataView => {
  const view = new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
  if (oldest === 0) {
    buf0 = buf;
    view0 = view;
  } else if (oldest === 1) {
    buf1 = buf;
    view1 = view;
  } else if (oldest === 2) {
    buf2 = buf;
    view2 = view;
  } else {
    buf3 = buf;
    view3 = view;
  }
  oldest = (oldest + 1) & 3;
  return view;
};

/** Lets go of the buffers: between requests, whose bodies may be large. */
export const forgetViews = (): void => {
  const empty = new Uint8Array(0);
  buf0 = buf1 = buf2 = buf3 = empty;
  view0 = view1 = view2 = view3 = new DataView(empty.buffer);
};

/**
 * Up to this size a loop over words beats the engine's own copy, which costs a call and an object.
 */
const COPY_BY_WORDS = 192;

/**
 * Whether `length` bytes at `a` of one view equal those at `b` of another. The last word overlaps
 * the one before instead of reaching beyond the end; 64-bit words become machine words once
 * compiled.
 */
export const equalViews = (
  aView: DataView,
  a: number,
  bView: DataView,
  b: number,
  length: number,
): boolean => {
  if (length < 4) {
    for (let i = 0; i < length; i++)
      if (aView.getUint8(a + i) !== bView.getUint8(b + i)) return false;
    return true;
  }
  if (length < 8) {
    const last = length - 4;
    for (let i = 0; i < last; i += 4)
      if (aView.getInt32(a + i, true) !== bView.getInt32(b + i, true)) return false;
    return aView.getInt32(a + last, true) === bView.getInt32(b + last, true);
  }
  const last = length - 8;
  for (let i = 0; i < last; i += 8)
    if (aView.getBigInt64(a + i, true) !== bView.getBigInt64(b + i, true)) return false;
  return aView.getBigInt64(a + last, true) === bView.getBigInt64(b + last, true);
};

/**
 * A growing byte buffer that writes ClickHouse's primitive forms: little-endian integers, LEB128
 * lengths, length-prefixed strings. Reused from batch to batch.
 */
export class Bytes {
  buf: Uint8Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  length = 0;

  constructor(capacity: number) {
    this.buf = new Uint8Array(capacity);
    this.view = new DataView(this.buf.buffer);
  }

  clear(): void {
    this.length = 0;
  }

  reserve(size: number): void {
    if (this.length + size > this.buf.length) this.grow(size);
  }

  private grow(size: number): void {
    const grown = new Uint8Array(Math.max(this.length + size, this.buf.length * 2));
    grown.set(this.buf.subarray(0, this.length));
    this.buf = grown;
    this.view = new DataView(grown.buffer);
  }

  varint(value: number): void {
    this.reserve(lengthOfVarint(value));
    while (value >= 0x80) {
      this.buf[this.length++] = (value % 128) | 0x80;
      value = Math.floor(value / 128);
    }
    this.buf[this.length++] = value;
  }

  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  /** Writes a non-negative integer below 2^53 as UInt64. */
  u64(value: number): void {
    this.reserve(8);
    this.view.setUint32(this.length, value >>> 0, true);
    this.view.setUint32(this.length + 4, Math.floor(value / 4_294_967_296), true);
    this.length += 8;
  }

  /** Writes `count` zero bytes. */
  zeros(count: number): void {
    this.reserve(count);
    this.buf.fill(0, this.length, this.length + count);
    this.length += count;
  }

  raw(source: Uint8Array, start: number, end: number): void {
    this.rawView(viewOf(source), start, end);
  }

  /** Copies bytes of a view: who copies many ranges of one buffer looks its view up once. */
  rawView(from: DataView, start: number, end: number): void {
    const size = end - start;
    this.reserve(size);
    const at = this.length;
    this.length = at + size;
    const { buf, view } = this;
    if (size < 8) {
      for (let i = 0; i < size; i++) buf[at + i] = from.getUint8(start + i);
    } else if (size <= COPY_BY_WORDS) {
      // The last word overlaps the one before instead of reaching beyond either end.
      const last = size - 8;
      for (let i = 0; i < last; i += 8)
        view.setBigInt64(at + i, from.getBigInt64(start + i, true), true);
      view.setBigInt64(at + last, from.getBigInt64(end - 8, true), true);
    } else buf.set(new Uint8Array(from.buffer, from.byteOffset + start, size), at);
  }

  string(source: Uint8Array, start: number, end: number): void {
    this.stringView(viewOf(source), start, end);
  }

  stringView(from: DataView, start: number, end: number): void {
    const size = end - start;
    if (size < 0x80) {
      this.reserve(size + 1);
      this.buf[this.length++] = size;
    } else this.varint(size);
    this.rawView(from, start, end);
  }

  text(value: string): void {
    const bytes = encoder.encode(value);
    this.string(bytes, 0, bytes.length);
  }

  /** A copy of what was written. */
  take(): Uint8Array<ArrayBuffer> {
    return this.buf.slice(0, this.length);
  }
}

const encoder = new TextEncoder();

const lengthOfVarint = (value: number): number => {
  let length = 1;
  for (; value >= 0x80; length++) value = Math.floor(value / 128);
  return length;
};
