import { Bytes } from './bytes.ts';
import { C, CLICKHOUSE_TYPES, COLUMNS } from './columns.ts';
import { LIMITS } from './limits.ts';
import { NameColumn, NumberColumn, TextColumn } from './native.ts';
import type { LogRecord, Pairs } from './record.ts';

/**
 * An encoded batch: rows of one tenant, received at one moment, as ClickHouse Native columns. It is
 * what the journal stores and the engine's writer sends; nobody re-encodes it on the way.
 */
export interface Batch {
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
}

const BILLION = 1_000_000_000n;
/** Greatest second that DateTime64(9) holds (2262-04-11). */
const MAX_SECONDS = 9_223_372_035;
let batches = 0;

/** Writes seconds and nanoseconds as Int64 nanoseconds without a bigint per row. */
const writeTime = (out: Bytes, seconds: number, nano: number): void => {
  // seconds * 1e9 split as high * 2^32 + low, exact in doubles: 1e9 * (seconds mod 2^16) < 2^53.
  const top = Math.floor(seconds / 65_536);
  const rest = seconds - top * 65_536;
  const topProduct = top * 1_000_000_000;
  const low = rest * 1_000_000_000 + nano + (topProduct % 65_536) * 65_536;
  const carry = Math.floor(low / 4_294_967_296);
  out.u32(low - carry * 4_294_967_296);
  out.u32(Math.floor(topProduct / 65_536) + carry);
};

class MapColumn {
  used = false;
  private readonly offsets = new Bytes(8_192);
  private readonly names = new NameColumn();
  private readonly values = new TextColumn();
  private total = 0;

  clear(): void {
    this.used = false;
    this.offsets.clear();
    this.names.clear();
    this.values.clear();
    this.total = 0;
  }

  append(pairs: Pairs, batch: number): void {
    const { count } = pairs;
    for (let i = 0; i < count; i++) {
      this.names.appendKey(pairs.keys[i] as never, batch);
      this.values.append(
        pairs.bufs[i] as Uint8Array,
        pairs.starts[i] as number,
        pairs.ends[i] as number,
      );
    }
    if (count > 0) this.used = true;
    this.total += count;
    this.offsets.u64(this.total);
  }

  writeTo(out: Bytes): void {
    this.names.writePrefixTo(out);
    out.raw(this.offsets.buf, 0, this.offsets.length);
    this.names.writeTo(out);
    this.values.writeTo(out);
  }
}

/** Column buffers of the batch under construction; reused after each `take`. */
export class RecordBatch {
  rows = 0;
  rawBytes = 0;
  private readonly id: number[] = [];
  private readonly texts: (TextColumn | undefined)[] = [];
  private readonly names: (NameColumn | undefined)[] = [];
  private readonly numbers: (NumberColumn | undefined)[] = [];
  private readonly maps: [MapColumn, MapColumn, MapColumn];
  private readonly times = new Bytes(8_192);
  private minSec = Infinity;
  private minNano = 0;
  private maxSec = -1;
  private maxNano = 0;
  private observedSec = 0;
  private observedNano = 0;
  private observedNs = 0n;
  private weight = 0;

  constructor() {
    const map = (): MapColumn => {
      const column = new MapColumn();
      this.id.push(++batches);
      return column;
    };
    this.maps = [map(), map(), map()];
    for (const { kind } of COLUMNS) {
      this.texts.push(kind === 'text' ? new TextColumn() : undefined);
      this.names.push(kind === 'name' ? new NameColumn() : undefined);
      const width = kind === 'u8' ? 1 : kind === 'u16' ? 2 : kind === 'u64' ? 8 : 0;
      this.numbers.push(width === 0 ? undefined : new NumberColumn(width));
    }
  }

  /** True when the batch should be taken before more is appended. */
  get full(): boolean {
    return this.rows >= LIMITS.rowsPerBatch || this.weight >= LIMITS.batchBytes;
  }

  /** Starts an empty batch received at `observedNs`. */
  begin(observedNs: bigint): void {
    this.rows = 0;
    this.rawBytes = 0;
    this.weight = 0;
    this.observedNs = observedNs;
    this.observedSec = Number(observedNs / BILLION);
    this.observedNano = Number(observedNs % BILLION);
    this.minSec = Infinity;
    this.maxSec = -1;
    this.times.clear();
    for (let i = 0; i < COLUMNS.length; i++) {
      this.texts[i]?.clear();
      this.names[i]?.clear();
      this.numbers[i]?.clear();
    }
    for (let i = 0; i < 3; i++) {
      this.maps[i]?.clear();
      this.id[i] = ++batches;
    }
  }

  /**
   * Copies the cursor's row into the columns. An unset or impossible event time becomes the
   * observed one.
   */
  append(record: LogRecord): void {
    let { timeSec, timeNano } = record;
    if (timeSec < 0 || timeSec > MAX_SECONDS) {
      timeSec = this.observedSec;
      timeNano = this.observedNano;
    }
    this.appendTime(timeSec, timeNano);
    const { bufs, starts, ends, numbers } = record;
    for (let i = 2; i < C.labels; i++) {
      const end = ends[i] as number;
      const name = this.names[i];
      if (name !== undefined) {
        if (end < 0) name.skip();
        else name.append(bufs[i] as Uint8Array, starts[i] as number, end);
        continue;
      }
      const text = this.texts[i];
      if (text !== undefined) {
        if (end < 0) text.skip();
        else {
          text.append(bufs[i] as Uint8Array, starts[i] as number, end);
          this.weight += end - (starts[i] as number);
        }
        continue;
      }
      (this.numbers[i] as NumberColumn).append(numbers[i] as number);
    }
    this.maps[0].append(record.labels, this.id[0] as number);
    this.maps[1].append(record.metadata, this.id[1] as number);
    this.maps[2].append(record.attributes, this.id[2] as number);
    this.weight += 32 + 16 * record.attributes.count;
    this.rows++;
  }

  private appendTime(sec: number, nano: number): void {
    if (sec < this.minSec || (sec === this.minSec && nano < this.minNano)) {
      this.minSec = sec;
      this.minNano = nano;
    }
    if (sec > this.maxSec || (sec === this.maxSec && nano > this.maxNano)) {
      this.maxSec = sec;
      this.maxNano = nano;
    }
    writeTime(this.times, sec, nano);
  }

  /** Encodes what was appended; the batch must be begun again afterwards. */
  take(tenant: string, protocol: string): Batch {
    const out = scratch;
    out.clear();
    let columns = 2;
    const head = (index: number): void => {
      const { name, kind } = COLUMNS[index] as (typeof COLUMNS)[number];
      out.text(name);
      out.text(CLICKHOUSE_TYPES[kind]);
    };
    head(C.timestamp);
    out.raw(this.times.buf, 0, this.times.length);
    head(C.observed_at);
    for (let row = 0; row < this.rows; row++) writeTime(out, this.observedSec, this.observedNano);
    for (let i = 2; i < COLUMNS.length; i++) {
      const column =
        this.texts[i] ?? this.names[i] ?? this.numbers[i] ?? (this.maps[i - C.labels] as MapColumn);
      if (!column.used) continue;
      head(i);
      columns++;
      if (column instanceof NameColumn) column.writePrefixTo(out);
      column.writeTo(out);
    }
    const data = out.take();
    if (out.buf.length > 4 * LIMITS.batchBytes) scratch = new Bytes(1 << 20);
    return {
      tenant,
      protocol,
      rows: this.rows,
      columns,
      data,
      rawBytes: this.rawBytes,
      observedNs: this.observedNs,
      minNs: BigInt(this.minSec) * BILLION + BigInt(this.minNano),
      maxNs: BigInt(this.maxSec) * BILLION + BigInt(this.maxNano),
    };
  }
}

let scratch = new Bytes(1 << 20);
