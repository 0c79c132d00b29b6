import { Bytes, viewOf } from './bytes.ts';
import type { Key } from './key.ts';
import { Dictionaries } from './native-dictionary.ts';
import type { LogRecord, Pairs } from './record.ts';

/**
 * Column buffers that write ClickHouse's Native form (one block's data of one column, without the
 * block's header). Source of the form: ClickHouse, "Native" format, `SerializationLowCardinality`
 * and `SerializationMap` (state prefix before the data, revision 0 as spoken over HTTP).
 *
 * Columns are told of the rows that have a value only; the rows between are filled with the default
 * when the next value comes, or when the column is written.
 */

/** LowCardinality: keys follow the index, and each block brings its own dictionary. */
const HAS_ADDITIONAL_KEYS = 0x200;
const NEEDS_UPDATE = 0x400;
/** LowCardinality's serialization, written before the data. */
const SHARED_DICTIONARIES = 1;

/** The width of an index: 1, 2 or 4 bytes as a power of two. */
type Width = 0 | 1 | 2;

/** Writes everything of a LowCardinality column up to its indices, and tells their width. */
const writeDictionary = (
  out: Bytes,
  dictionaries: Dictionaries,
  column: number,
  count: number,
): Width => {
  const width = widthOf(dictionaries, column);
  out.u64(width | HAS_ADDITIONAL_KEYS | NEEDS_UPDATE);
  dictionaries.writeTo(out, column);
  out.u64(count);
  return width;
};

/** Bytes that `writeDictionary` and the indices after it take. */
const sizeOf = (dictionaries: Dictionaries, column: number, count: number): number =>
  25 + (dictionaries.sums[column] as number) + (count << widthOf(dictionaries, column));

const widthOf = (dictionaries: Dictionaries, column: number): Width => {
  const size = dictionaries.sizes[column] as number;
  return size <= 0x100 ? 0 : size <= 0x10000 ? 1 : 2;
};

/** Byte ranges by column number, as a record has them. */
export type Ranges = Pick<LogRecord, 'lineBuf' | 'bufs' | 'starts' | 'ends'>;

/** Rows whose indices are transposed at once: their table stays in the processor's first cache. */
const ROWS_AT_ONCE = 64;

/**
 * All LowCardinality(String) columns of a batch: one dictionary each, and a table with one line of
 * indices a row, so that a row writes to one place in memory.
 */
export class NameColumns {
  private readonly width: number;
  private readonly dictionaries: Dictionaries;
  private table: Int32Array<ArrayBuffer>;
  private room: number;
  private readonly positions: number[] = [];
  private readonly widths: Width[] = [];
  private readonly pending: number[] = [];

  constructor(columns: number) {
    this.width = columns;
    this.dictionaries = new Dictionaries(columns);
    this.room = columns * 1_024;
    this.table = new Int32Array(this.room);
  }

  get bytes(): number {
    return this.dictionaries.bytes;
  }

  used(column: number): boolean {
    return (this.dictionaries.sizes[column] as number) > 1;
  }

  clear(): void {
    this.dictionaries.clear();
  }

  /** Appends a row: column i has the range of `columns[i]`, none where its end is negative. */
  append(row: number, record: Ranges, columns: Uint8Array): void {
    const { width, dictionaries } = this;
    const first = row * width;
    if (first + width > this.room) this.grow();
    const { table } = this;
    const { bufs, starts, ends } = record;
    let held = record.lineBuf;
    let view = viewOf(held);
    for (let i = 0; i < width; i++) {
      const at = columns[i] as number;
      const end = ends[at] as number;
      if (end < 0) {
        table[first + i] = 0;
        continue;
      }
      const buf = bufs[at] as Uint8Array;
      if (buf !== held) {
        held = buf;
        view = viewOf(buf);
      }
      table[first + i] = dictionaries.indexOf(i, view, starts[at] as number, end);
    }
  }

  /** The index of a value in a column, which is added where it is new. */
  indexOf(column: number, view: DataView): number {
    return this.dictionaries.indexOf(column, view, 0, view.byteLength);
  }

  /** Gives a row that was appended an index in a column. */
  put(row: number, column: number, index: number): void {
    this.table[row * this.width + column] = index;
  }

  /** The index that a row has in a column. */
  at(row: number, column: number): number {
    return this.table[row * this.width + column] as number;
  }

  /** A column's values by their indices. */
  valuesOf(column: number): Uint8Array[] {
    return this.dictionaries.valuesOf(column);
  }

  private grow(): void {
    this.room *= 2;
    const grown = new Int32Array(this.room);
    grown.set(this.table);
    this.table = grown;
  }

  /** Bytes that `writeTo` takes. */
  size(column: number, rows: number): number {
    return 8 + sizeOf(this.dictionaries, column, rows);
  }

  /** Writes a column with room for its indices, which `fill` writes for all columns together. */
  writeTo(out: Bytes, column: number, rows: number): void {
    out.u64(SHARED_DICTIONARIES);
    const width = writeDictionary(out, this.dictionaries, column, rows);
    this.pending.push(column);
    this.positions.push(out.length);
    this.widths.push(width);
    out.reserve(rows << width);
    out.length += rows << width;
  }

  fill(out: Bytes, rows: number): void {
    for (let from = 0; from < rows; from += ROWS_AT_ONCE) {
      const to = Math.min(rows, from + ROWS_AT_ONCE);
      for (let i = 0; i < this.pending.length; i++) {
        const at = this.positions[i] as number;
        this.transpose(out, this.pending[i] as number, from, to, at, this.widths[i] as Width);
      }
    }
    this.pending.length = 0;
    this.positions.length = 0;
    this.widths.length = 0;
  }

  private transpose(
    out: Bytes,
    column: number,
    from: number,
    to: number,
    start: number,
    power: Width,
  ): void {
    const { table, width } = this;
    const { buf, view } = out;
    let cell = from * width + column;
    if (power === 0)
      for (let row = from; row < to; row++, cell += width) buf[start + row] = table[cell] as number;
    else if (power === 1)
      for (let row = from; row < to; row++, cell += width)
        view.setUint16(start + 2 * row, table[cell] as number, true);
    else
      for (let row = from; row < to; row++, cell += width)
        view.setUint32(start + 4 * row, table[cell] as number, true);
  }
}

/** String: one length-prefixed value a row. */
export class TextColumn {
  private readonly data = new Bytes(4_096);
  private rows = 0;

  /** False while no row has a value: the column is then left out of the block. */
  get used(): boolean {
    return this.rows > 0;
  }

  get bytes(): number {
    return this.data.length;
  }

  clear(): void {
    this.data.clear();
    this.rows = 0;
  }

  append(row: number, view: DataView, start: number, end: number): void {
    if (row > this.rows) this.data.zeros(row - this.rows);
    this.rows = row + 1;
    this.data.stringView(view, start, end);
  }

  size(rows: number): number {
    return this.data.length + rows - this.rows;
  }

  writeTo(out: Bytes, rows: number): void {
    out.raw(this.data.buf, 0, this.data.length);
    out.zeros(rows - this.rows);
  }
}

/**
 * Map(LowCardinality(String), String): the end of each row's entries, then all names and values.
 */
export class MapColumn {
  private readonly offsets = new Bytes(4_096);
  private readonly names = new Dictionaries(1);
  private indices = new Uint32Array(1_024);
  private count = 0;
  private readonly values = new Bytes(4_096);
  private rows = 0;
  /** A number that no other batch or map has: under it keys remember their index. */
  private turn = 0;

  get used(): boolean {
    return this.rows > 0;
  }

  get bytes(): number {
    return this.values.length + this.names.bytes;
  }

  clear(): void {
    this.offsets.clear();
    this.names.clear();
    this.count = 0;
    this.values.clear();
    this.rows = 0;
    this.turn = ++turns;
  }

  append(row: number, pairs: Pairs): void {
    this.skipTo(row);
    const { count, keys, bufs, starts, ends } = pairs;
    while (this.count + count > this.indices.length) this.grow();
    const { values, turn, indices } = this;
    let at = this.count;
    let held = bufs[0] as Uint8Array;
    let view = viewOf(held);
    for (let i = 0; i < count; i++) {
      const key = keys[i] as Key;
      if (key.batch !== turn) this.settle(key);
      indices[at++] = key.index;
      const buf = bufs[i] as Uint8Array;
      if (buf !== held) {
        held = buf;
        view = viewOf(buf);
      }
      values.stringView(view, starts[i] as number, ends[i] as number);
    }
    this.count = at;
    this.offsets.u64(at);
    this.rows = row + 1;
  }

  size(rows: number): number {
    const names = this.count > 0 ? sizeOf(this.names, 0, this.count) : 0;
    return 8 + 8 * rows + names + this.values.length;
  }

  private settle(key: Key): void {
    key.index = this.names.indexOf(0, viewOf(key.bytes), 0, key.bytes.length);
    key.batch = this.turn;
  }

  private grow(): void {
    const grown = new Uint32Array(this.indices.length * 2);
    grown.set(this.indices);
    this.indices = grown;
  }

  private skipTo(row: number): void {
    for (; this.rows < row; this.rows++) this.offsets.u64(this.count);
  }

  writeTo(out: Bytes, rows: number): void {
    this.skipTo(rows);
    out.u64(SHARED_DICTIONARIES);
    out.raw(this.offsets.buf, 0, this.offsets.length);
    if (this.count > 0) this.writeNames(out);
    out.raw(this.values.buf, 0, this.values.length);
  }

  private writeNames(out: Bytes): void {
    const { count, indices } = this;
    const width = writeDictionary(out, this.names, 0, count);
    out.reserve(count << width);
    const { buf, view } = out;
    const start = out.length;
    if (width === 0) for (let i = 0; i < count; i++) buf[start + i] = indices[i] as number;
    else if (width === 1)
      for (let i = 0; i < count; i++) view.setUint16(start + 2 * i, indices[i] as number, true);
    else for (let i = 0; i < count; i++) view.setUint32(start + 4 * i, indices[i] as number, true);
    out.length = start + (count << width);
  }
}

let turns = 0;

/** UInt8, UInt16 and UInt64 columns of a batch: one line of numbers a row, zero where unknown. */
export class NumberColumns {
  private readonly width: number;
  private table: Float64Array<ArrayBuffer>;
  private readonly seen: Uint8Array;

  constructor(columns: number) {
    this.width = columns;
    this.table = new Float64Array(columns * 1_024);
    this.seen = new Uint8Array(columns);
  }

  used(column: number): boolean {
    return this.seen[column] === 1;
  }

  clear(): void {
    this.seen.fill(0);
  }

  /** Appends a row: `values[columns[i]]` is the value of column i. */
  append(row: number, values: Float64Array, columns: Uint8Array): void {
    const { width, seen } = this;
    const start = row * width;
    if (start + width > this.table.length) {
      const grown = new Float64Array(this.table.length * 2);
      grown.set(this.table);
      this.table = grown;
    }
    const { table } = this;
    for (let i = 0; i < width; i++) {
      const value = values[columns[i] as number] as number;
      table[start + i] = value;
      if (value !== 0) seen[i] = 1;
    }
  }

  /** Writes a column in `bytes` bytes a value. */
  writeTo(out: Bytes, column: number, rows: number, bytes: 1 | 2 | 8): void {
    out.reserve(rows * bytes);
    const { table, width } = this;
    const { buf, view } = out;
    let at = out.length;
    let cell = column;
    for (let row = 0; row < rows; row++, cell += width, at += bytes) {
      const value = table[cell] as number;
      if (bytes === 1) buf[at] = value;
      else if (bytes === 2) view.setUint16(at, value, true);
      else {
        view.setUint32(at, value >>> 0, true);
        view.setUint32(at + 4, Math.floor(value / 4_294_967_296), true);
      }
    }
    out.length = at;
  }
}
