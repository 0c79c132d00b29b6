import { COLUMNS, type Column, type ColumnKind } from './columns.ts';
import { must } from './errors.ts';

/**
 * Reads a batch's Native columns back, row by row: for live tail and detectors, which see records
 * between the journal and the engine. The bytes are our own: a malformed batch is a broken
 * invariant.
 */
interface TextValues {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

interface Values {
  /** Position of the data for numbers and times. */
  readonly at: number;
  readonly texts?: TextValues;
  /** For names: index of each row in `texts`. */
  readonly indices?: Uint32Array;
  /** For maps: the end of each row's pairs; keys are `indices` into `texts`, values in `items`. */
  readonly offsets?: Uint32Array;
  readonly items?: TextValues;
}

const WIDTHS: Readonly<Partial<Record<ColumnKind, number>>> = { time: 8, u8: 1, u16: 2, u64: 8 };
const EMPTY = new Uint8Array(0);

export class NativeReader {
  readonly rows: number;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly table: readonly Column[];
  private readonly columns: (Values | undefined)[];
  private at = 0;

  /** `data` as in `Batch`: columns with their names and types, which are some of `table`. */
  constructor(data: Uint8Array, columns: number, rows: number, table: readonly Column[] = COLUMNS) {
    this.table = table;
    this.columns = new Array<Values | undefined>(table.length);
    this.bytes = data;
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    this.rows = rows;
    for (let i = 0; i < columns; i++) this.readColumn();
  }

  /** Bytes of a name or text column; empty where unset. */
  text(column: number, row: number): Uint8Array {
    const values = this.columns[column];
    if (values?.texts === undefined) return EMPTY;
    const index = values.indices === undefined ? row : (values.indices[row] as number);
    return this.slice(values.texts, index);
  }

  /** Number columns; exact below 2^53. */
  number(column: number, row: number): number {
    const values = this.columns[column];
    if (values === undefined) return 0;
    switch (this.table[column]?.kind) {
      case 'u8':
        return this.view.getUint8(values.at + row);
      case 'u16':
        return this.view.getUint16(values.at + 2 * row, true);
      default:
        return Number(this.view.getBigUint64(values.at + 8 * row, true));
    }
  }

  /** `timestamp` or `observed_at`, nanoseconds. */
  time(column: number, row: number): bigint {
    const values = must(this.columns[column], 'time columns are always there');
    return this.view.getBigInt64(values.at + 8 * row, true);
  }

  /** Calls `visit` with each pair of a map column. */
  pairs(column: number, row: number, visit: (key: Uint8Array, value: Uint8Array) => void): void {
    const values = this.columns[column];
    if (values?.offsets === undefined) return;
    const from = row === 0 ? 0 : (values.offsets[row - 1] as number);
    const to = values.offsets[row] as number;
    for (let i = from; i < to; i++) {
      const key = this.slice(must(values.texts, 'keys'), values.indices?.[i] as number);
      visit(key, this.slice(must(values.items, 'values'), i));
    }
  }

  private slice(values: TextValues, index: number): Uint8Array {
    return this.bytes.subarray(values.starts[index], values.ends[index]);
  }

  private readColumn(): void {
    const decoder = new TextDecoder();
    const name = decoder.decode(this.slice(this.readTexts(1), 0));
    this.readTexts(1);
    const index = this.table.findIndex((column) => column.name === name);
    const { kind } = must(this.table[index], `column ${name}`);
    const width = WIDTHS[kind];
    if (width !== undefined) {
      this.columns[index] = { at: this.at };
      this.at += width * this.rows;
    } else if (kind === 'text') {
      this.columns[index] = { at: 0, texts: this.readTexts(this.rows) };
    } else if (kind === 'name') {
      this.at += 8;
      this.columns[index] = { at: 0, ...this.readNames(this.rows) };
    } else {
      this.columns[index] = this.readMap();
    }
  }

  private readMap(): Values {
    this.at += 8;
    const offsets = new Uint32Array(this.rows);
    for (let row = 0; row < this.rows; row++) offsets[row] = this.readU64();
    const total = this.rows === 0 ? 0 : (offsets[this.rows - 1] as number);
    const names = this.readNames(total);
    return { at: 0, offsets, ...names, items: this.readTexts(total) };
  }

  private readNames(rows: number): { texts: TextValues; indices: Uint32Array } {
    if (rows === 0) return { texts: this.readTexts(0), indices: new Uint32Array(0) };
    const width = this.readU64() & 0xff;
    const texts = this.readTexts(this.readU64());
    this.readU64();
    const indices = new Uint32Array(rows);
    for (let row = 0; row < rows; row++) {
      const at = this.at + (row << width);
      indices[row] =
        width === 0
          ? this.view.getUint8(at)
          : width === 1
            ? this.view.getUint16(at, true)
            : this.view.getUint32(at, true);
    }
    this.at += rows << width;
    return { texts, indices };
  }

  private readTexts(count: number): TextValues {
    const starts = new Int32Array(count);
    const ends = new Int32Array(count);
    const { bytes } = this;
    let at = this.at;
    for (let i = 0; i < count; i++) {
      let size = 0;
      let shift = 1;
      let byte: number;
      do {
        byte = must(bytes[at++], 'a length');
        size += (byte & 0x7f) * shift;
        shift *= 128;
      } while (byte >= 0x80);
      starts[i] = at;
      at += size;
      ends[i] = at;
    }
    this.at = at;
    return { starts, ends };
  }

  private readU64(): number {
    const value = Number(this.view.getBigUint64(this.at, true));
    this.at += 8;
    return value;
  }
}
