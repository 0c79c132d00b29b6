import { writeTime, type Batch } from './batch.ts';
import { Bytes, viewOf } from './bytes.ts';
import { C, CLICKHOUSE_TYPES, type ColumnKind, type ColumnName } from './columns.ts';
import { assert } from './errors.ts';
import { LIMITS } from './limits.ts';
import { MapColumn, NameColumns, NumberColumns, TextColumn } from './native.ts';
import { Pairs, Scratch } from './record.ts';
import { SPAN_COLUMNS, spanColumnsOf, type SpanColumnName } from './span-columns.ts';
import { eventsJson, linksJson } from './span-json.ts';
import { SpanOrigins } from './span-origin.ts';
import { putAttributes, writeText } from './span-pairs.ts';
import { GREATEST_START_NS, LONGEST_NS, type Span } from './span.ts';

/** Who sent a span: the receiver's name, then the address, as one run of bytes. */
export interface SpanSender {
  readonly bytes: Uint8Array;
  readonly receiverEnd: number;
}

type TextName = 'trace_id' | 'span_id' | 'parent_span_id' | 'trace_state' | 'status_message';
type MapName = 'resource' | 'scope_attributes' | 'attributes' | 'value_types';

const NAMES = spanColumnsOf('name').map(({ name }) => name);
const NUMBERS = spanColumnsOf('u8', 'u64').map(({ name }) => name);
const ALL_NAMES = Uint8Array.from(NAMES.keys());
const ALL_NUMBERS = Uint8Array.from(NUMBERS.keys());
/** The names that the resource's attributes say: place among the names, column of a record. */
const WHO = NAMES.flatMap((name, at) =>
  name in C && name !== 'receiver' && name !== 'source' ? [[at, C[name as ColumnName]]] : [],
) as readonly (readonly [place: number, column: number])[];
const at = (names: readonly SpanColumnName[], name: SpanColumnName): number => names.indexOf(name);
const [RECEIVER, SOURCE] = [at(NAMES, 'receiver'), at(NAMES, 'source')];
const NAME = at(NAMES, 'name');
const [SCOPE_NAME, SCOPE_VERSION] = [at(NAMES, 'scope_name'), at(NAMES, 'scope_version')];

const BILLION = 1_000_000_000n;
const EMPTY = new Uint8Array(0);

/** Column buffers of spans under construction; reused after each `take`. See RecordBatch. */
export class SpanBatch {
  rows = 0;
  rawBytes = 0;
  /** Start times that the column cannot hold: the time of receipt stands there. */
  timesReplaced = 0;
  private readonly names = new NameColumns(NAMES.length);
  private readonly numbers = new NumberColumns(NUMBERS.length);
  private readonly texts = new Map<SpanColumnName, TextColumn>();
  private readonly maps = new Map<SpanColumnName, MapColumn>();
  private readonly times = new Bytes(4_096);
  private readonly origins = new SpanOrigins();
  private readonly attributes = new Pairs();
  private readonly types = new Pairs();
  private readonly scratch = new Scratch();
  /** The row's names and numbers, by their place among the columns of their kind. */
  private readonly row = {
    lineBuf: EMPTY as Uint8Array,
    bufs: NAMES.map(() => EMPTY as Uint8Array),
    starts: new Int32Array(NAMES.length),
    ends: new Int32Array(NAMES.length),
  };
  private readonly values = new Float64Array(NUMBERS.length);
  private observedNs = 0n;
  private minNs = 0n;
  private maxNs = 0n;

  constructor() {
    for (const { name } of spanColumnsOf('text')) this.texts.set(name, new TextColumn());
    for (const { name } of spanColumnsOf('map')) this.maps.set(name, new MapColumn());
  }

  /** True when the batch should be taken before more is appended. */
  get full(): boolean {
    if (this.rows >= LIMITS.rowsPerBatch) return true;
    let { bytes } = this.names;
    for (const column of this.texts.values()) bytes += column.bytes;
    for (const column of this.maps.values()) bytes += column.bytes;
    return bytes >= LIMITS.batchBytes;
  }

  /** Starts an empty batch received at `observedNs`. */
  begin(observedNs: bigint): void {
    this.rows = 0;
    this.rawBytes = 0;
    this.observedNs = observedNs;
    this.times.clear();
    this.names.clear();
    this.numbers.clear();
    for (const column of this.texts.values()) column.clear();
    for (const column of this.maps.values()) column.clear();
  }

  /** Copies a span into the columns. */
  append(span: Span, sender: SpanSender): void {
    const { scratch, types, row } = this;
    scratch.used = 0;
    types.clear();
    this.appendTime(span);
    this.setNames(span, sender);
    this.names.append(this.rows, row, ALL_NAMES);
    this.appendText('trace_id', span.traceId);
    this.appendText('span_id', span.spanId);
    this.appendText('parent_span_id', span.parentSpanId);
    this.appendText('trace_state', span.traceState);
    this.appendText('status_message', span.statusMessage);
    this.appendText('events', eventsJson(span.events));
    this.appendText('links', linksJson(span.links));
    this.numbers.append(this.rows, this.values, ALL_NUMBERS);
    this.attributes.clear();
    putAttributes(span.attributes, 'a:', this.attributes, types, scratch);
    const { resource, scope } = this.origins;
    this.origins.addTypes(types);
    this.appendMap('resource', resource);
    this.appendMap('scope_attributes', scope);
    this.appendMap('attributes', this.attributes);
    this.appendMap('value_types', types);
    this.rows++;
  }

  /** Lets go of the spans appended last. */
  release(): void {
    this.origins.release();
    this.attributes.release();
    this.types.release();
    this.scratch.release();
    this.row.bufs.fill(EMPTY);
  }

  /** Encodes what was appended; the batch must be begun again afterwards. */
  take(tenant: string, protocol: string): Batch {
    const { rows } = this;
    let size = 0;
    let columns = 0;
    for (const { name, kind } of SPAN_COLUMNS) {
      const bytes = this.sizeOf(name, kind);
      if (bytes === 0) continue;
      size += bytes + 2 + name.length + CLICKHOUSE_TYPES[kind].length;
      columns++;
    }
    const out = new Bytes(size);
    for (const { name, kind } of SPAN_COLUMNS) {
      if (this.sizeOf(name, kind) === 0) continue;
      out.text(name);
      out.text(CLICKHOUSE_TYPES[kind]);
      this.writeColumn(out, name, kind);
    }
    this.names.fill(out, rows);
    assert(out.length === size, 'a batch of spans is as long as its columns');
    const { rawBytes, observedNs, minNs, maxNs } = this;
    const times = rows > 0 ? { minNs, maxNs } : { minNs: observedNs, maxNs: observedNs };
    const head = { signal: 'spans', tenant, protocol, rows, columns } as const;
    return { ...head, data: out.buf, rawBytes, observedNs, ...times, layouts: [] };
  }

  /** Start and duration; what they cannot say goes to the types, so that nothing is lost. */
  private appendTime({ startNs, endNs }: Span): void {
    const isKept = startNs > 0n && startNs <= GREATEST_START_NS;
    const timeNs = isKept ? startNs : this.observedNs;
    if (!isKept) {
      this.note('t:start', startNs);
      // 0 says that the sender had none.
      if (startNs !== 0n) this.timesReplaced++;
    }
    const lastedNs = endNs - startNs;
    const isExact = startNs !== 0n && lastedNs >= 0n && lastedNs <= LONGEST_NS;
    if (!isExact) this.note('t:end', endNs);
    const shownNs = isExact ? lastedNs : startNs === 0n || lastedNs < 0n ? 0n : LONGEST_NS;
    this.values[DURATION] = Number(shownNs);
    writeTime(this.times, Number(timeNs / BILLION), Number(timeNs % BILLION));
    if (this.rows === 0 || timeNs < this.minNs) this.minNs = timeNs;
    if (this.rows === 0 || timeNs > this.maxNs) this.maxNs = timeNs;
  }

  private note(name: 't:start' | 't:end', value: bigint): void {
    const { scratch, types } = this;
    const digits = writeText(scratch, String(value));
    types.put(this.origins.timeKey(name), scratch.buf, digits, scratch.used);
  }

  private setNames(span: Span, { bytes, receiverEnd }: SpanSender): void {
    const { values } = this;
    const { who } = this.origins.of(span);
    for (const [place, column] of WHO) {
      const end = who.ends[column] as number;
      this.setName(place, who.bufs[column] as Uint8Array, who.starts[column] as number, end);
    }
    this.setName(RECEIVER, bytes, 0, receiverEnd);
    this.setName(SOURCE, bytes, receiverEnd, bytes.length);
    this.setText(NAME, span.name);
    this.setText(SCOPE_NAME, span.scopeName);
    this.setText(SCOPE_VERSION, span.scopeVersion);
    values[SPAN_KIND] = span.kind;
    values[STATUS_CODE] = span.statusCode;
    values[FLAGS] = span.flags;
    values[DROPPED_ATTRIBUTES] = span.droppedAttributes;
    values[DROPPED_EVENTS] = span.droppedEvents;
    values[DROPPED_LINKS] = span.droppedLinks;
  }

  private setName(place: number, buf: Uint8Array, start: number, end: number): void {
    const { row } = this;
    row.bufs[place] = buf;
    row.starts[place] = start;
    row.ends[place] = end;
  }

  private setText(place: number, text: string): void {
    const start = writeText(this.scratch, text);
    this.setName(place, this.scratch.buf, start, this.scratch.used);
  }

  private appendText(name: TextName | 'events' | 'links', text: string): void {
    if (text === '') return;
    const { scratch } = this;
    const start = writeText(scratch, text);
    const column = this.texts.get(name) as TextColumn;
    column.append(this.rows, viewOf(scratch.buf), start, scratch.used);
  }

  private appendMap(name: MapName, pairs: Pairs): void {
    if (pairs.count > 0) (this.maps.get(name) as MapColumn).append(this.rows, pairs);
  }

  /** Bytes of a column without its name and type; 0 where no row has a value. */
  private sizeOf(name: SpanColumnName, kind: ColumnKind): number {
    const { rows } = this;
    if (kind === 'time') return 8 * rows;
    if (kind === 'name') {
      const place = at(NAMES, name);
      return this.names.used(place) ? this.names.size(place, rows) : 0;
    }
    const column = this.texts.get(name) ?? this.maps.get(name);
    if (column !== undefined) return column.used ? column.size(rows) : 0;
    return this.numbers.used(at(NUMBERS, name)) ? rows * bytesOf(kind) : 0;
  }

  private writeColumn(out: Bytes, name: SpanColumnName, kind: ColumnKind): void {
    const { rows, observedNs } = this;
    const column = this.texts.get(name) ?? this.maps.get(name);
    if (column !== undefined) column.writeTo(out, rows);
    else if (kind === 'name') this.names.writeTo(out, at(NAMES, name), rows);
    else if (name === 'timestamp') out.raw(this.times.buf, 0, this.times.length);
    else if (name === 'observed_at') {
      const [sec, nano] = [Number(observedNs / BILLION), Number(observedNs % BILLION)];
      for (let row = 0; row < rows; row++) writeTime(out, sec, nano);
    } else this.numbers.writeTo(out, at(NUMBERS, name), rows, bytesOf(kind));
  }
}

const [SPAN_KIND, STATUS_CODE] = [at(NUMBERS, 'span_kind'), at(NUMBERS, 'status_code')];
const FLAGS = at(NUMBERS, 'flags');
const DURATION = at(NUMBERS, 'duration_ns');
const DROPPED_ATTRIBUTES = at(NUMBERS, 'dropped_attributes');
const DROPPED_EVENTS = at(NUMBERS, 'dropped_events');
const DROPPED_LINKS = at(NUMBERS, 'dropped_links');

const bytesOf = (kind: ColumnKind): 1 | 8 => (kind === 'u8' ? 1 : 8);
