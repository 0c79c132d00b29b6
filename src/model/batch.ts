import { Bytes, viewOf } from './bytes.ts';
import { C, CLICKHOUSE_TYPES, COLUMNS, type ColumnKind } from './columns.ts';
import { assert } from './errors.ts';
import { SERVICES_HELD, type KnownLayout } from './layout-finder.ts';
import { LIMITS } from './limits.ts';
import { MapColumn, NameColumns, NumberColumns, TextColumn } from './native.ts';
import type { Origin } from './origin.ts';
import type { LogRecord } from './record.ts';
import { RowNotes } from './row-notes.ts';

/**
 * An encoded batch: rows of one tenant, received at one moment, as ClickHouse Native columns. It is
 * what the journal stores and the engine's writer sends; nobody re-encodes it on the way.
 */
export interface Batch {
  readonly signal: Signal;
  readonly tenant: string;
  /** Receiver's name, for counters. */
  readonly protocol: string;
  readonly rows: number;
  /** Number of columns in `data`; columns without any value are left out. */
  readonly columns: number;
  /**
   * Columns in Native form, each with its name and type, without the block's two leading counts.
   */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Bytes as received, for counters and segment bounds. */
  readonly rawBytes: number;
  /** Time of receipt, the same for all rows; decides the bucket. Nanoseconds since 1970. */
  readonly observedNs: bigint;
  /** Least and greatest `timestamp` of the rows, nanoseconds since 1970. */
  readonly minNs: bigint;
  readonly maxNs: bigint;
  /** The layouts of the rows, for the bucket's catalog entry; empty once the catalog has them. */
  readonly layouts: readonly LayoutUse[];
  /** The rows' tokens, high and low word each, 0 and 0 for none; only where a row has one. */
  readonly tokens?: Uint32Array<ArrayBuffer>;
  /** The lines of numbering agents among the rows, in order; only where there are some. */
  readonly origins?: readonly Origin[];
}

/** What rows are: log records, or spans (their columns are span-columns.ts). */
export type Signal = 'logs' | 'spans';

/** A layout (its text) and services, '' among them, whose rows have it. */
export interface LayoutUse {
  readonly text: string;
  readonly services: readonly string[];
}

const BILLION = 1_000_000_000n;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A number that no other batch of the thread has, under which layouts remember their index. */
let turns = 0;
/** Greatest second that DateTime64(9) holds (2262-04-11). */
const MAX_SECONDS = 9_223_372_035;

/** Writes seconds and nanoseconds as Int64 nanoseconds without a bigint per row. */
export const writeTime = (out: Bytes, seconds: number, nano: number): void => {
  // seconds * 1e9 split as high * 2^32 + low, exact in doubles: 1e9 * (seconds mod 2^16) < 2^53.
  const top = Math.floor(seconds / 65_536);
  const rest = seconds - top * 65_536;
  const topProduct = top * 1_000_000_000;
  const low = rest * 1_000_000_000 + nano + (topProduct % 65_536) * 65_536;
  const carry = Math.floor(low / 4_294_967_296);
  out.u32(low - carry * 4_294_967_296);
  out.u32(Math.floor(topProduct / 65_536) + carry);
};

/** Numbers of the columns of these kinds, in order. */
const columnsOf = (...kinds: ColumnKind[]): Uint8Array =>
  Uint8Array.from(
    [...COLUMNS.entries()].filter(([, { kind }]) => kinds.includes(kind)).map(([at]) => at),
  );

const NAMES = columnsOf('name');
const TEXTS = columnsOf('text');
const LAYOUTS = NAMES.indexOf(C.layout);
const SERVICES = NAMES.indexOf(C.service);
const NUMBERS = columnsOf('u8', 'u16', 'u64');

/** Column buffers of the batch under construction; reused after each `take`. */
export class RecordBatch {
  rows = 0;
  rawBytes = 0;
  private readonly names = new NameColumns(NAMES.length);
  private readonly texts: TextColumn[] = Array.from(TEXTS, () => new TextColumn());
  private readonly numbers = new NumberColumns(NUMBERS.length);
  private readonly labels = new MapColumn();
  private readonly metadata = new MapColumn();
  private readonly attributes = new MapColumn();
  private readonly layouts: KnownLayout[] = [];
  /** Layout and service, as one number, of services that layouts do not note themselves. */
  private readonly laterServices = new Set<number>();
  private turn = 0;
  private readonly times = new Bytes(4_096);
  private readonly notes = new RowNotes();
  private minSec = 0;
  private minNano = 0;
  private maxSec = 0;
  private maxNano = 0;
  private observedSec = 0;
  private observedNano = 0;
  private observedNs = 0n;

  /** True when the batch should be taken before more is appended. */
  get full(): boolean {
    if (this.rows >= LIMITS.rowsPerBatch) return true;
    let bytes = this.names.bytes + this.labels.bytes + this.metadata.bytes + this.attributes.bytes;
    const { texts } = this;
    for (let i = 0; i < texts.length; i++) bytes += (texts[i] as TextColumn).bytes;
    return bytes >= LIMITS.batchBytes;
  }

  /** Starts an empty batch received at `observedNs`. */
  begin(observedNs: bigint): void {
    this.rows = 0;
    this.rawBytes = 0;
    this.observedNs = observedNs;
    this.observedSec = Number(observedNs / BILLION);
    this.observedNano = Number(observedNs % BILLION);
    this.times.clear();
    this.names.clear();
    this.numbers.clear();
    for (const column of this.texts) column.clear();
    this.labels.clear();
    this.metadata.clear();
    this.attributes.clear();
    this.layouts.length = 0;
    this.laterServices.clear();
    this.notes.clear();
    this.turn = ++turns;
  }

  /**
   * Copies the cursor's row into the columns. An unset or impossible time becomes the observed one.
   */
  append(record: LogRecord): void {
    const row = this.rows;
    if (record.timeSec < 0 || record.timeSec > MAX_SECONDS)
      this.appendTime(this.observedSec, this.observedNano);
    else this.appendTime(record.timeSec, record.timeNano);
    this.names.append(row, record, NAMES);
    if (record.layout !== undefined) this.appendLayout(row, record.layout);
    this.appendTexts(row, record);
    this.numbers.append(row, record.numbers, NUMBERS);
    if (record.labels.count > 0) this.labels.append(row, record.labels);
    if (record.metadata.count > 0) this.metadata.append(row, record.metadata);
    if (record.attributes.count > 0) this.attributes.append(row, record.attributes);
    if (record.token.isSet) this.notes.token(row, record.token.high, record.token.low);
    if (record.origin !== undefined) this.notes.origin(record.origin, record.originNumber);
    this.rows = row + 1;
  }

  /** Layouts are long and few: each is looked up once a batch. */
  private appendLayout(row: number, layout: KnownLayout): void {
    const { names } = this;
    if (layout.turn !== this.turn) {
      layout.turn = this.turn;
      layout.index = names.indexOf(LAYOUTS, layout.bytes);
      layout.services.fill(0);
      this.layouts.push(layout);
    }
    names.put(row, LAYOUTS, layout.index);
    const service = names.at(row, SERVICES);
    if (service < SERVICES_HELD) layout.services[service] = 1;
    else this.laterServices.add(layout.index * 0x1000000 + service);
  }

  /** Which services' rows have which layouts. */
  private layoutUses(): LayoutUse[] {
    if (this.layouts.length === 0) return [];
    const names = this.names.valuesOf(SERVICES).map((value) => decoder.decode(value));
    const later = new Map<number, string[]>();
    for (const use of this.laterServices) {
      const index = Math.floor(use / 0x1000000);
      const name = names[use % 0x1000000] as string;
      const held = later.get(index);
      if (held === undefined) later.set(index, [name]);
      else held.push(name);
    }
    return this.layouts.map(({ text, index, services }) => ({
      text,
      services: [
        ...names.slice(0, SERVICES_HELD).filter((_, service) => services[service] === 1),
        ...(later.get(index) ?? []),
      ],
    }));
  }

  private appendTexts(row: number, record: LogRecord): void {
    const { bufs, starts, ends } = record;
    const { texts } = this;
    for (let i = 0; i < TEXTS.length; i++) {
      const at = TEXTS[i] as number;
      const end = ends[at] as number;
      if (end < 0) continue;
      const view = viewOf(bufs[at] as Uint8Array);
      (texts[i] as TextColumn).append(row, view, starts[at] as number, end);
    }
  }

  private appendTime(sec: number, nano: number): void {
    const first = this.rows === 0;
    if (first || sec < this.minSec || (sec === this.minSec && nano < this.minNano)) {
      this.minSec = sec;
      this.minNano = nano;
    }
    if (first || sec > this.maxSec || (sec === this.maxSec && nano > this.maxNano)) {
      this.maxSec = sec;
      this.maxNano = nano;
    }
    writeTime(this.times, sec, nano);
  }

  /** Encodes what was appended; the batch must be begun again afterwards. */
  take(tenant: string, protocol: string): Batch {
    const { rows } = this;
    let size = 2 * 8 * rows + headSize(C.timestamp) + headSize(C.observed_at);
    for (let at = 2; at < COLUMNS.length; at++) size += this.sizeOf(at);
    const out = new Bytes(size);
    writeHead(out, C.timestamp);
    out.raw(this.times.buf, 0, this.times.length);
    writeHead(out, C.observed_at);
    for (let row = 0; row < rows; row++) writeTime(out, this.observedSec, this.observedNano);
    let columns = 2;
    for (let at = 2; at < COLUMNS.length; at++) if (this.writeColumn(out, at)) columns++;
    this.names.fill(out, rows);
    assert(out.length === size, 'a batch is as long as its columns');
    const data = out.buf;
    const some = rows > 0;
    return {
      signal: 'logs',
      tenant,
      protocol,
      rows,
      columns,
      data,
      rawBytes: this.rawBytes,
      observedNs: this.observedNs,
      minNs: some ? BigInt(this.minSec) * BILLION + BigInt(this.minNano) : this.observedNs,
      maxNs: some ? BigInt(this.maxSec) * BILLION + BigInt(this.maxNano) : this.observedNs,
      layouts: this.layoutUses(),
      ...this.notes.take(rows),
    };
  }

  /** Bytes of a column with its name and type; 0 where no row has a value. */
  private sizeOf(at: number): number {
    const { rows } = this;
    const { kind } = COLUMNS[at] as (typeof COLUMNS)[number];
    if (kind === 'name') {
      const i = NAMES.indexOf(at);
      return this.names.used(i) ? headSize(at) + this.names.size(i, rows) : 0;
    }
    if (kind === 'text' || kind === 'map') {
      const column = this.columnAt(at);
      return column.used ? headSize(at) + column.size(rows) : 0;
    }
    return this.numbers.used(NUMBERS.indexOf(at)) ? headSize(at) + rows * bytesOf(kind) : 0;
  }

  /** Writes a column with its name and type; false where no row has a value. */
  private writeColumn(out: Bytes, at: number): boolean {
    const { rows } = this;
    if (this.sizeOf(at) === 0) return false;
    const { kind } = COLUMNS[at] as (typeof COLUMNS)[number];
    writeHead(out, at);
    if (kind === 'name') this.names.writeTo(out, NAMES.indexOf(at), rows);
    else if (kind === 'text' || kind === 'map') this.columnAt(at).writeTo(out, rows);
    else this.numbers.writeTo(out, NUMBERS.indexOf(at), rows, bytesOf(kind));
    return true;
  }

  private columnAt(at: number): TextColumn | MapColumn {
    return this.texts[TEXTS.indexOf(at)] ?? this.mapAt(at);
  }

  private mapAt(at: number): MapColumn {
    if (at === C.labels) return this.labels;
    return at === C.metadata ? this.metadata : this.attributes;
  }
}

const bytesOf = (kind: ColumnKind): 1 | 2 | 8 => (kind === 'u8' ? 1 : kind === 'u16' ? 2 : 8);

/** Names and types are ASCII and short: one byte of length each. */
const headSize = (column: number): number => {
  const { name, kind } = COLUMNS[column] as (typeof COLUMNS)[number];
  return 2 + name.length + CLICKHOUSE_TYPES[kind].length;
};

const writeHead = (out: Bytes, column: number): void => {
  const { name, kind } = COLUMNS[column] as (typeof COLUMNS)[number];
  out.text(name);
  out.text(CLICKHOUSE_TYPES[kind]);
};
