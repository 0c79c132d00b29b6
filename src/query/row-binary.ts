import { assert } from '../model/errors.ts';
import { equalBytes } from '../model/key.ts';
import type { Pair } from './labels.ts';

/**
 * Reads ClickHouse's RowBinary as it arrives: chunks may end at any byte. One array of values a
 * row, in the order of the columns selected.
 *
 * Kinds: `name` and `text` strings (names are expected to repeat), `bytes` the bytes as they are,
 * `u8`, `u16`, `u64` numbers (u64 below 2^53 in our tables), `i64` bigint, `time` DateTime64(9)
 * as bigint nanoseconds, `map` pairs, `labels` pairs that come again in other rows (equal ones
 * are the same object), `bytes map` pairs as they are, `texts` Array(String).
 */
export type BinaryKind =
  | 'name'
  | 'text'
  | 'bytes'
  | 'u8'
  | 'u16'
  | 'u64'
  | 'i64'
  | 'time'
  | 'map'
  | 'labels'
  | 'bytes map'
  | 'texts';

/** A pair of a map as it is: the key a binary string, the value its bytes. */
export type BytesPair = readonly [key: string, value: Uint8Array];

export type BinaryValue =
  | string
  | number
  | bigint
  | Uint8Array
  | readonly Pair[]
  | readonly BytesPair[]
  | readonly string[];

const EMPTY = Buffer.alloc(0);
/** Width of what has a fixed one. */
const WIDTHS = { u8: 1, u16: 2, u64: 8, i64: 8, time: 8 } as const;

/** Streams of one answer are rarely more; beyond it they are read anew. */
const LABELS_REMEMBERED = 1_024;

export class RowBinaryReader {
  private readonly kinds: readonly BinaryKind[];
  /** Bytes not yet read, and the place in them. */
  private buf: Buffer = EMPTY;
  private at = 0;
  /** Bytes that the row at `at` needs at least: no look at it makes sense before they are there. */
  private need = 1;
  private readonly last: { start: number; end: number; buf: Buffer; value: BinaryValue }[];

  private readonly labels = new Map<string, readonly Pair[]>();

  constructor(kinds: readonly BinaryKind[]) {
    this.kinds = kinds;
    this.last = kinds.map(() => ({ start: 0, end: 0, buf: EMPTY, value: '' }));
  }

  /** Takes the next bytes; gives the rows that are complete. The bytes must not change later. */
  *push(chunk: Uint8Array): Generator<BinaryValue[], void, undefined> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const rest = this.buf.length - this.at;
    this.buf = rest === 0 ? bytes : Buffer.concat([this.buf.subarray(this.at), bytes]);
    this.at = 0;
    while (this.buf.length - this.at >= this.need) {
      const end = this.measure();
      if (end < 0) return;
      yield this.readRow();
      assert(this.at === end, 'a row ends where it was measured to end');
      this.need = 1;
    }
  }

  /** True when no part of a row is left: ask after the last chunk. */
  get complete(): boolean {
    return this.at === this.buf.length;
  }

  /** Where the row at `at` ends; negative, with `need` set, while it is not whole. */
  private measure(): number {
    let at = this.at;
    for (const kind of this.kinds) {
      if (kind === 'map' || kind === 'labels' || kind === 'bytes map' || kind === 'texts') {
        const count = this.varintAt(at);
        if (count < 0) return this.short(at + 1);
        at += lengthOfVarint(count);
        for (let i = kind === 'texts' ? count : 2 * count; i > 0; i--) {
          at = this.skipText(at);
          if (at < 0) return at;
        }
      } else if (kind === 'name' || kind === 'text' || kind === 'bytes') {
        at = this.skipText(at);
        if (at < 0) return at;
      } else {
        at += WIDTHS[kind];
      }
    }
    return at > this.buf.length ? this.short(at) : at;
  }

  private skipText(at: number): number {
    const size = this.varintAt(at);
    if (size < 0) return this.short(at + 1);
    const end = at + lengthOfVarint(size) + size;
    return end > this.buf.length ? this.short(end) : end;
  }

  private short(until: number): number {
    this.need = Math.max(until, this.buf.length + 1) - this.at;
    return -1;
  }

  /** The LEB128 number at `at`, negative when it is not whole. */
  private varintAt(at: number): number {
    const { buf } = this;
    let value = 0;
    let scale = 1;
    for (let i = at; i < buf.length; i++) {
      const byte = buf[i] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return -1;
  }

  private readRow(): BinaryValue[] {
    const row: BinaryValue[] = [];
    for (let i = 0; i < this.kinds.length; i++) row.push(this.readValue(i));
    return row;
  }

  private readValue(column: number): BinaryValue {
    const { buf } = this;
    const start = this.at;
    switch (this.kinds[column] as BinaryKind) {
      case 'u8':
        this.at += 1;
        return buf[start] as number;
      case 'u16':
        this.at += 2;
        return buf.readUInt16LE(start);
      case 'u64':
        this.at += 8;
        return buf.readUInt32LE(start) + buf.readUInt32LE(start + 4) * 4_294_967_296;
      case 'i64':
      case 'time':
        this.at += 8;
        return buf.readBigInt64LE(start);
      case 'bytes':
        return this.readBytes();
      case 'bytes map':
        return this.readBytesPairs();
      case 'text':
        return this.readText();
      case 'name':
        return this.remember(column, start, this.skipText(start), () => this.readText());
      case 'texts': {
        const texts: string[] = [];
        for (let count = this.readVarint(); count > 0; count--) texts.push(this.readText());
        return texts;
      }
      case 'map':
        return this.readPairs();
      case 'labels':
        return this.readLabels(start);
    }
  }

  /** A value as in the row before is the same string. */
  private remember(
    column: number,
    start: number,
    end: number,
    read: () => BinaryValue,
  ): BinaryValue {
    const last = this.last[column] as (typeof this.last)[number];
    if (
      last.end - last.start === end - start &&
      last.end > 0 &&
      equalBytes(last.buf, last.start, this.buf, start, end - start)
    ) {
      this.at = end;
      return last.value;
    }
    this.at = start;
    last.value = read();
    last.buf = this.buf;
    last.start = start;
    last.end = end;
    return last.value;
  }

  private readPairs(): Pair[] {
    const pairs: Pair[] = [];
    for (let count = this.readVarint(); count > 0; count--) {
      const key = this.readText();
      pairs.push([key, this.readText()]);
    }
    return pairs;
  }

  private readBytes(): Buffer {
    const size = this.readVarint();
    this.at += size;
    return this.buf.subarray(this.at - size, this.at);
  }

  private readBytesPairs(): BytesPair[] {
    const pairs: BytesPair[] = [];
    for (let count = this.readVarint(); count > 0; count--) {
      const key = this.readBytes().toString('latin1');
      pairs.push([key, this.readBytes()]);
    }
    return pairs;
  }

  private readLabels(start: number): readonly Pair[] {
    let end = start + lengthOfVarint(this.varintAt(start));
    for (let i = 2 * this.varintAt(start); i > 0; i--) end = this.skipText(end);
    const key = this.buf.toString('latin1', start, end);
    let pairs = this.labels.get(key);
    if (pairs === undefined) {
      pairs = this.readPairs();
      if (this.labels.size >= LABELS_REMEMBERED) this.labels.clear();
      this.labels.set(key, pairs);
    }
    this.at = end;
    return pairs;
  }

  private readVarint(): number {
    const value = this.varintAt(this.at);
    this.at += lengthOfVarint(value);
    return value;
  }

  private readText(): string {
    const size = this.readVarint();
    const start = this.at;
    this.at += size;
    return this.buf.toString('utf8', start, this.at);
  }
}

const lengthOfVarint = (value: number): number => {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
};
