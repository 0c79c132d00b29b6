import { Bytes, equalViews } from './bytes.ts';

/** Values that repeat within a few rows are found here without hashing all their bytes. */
const RECENT = 2_048;
/**
 * Longest search among colliding values. Hashes are not secret, so a sender may make values
 * collide;
 * beyond this a value is simply written once more, which the form allows.
 */
const MOST_PROBES = 32;
/** Numbers of one entry: where its value starts, its length, its hash, column and index, next. */
const STRIDE = 5;
const START = 0;
const LENGTH = 1;
const HASH = 2;
/** Column in the upper bits, index within the column in the lower 24. */
const PLACE = 3;
/** The next entry of the same column. */
const NEXT = 4;
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
  private count = 0;
  private slots = new Int32Array(4_096).fill(-1);
  private readonly recent = new Int32Array(RECENT).fill(-1);

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
    if (this.count === 0) return;
    this.data.clear();
    this.count = 0;
    this.sizes.fill(1);
    this.sums.fill(0);
    this.heads.fill(-1);
    if (this.slots.length > 262_144) this.slots = new Int32Array(4_096);
    this.slots.fill(-1);
    this.recent.fill(-1);
  }

  /** The index in its column of the value from `start` to `end`, which is added where it is new. */
  indexOf(column: number, view: DataView, start: number, end: number): number {
    const length = end - start;
    if (length === 0) return 0;
    const sketch = sketchOf(view, start, length, column);
    const known = this.recent[sketch] as number;
    if (known >= 0 && this.matches(known, column, view, start, length))
      return (this.entries[known + PLACE] as number) & INDEX_MASK;
    const entry = this.find(column, view, start, length);
    this.recent[sketch] = entry;
    return (this.entries[entry + PLACE] as number) & INDEX_MASK;
  }

  private matches(
    entry: number,
    column: number,
    view: DataView,
    start: number,
    length: number,
  ): boolean {
    const { entries } = this;
    return (
      entries[entry + LENGTH] === length &&
      (entries[entry + PLACE] as number) >>> INDEX_BITS === column &&
      equalViews(this.data.view, entries[entry + START] as number, view, start, length)
    );
  }

  private find(column: number, view: DataView, start: number, length: number): number {
    const hash = hashOf(view, start, length, column);
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (let probe = 0; probe < MOST_PROBES; probe++) {
      const entry = this.slots[slot] as number;
      if (entry < 0) return this.insert(slot, hash, column, view, start, length);
      if (this.entries[entry + HASH] === hash && this.matches(entry, column, view, start, length))
        return entry;
      slot = (slot + 1) & mask;
    }
    return this.insert(-1, hash, column, view, start, length);
  }

  private insert(
    slot: number,
    hash: number,
    column: number,
    view: DataView,
    start: number,
    length: number,
  ): number {
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
    entries[entry + HASH] = hash;
    entries[entry + PLACE] = (column << INDEX_BITS) | (sizes[column] as number);
    entries[entry + NEXT] = -1;
    if ((heads[column] as number) < 0) heads[column] = entry;
    else entries[(tails[column] as number) + NEXT] = entry;
    tails[column] = entry;
    sizes[column] = (sizes[column] as number) + 1;
    if (slot >= 0) this.slots[slot] = entry;
    if (this.count * 2 > this.slots.length) this.rehash();
    return entry;
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.count * STRIDE; entry += STRIDE) {
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

/** A slot of `recent`, by length, first, middle and last bytes. */
const sketchOf = (view: DataView, start: number, length: number, column: number): number => {
  let mix = length ^ (column << 8);
  if (length >= 4) {
    mix ^= Math.imul(view.getInt32(start, true), 0x2c1b3c6d);
    mix ^= Math.imul(view.getInt32(start + ((length - 4) >> 1), true), 0x165667b1);
    mix ^= Math.imul(view.getInt32(start + length - 4, true), 0x297a2d39);
  } else for (let i = 0; i < length; i++) mix = Math.imul(mix, 31) + view.getUint8(start + i);
  mix ^= mix >>> 15;
  mix = Math.imul(mix, 0x2c1b3c6d);
  return (mix >>> 16) & (RECENT - 1);
};

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
