import { Bytes, equalViews } from './bytes.ts';

/** Values that repeat within a few rows are found here without hashing all their bytes. */
const RECENT = 2_048;
/**
 * Longest search among colliding values. Hashes are not secret, so a sender may make values
 * collide; beyond this a value is simply written once more, which the form allows.
 */
const MOST_PROBES = 32;
/** Numbers of one entry: half a cache line. */
const STRIDE = 8;
const START = 0;
const LENGTH = 1;
/** The first, middle and last four bytes, which are all bytes of values up to twelve. */
const FIRST = 2;
const MIDDLE = 3;
const LAST = 4;
/** Column in the upper bits, index within the column in the lower 24. */
const PLACE = 5;
/** The next entry of the same column. */
const NEXT = 6;
const HASH = 7;
const ALL_IN_WORDS = 12;
const INDEX_BITS = 24;
const INDEX_MASK = (1 << INDEX_BITS) - 1;

/**
 * The distinct values of several LowCardinality columns. All columns share one table, because a row
 * touches each of them: what is apart in memory costs more than the work itself. Index 0 of every
 * column is the empty string, so rows without a value need no look-up.
 */
export class Dictionaries {
  /** Values of each column, the empty one included. */
  readonly sizes: Int32Array;
  /** Bytes of each column's values with their lengths, but for the empty one. */
  readonly sums: Int32Array;
  private readonly heads: Int32Array;
  private readonly tails: Int32Array;
  /** Length-prefixed values, as the Native form wants them. */
  private readonly data = new Bytes(16_384);
  private entries = new Int32Array(1_024 * STRIDE);
  /** Entry 0 is no value: its length is 0, which is never looked up. */
  private count = 1;
  private slots = new Int32Array(4_096).fill(-1);
  private readonly recent = new Int32Array(RECENT);

  constructor(columns: number) {
    this.sizes = new Int32Array(columns).fill(1);
    this.sums = new Int32Array(columns);
    this.heads = new Int32Array(columns).fill(-1);
    this.tails = new Int32Array(columns).fill(-1);
  }

  get bytes(): number {
    return this.data.length;
  }

  clear(): void {
    if (this.count === 1) return;
    this.data.clear();
    this.count = 1;
    this.sizes.fill(1);
    this.sums.fill(0);
    this.heads.fill(-1);
    if (this.slots.length > 262_144) this.slots = new Int32Array(4_096);
    this.slots.fill(-1);
    this.recent.fill(0);
  }

  /** The index in its column of the value from `start` to `end`, which is added where it is new. */
  indexOf(column: number, view: DataView, start: number, end: number): number {
    const length = end - start;
    if (length === 0) return 0;
    let first = 0;
    let middle = 0;
    let last = 0;
    if (length >= 4) {
      first = view.getInt32(start, true);
      middle = view.getInt32(start + ((length - 4) >> 1), true);
      last = view.getInt32(end - 4, true);
    } else for (let at = start; at < end; at++) first = (first << 8) | view.getUint8(at);
    const mix =
      Math.imul(first, 0x2c1b3c6d) ^
      Math.imul(middle, 0x165667b1) ^
      Math.imul(last, 0x297a2d39) ^
      Math.imul(length | (column << 12), 0x9e3779b1);
    const sketch = (mix ^ (mix >>> 15)) & (RECENT - 1);
    const { entries } = this;
    const known = this.recent[sketch] as number;
    if (
      entries[known + FIRST] === first &&
      entries[known + LAST] === last &&
      entries[known + MIDDLE] === middle &&
      entries[known + LENGTH] === length &&
      (entries[known + PLACE] as number) >>> INDEX_BITS === column &&
      (length <= ALL_IN_WORDS ||
        equalViews(this.data.view, entries[known + START] as number, view, start, length))
    )
      return (entries[known + PLACE] as number) & INDEX_MASK;
    const entry = this.find(column, view, start, length, first, middle, last);
    this.recent[sketch] = entry;
    return (this.entries[entry + PLACE] as number) & INDEX_MASK;
  }

  private find(
    column: number,
    view: DataView,
    start: number,
    length: number,
    first: number,
    middle: number,
    last: number,
  ): number {
    const hash = hashOf(view, start, length, column);
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (let probe = 0; probe < MOST_PROBES; probe++) {
      const entry = this.slots[slot] as number;
      if (entry < 0) break;
      if (
        this.entries[entry + HASH] === hash &&
        this.entries[entry + LENGTH] === length &&
        (this.entries[entry + PLACE] as number) >>> INDEX_BITS === column &&
        equalViews(this.data.view, this.entries[entry + START] as number, view, start, length)
      )
        return entry;
      slot = (slot + 1) & mask;
    }
    const entry = this.insert(column, view, start, length);
    this.entries[entry + FIRST] = first;
    this.entries[entry + MIDDLE] = middle;
    this.entries[entry + LAST] = last;
    this.entries[entry + HASH] = hash;
    if ((this.slots[slot] as number) < 0) this.slots[slot] = entry;
    if (this.count * 2 > this.slots.length) this.rehash();
    return entry;
  }

  private insert(column: number, view: DataView, start: number, length: number): number {
    const entry = this.count * STRIDE;
    this.count++;
    if (entry === this.entries.length) {
      const grown = new Int32Array(entry * 2);
      grown.set(this.entries);
      this.entries = grown;
    }
    const { entries, heads, tails, sizes } = this;
    const before = this.data.length;
    this.data.stringView(view, start, start + length);
    this.sums[column] = (this.sums[column] as number) + this.data.length - before;
    entries[entry + START] = this.data.length - length;
    entries[entry + LENGTH] = length;
    entries[entry + PLACE] = (column << INDEX_BITS) | (sizes[column] as number);
    entries[entry + NEXT] = -1;
    if ((heads[column] as number) < 0) heads[column] = entry;
    else entries[(tails[column] as number) + NEXT] = entry;
    tails[column] = entry;
    sizes[column] = (sizes[column] as number) + 1;
    return entry;
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let entry = STRIDE; entry < this.count * STRIDE; entry += STRIDE) {
      let slot = (this.entries[entry + HASH] as number) & mask;
      let probes = 1;
      while ((slots[slot] as number) >= 0 && probes < MOST_PROBES) {
        slot = (slot + 1) & mask;
        probes++;
      }
      if ((slots[slot] as number) < 0) slots[slot] = entry;
    }
    this.slots = slots;
  }

  /** A column's values in the order of their indices, the empty one first. */
  valuesOf(column: number): Uint8Array[] {
    const { entries, data } = this;
    const values: Uint8Array[] = [new Uint8Array(0)];
    for (let at = this.heads[column] as number; at >= 0; at = entries[at + NEXT] as number) {
      const start = entries[at + START] as number;
      values.push(data.buf.subarray(start, start + (entries[at + LENGTH] as number)));
    }
    return values;
  }

  /** Writes the number of a column's values, then the values. */
  writeTo(out: Bytes, column: number): void {
    out.u64(this.sizes[column] as number);
    out.varint(0);
    const { entries, data } = this;
    for (let at = this.heads[column] as number; at >= 0; at = entries[at + NEXT] as number) {
      const start = entries[at + START] as number;
      out.string(data.buf, start, start + (entries[at + LENGTH] as number));
    }
  }
}

/** All bytes, four at a time (the mixing of xxHash32's single lane). */
const hashOf = (view: DataView, start: number, length: number, column: number): number => {
  let hash = length ^ (column << 16);
  const end = start + length;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x85ebca77);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae3d);
  return hash ^ (hash >>> 16);
};
