import { Bytes } from './bytes.ts';
import { equalBytes, hashBytes, type Key } from './key.ts';

/**
 * Column buffers that write ClickHouse's Native form (one block's data of one column, without the
 * block's header). Source of the form: ClickHouse, "Native" format, `SerializationLowCardinality`
 * and
 * `SerializationMap` (state prefix before the data, revision 0 as spoken over HTTP).
 */

/** LowCardinality: keys follow the index, and each block brings its own dictionary. */
const HAS_ADDITIONAL_KEYS = 0x200;
const NEEDS_UPDATE = 0x400;

/** String: one length-prefixed value a row. */
export class TextColumn {
  readonly data = new Bytes(65_536);
  /** True once a row had a value; an untouched column is left out of the block. */
  used = false;

  clear(): void {
    this.data.clear();
    this.used = false;
  }

  append(buf: Uint8Array, start: number, end: number): void {
    this.used = true;
    this.data.string(buf, start, end);
  }

  skip(): void {
    const { data } = this;
    data.reserve(1);
    data.buf[data.length++] = 0;
  }

  writeTo(out: Bytes): void {
    out.raw(this.data.buf, 0, this.data.length);
  }
}

/** LowCardinality(String): a dictionary per batch and one index a row. */
export class NameColumn {
  used = false;
  private readonly dictionary = new Bytes(4_096);
  private offsets = new Int32Array(1_024);
  private hashes = new Uint32Array(1_024);
  private size = 0;
  private slots = new Int32Array(2_048).fill(-1);
  private indices = new Uint32Array(1_024);
  private rows = 0;
  private last = -1;
  private empty = -1;

  get count(): number {
    return this.rows;
  }

  clear(): void {
    this.dictionary.clear();
    this.size = 0;
    this.rows = 0;
    this.last = -1;
    this.empty = -1;
    this.used = false;
    if (this.slots.length > 65_536) this.slots = new Int32Array(2_048);
    this.slots.fill(-1);
  }

  append(buf: Uint8Array, start: number, end: number): void {
    this.used = true;
    this.push(this.indexOf(buf, start, end));
  }

  skip(): void {
    if (this.empty < 0) {
      const last = this.last;
      this.empty = this.indexOf(EMPTY, 0, 0);
      this.last = last;
    }
    this.push(this.empty);
  }

  /** Appends an interned key; `batch` is a number unique to the batch under construction. */
  appendKey(key: Key, batch: number): void {
    this.used = true;
    if (key.batch !== batch || key.id < 0) {
      key.index = this.indexOf(key.bytes, 0, key.bytes.length);
      key.batch = batch;
    }
    this.push(key.index);
  }

  private push(index: number): void {
    if (this.rows === this.indices.length) {
      const grown = new Uint32Array(this.rows * 2);
      grown.set(this.indices);
      this.indices = grown;
    }
    this.indices[this.rows++] = index;
  }

  private matches(index: number, buf: Uint8Array, start: number, length: number): boolean {
    const from = this.offsets[index] as number;
    const to = index + 1 < this.size ? (this.offsets[index + 1] as number) : this.dictionary.length;
    const prefix = lengthOfVarint(length);
    if (to - from - prefix !== length) return false;
    return equalBytes(this.dictionary.buf, from + prefix, buf, start, length);
  }

  private indexOf(buf: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (this.last >= 0 && this.matches(this.last, buf, start, length)) return this.last;
    const hash = hashBytes(buf, start, end);
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const index = this.slots[slot] as number;
      if (index < 0) break;
      if (this.hashes[index] === hash && this.matches(index, buf, start, length)) {
        this.last = index;
        return index;
      }
      slot = (slot + 1) & mask;
    }
    return this.insert(slot, hash, buf, start, end);
  }

  private insert(slot: number, hash: number, buf: Uint8Array, start: number, end: number): number {
    if (this.size === this.offsets.length) {
      const offsets = new Int32Array(this.size * 2);
      offsets.set(this.offsets);
      this.offsets = offsets;
      const hashes = new Uint32Array(this.size * 2);
      hashes.set(this.hashes);
      this.hashes = hashes;
    }
    const index = this.size++;
    this.offsets[index] = this.dictionary.length;
    this.hashes[index] = hash;
    this.dictionary.string(buf, start, end);
    this.slots[slot] = index;
    this.last = index;
    if (this.size * 2 > this.slots.length) this.rehash();
    return index;
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2).fill(-1);
    const mask = slots.length - 1;
    for (let index = 0; index < this.size; index++) {
      let slot = (this.hashes[index] as number) & mask;
      while ((slots[slot] as number) >= 0) slot = (slot + 1) & mask;
      slots[slot] = index;
    }
    this.slots = slots;
  }

  writePrefixTo(out: Bytes): void {
    out.u64(1);
  }

  writeTo(out: Bytes): void {
    if (this.rows === 0) return;
    const width = this.size <= 0x100 ? 0 : this.size <= 0x10000 ? 1 : 2;
    out.u64(width | HAS_ADDITIONAL_KEYS | NEEDS_UPDATE);
    out.u64(this.size);
    out.raw(this.dictionary.buf, 0, this.dictionary.length);
    out.u64(this.rows);
    out.reserve(this.rows << width);
    const { buf } = out;
    let at = out.length;
    for (let row = 0; row < this.rows; row++) {
      const index = this.indices[row] as number;
      buf[at++] = index;
      if (width > 0) buf[at++] = index >>> 8;
      if (width > 1) {
        buf[at++] = index >>> 16;
        buf[at++] = index >>> 24;
      }
    }
    out.length = at;
  }
}

/** UInt8, UInt16, UInt64 by width in bytes. */
export class NumberColumn {
  used = false;
  readonly data = new Bytes(4_096);
  private readonly width: 1 | 2 | 8;

  constructor(width: 1 | 2 | 8) {
    this.width = width;
  }

  clear(): void {
    this.data.clear();
    this.used = false;
  }

  append(value: number): void {
    if (value !== 0) this.used = true;
    const { data } = this;
    if (this.width === 8) {
      data.u64(value);
      return;
    }
    data.reserve(2);
    data.buf[data.length++] = value;
    if (this.width === 2) data.buf[data.length++] = value >>> 8;
  }

  writeTo(out: Bytes): void {
    out.raw(this.data.buf, 0, this.data.length);
  }
}

export const lengthOfVarint = (value: number): number => {
  let length = 1;
  while (value >= 0x80) {
    value = Math.floor(value / 128);
    length++;
  }
  return length;
};

const EMPTY = new Uint8Array(0);
