import { LIMITS } from '../../model/limits.ts';
import { MAX_TIME_SEC } from '../../model/time.ts';
import type { JsonText } from './json-output.ts';
import type { ProtoMessage, ReadField } from './protobuf-schema.ts';
import { WIRE, type ProtoReader } from './protobuf.ts';

/**
 * Protobuf messages as JSON text, by a table of their fields: compact, the members in the order in
 * which they came, under the names that the .proto gives them (snake_case). As ProtoJSON has it,
 * but that 64-bit numbers are numbers, and times and durations always have nine digits.
 *
 * A field that is not in the table is kept under its number, up to 63. Of a field that comes twice
 * without being repeated, the first one counts: serializers write it once.
 */
/** Hears of fields that are worth noting. `within` is the note of the nearest message above. */
export interface ProtoNotes {
  /** Numbers, enums and booleans; durations in nanoseconds; 1 where a message begins. */
  value(note: number, within: number, value: number): void;
  text(note: number, within: number, buf: Uint8Array, start: number, end: number): void;
  /** Seconds since 1970, and nanoseconds. */
  time(note: number, seconds: number, nanos: number): void;
}

const MOST_FIELD = 63;
const BILLION = 1_000_000_000;
/** The second printed last: entries that come together share it. */
const told = { second: -1, text: '' };
const HALF = 4_294_967_296;
const KEY = 0x0a;
const VALUE = 0x12;
const encoder = new TextEncoder();
const double = new DataView(new ArrayBuffer(8));

/** Writes messages into `out`; malformed bytes and deep nesting leave the reader `bad`. */
export class ProtoJson {
  private readonly reader: ProtoReader;
  private readonly out: JsonText;
  private readonly notes: ProtoNotes;
  private seconds = 0;
  private nanos = 0;

  constructor(reader: ProtoReader, out: JsonText, notes: ProtoNotes) {
    this.reader = reader;
    this.out = out;
    this.notes = notes;
  }

  /** The message from the reader's position to `end`. */
  message({ fields }: ProtoMessage, end: number, within = 0, depth = 0): void {
    const { reader, out } = this;
    if (depth > LIMITS.otlpDepth || out.length > LIMITS.recordBytes) return void reader.fail();
    let low = 0;
    let high = 0;
    this.out.byte(0x7b);
    let isFirst = true;
    while (reader.pos < end) {
      const tag = reader.tag(end);
      const number = tag >>> 3;
      const bit = 1 << (number & 31);
      const isSeen = ((number < 32 ? low : high) & bit) !== 0;
      const field = fields[number];
      const isOdd = field !== undefined && (tag & 7) !== field.wire;
      if (isSeen || number > MOST_FIELD || isOdd) {
        reader.skip(tag, end);
        continue;
      }
      if (number < 32) low |= bit;
      else high |= bit;
      if (!isFirst) this.out.byte(0x2c);
      isFirst = false;
      if (field === undefined) {
        out.ascii(`"${number}":`);
        this.unknown(tag, end);
        continue;
      }
      out.few(field.head);
      if (field.isMany) this.many(field, tag, end, within, depth);
      else this.one(field, end, within, depth);
    }
    this.out.byte(0x7d);
  }

  /** All occurrences of a repeated field or map at once; the reader stays behind the first. */
  private many(field: ReadField, tag: number, end: number, within: number, depth: number): void {
    const { reader } = this;
    const { isMap } = field;
    let behind = -1;
    this.out.byte(isMap ? 0x7b : 0x5b);
    for (let next = tag; ; next = reader.tag(end)) {
      if (next !== tag) reader.skip(next, end);
      else {
        if (behind >= 0) this.out.byte(0x2c);
        if (isMap) this.entry(field, reader.span(end), depth);
        else this.one(field, end, within, depth);
        if (behind < 0) behind = reader.pos;
      }
      if (reader.pos >= end) break;
    }
    this.goTo(behind);
    this.out.byte(isMap ? 0x7d : 0x5d);
  }

  private one(field: ReadField, end: number, within: number, depth: number): void {
    const { reader, notes } = this;
    const { kind, note = 0 } = field;
    switch (kind) {
      case 'string':
        return this.string(end, note, within);
      case 'message': {
        if (note > 0) notes.value(note, within, 1);
        const to = reader.span(end);
        return this.message(field.message as ProtoMessage, to, note > 0 ? note : within, depth + 1);
      }
      case 'duration':
        return this.duration(reader.span(end), note, within);
      case 'timestamp':
        return this.timestamp(reader.span(end), note);
      case 'struct':
        return this.struct(reader.span(end), depth + 1);
      case 'any':
        return this.any(reader.span(end), depth + 1);
      case 'double':
        return this.double(end);
      case 'uint-value': {
        const to = reader.span(end);
        return this.number(this.field(to, 1), note, within);
      }
      case 'bool':
      case 'enum':
      case 'uint':
        reader.varint64(end);
        return this.scalar(field, within);
      default:
        reader.fail();
    }
  }

  private scalar({ kind, words, note = 0 }: ReadField, within: number): void {
    const { low, high } = this.reader;
    const value = high * HALF + low;
    if (kind === 'bool') {
      if (note > 0 && value !== 0) this.notes.value(note, within, 1);
      return this.out.ascii(value === 0 ? 'false' : 'true');
    }
    const word = kind === 'enum' ? words?.[value] : undefined;
    if (word === undefined) return this.number(value, note, within);
    if (note > 0) this.notes.value(note, within, value);
    this.out.ascii(`"${word}"`);
  }

  /** A number below 2^64; above 2^53 its digits come from both halves read last. */
  private number(value: number, note: number, within: number): void {
    if (note > 0) this.notes.value(note, within, value);
    if (value <= Number.MAX_SAFE_INTEGER) return this.out.ascii(String(value));
    const { low, high } = this.reader;
    this.out.ascii(String((BigInt(high) << 32n) | BigInt(low)));
  }

  /** The varint of a field in a small message, below 2^53; 0 where it is not there. */
  private field(end: number, wanted: number): number {
    const { reader } = this;
    let value = 0;
    while (reader.pos < end) {
      const tag = reader.tag(end);
      if (tag === wanted * 8) {
        reader.varint64(end);
        value = reader.high * HALF + reader.low;
      } else reader.skip(tag, end);
    }
    return value;
  }

  private string(end: number, note: number, within: number): void {
    const { reader } = this;
    const to = reader.span(end);
    if (note > 0) this.notes.text(note, within, reader.buf, reader.pos, to);
    this.out.quoted(reader.buf, reader.pos, to);
    reader.pos = to;
  }

  /** Reads a Timestamp or Duration into `seconds` and `nanos`. */
  private instant(end: number): void {
    const { reader } = this;
    this.seconds = 0;
    this.nanos = 0;
    while (reader.pos < end) {
      const tag = reader.tag(end);
      if (tag === 0x08) {
        reader.varint64(end);
        this.seconds = (reader.high | 0) * HALF + reader.low;
      } else if (tag === 0x10) {
        reader.varint64(end);
        this.nanos = reader.low | 0;
      } else reader.skip(tag, end);
    }
  }

  private timestamp(end: number, note: number): void {
    this.instant(end);
    const { seconds, nanos, out } = this;
    const isTime = seconds >= 0 && seconds <= MAX_TIME_SEC && nanos >= 0 && nanos < BILLION;
    if (!isTime) return out.ascii(`"${seconds}s+${nanos}ns"`);
    if (note > 0) this.notes.time(note, seconds, nanos);
    if (seconds !== told.second) {
      told.second = seconds;
      told.text = `"${new Date(seconds * 1_000).toISOString().slice(0, 19)}.`;
    }
    out.ascii(told.text);
    out.digits(nanos, 9);
    out.ascii('Z"');
  }

  private duration(end: number, note: number, within: number): void {
    this.instant(end);
    const { seconds, nanos, out } = this;
    const total = seconds * BILLION + nanos;
    if (note > 0 && total >= 0) this.notes.value(note, within, total);
    out.ascii(total < 0 ? '"-' : '"');
    out.ascii(String(Math.abs(seconds)));
    out.byte(0x2e);
    out.digits(Math.abs(nanos), 9);
    out.ascii('s"');
  }

  private double(end: number): void {
    const { reader } = this;
    reader.fixed64(end);
    double.setUint32(0, reader.low, true);
    double.setUint32(4, reader.high, true);
    this.out.double(double.getFloat64(0, true));
  }

  /** An entry of a map: its key, and a value of the map's kind. */
  private entry({ kind }: ReadField, end: number, depth: number): void {
    const { reader } = this;
    const start = reader.pos;
    // The key may come behind the value.
    this.member(KEY, end);
    this.out.byte(0x3a);
    this.goTo(start);
    if (kind === 'text-map') return this.member(VALUE, end);
    const to = this.find(VALUE, end);
    if (kind === 'struct-map') this.struct(to, depth + 1);
    else this.any(to, depth + 1);
    this.goTo(end);
  }

  /** A string field of a small message, quoted; the reader goes on to the message's end. */
  private member(wanted: number, end: number): void {
    const to = this.find(wanted, end);
    const { reader } = this;
    this.out.quoted(reader.buf, reader.pos, to);
    this.goTo(end);
  }

  /** Goes to a length-delimited field's first byte; its end, or an empty range. */
  private find(wanted: number, end: number): number {
    const { reader } = this;
    while (reader.pos < end) {
      const tag = reader.tag(end);
      if (tag === wanted) return reader.span(end);
      reader.skip(tag, end);
    }
    return reader.pos;
  }

  /** google.protobuf.Struct: 1 map<string, Value>. */
  private struct(end: number, depth: number): void {
    const { reader, out } = this;
    if (depth > LIMITS.otlpDepth || out.length > LIMITS.recordBytes) return void reader.fail();
    let isFirst = true;
    this.out.byte(0x7b);
    while (reader.pos < end) {
      const tag = reader.tag(end);
      if (tag !== KEY) {
        reader.skip(tag, end);
        continue;
      }
      if (!isFirst) this.out.byte(0x2c);
      isFirst = false;
      const to = reader.span(end);
      const start = reader.pos;
      this.member(KEY, to);
      this.out.byte(0x3a);
      this.goTo(start);
      const valueEnd = this.find(VALUE, to);
      this.value(valueEnd, depth);
      this.goTo(to);
    }
    this.out.byte(0x7d);
  }

  /** google.protobuf.Value: 1 null, 2 number, 3 string, 4 bool, 5 struct, 6 list. */
  private value(end: number, depth: number): void {
    const { reader } = this;
    if (reader.pos >= end) return this.out.ascii('null');
    const tag = reader.tag(end);
    if (tag === 0x11) this.double(end);
    else if (tag === 0x1a) this.string(end, 0, 0);
    else if (tag === 0x20) {
      reader.varint64(end);
      this.out.ascii(reader.low === 0 ? 'false' : 'true');
    } else if (tag === 0x2a) this.struct(reader.span(end), depth + 1);
    else if (tag === 0x32) this.list(reader.span(end), depth + 1);
    else {
      reader.skip(tag, end);
      this.out.ascii('null');
    }
  }

  private list(end: number, depth: number): void {
    const { reader } = this;
    if (depth > LIMITS.otlpDepth) return void reader.fail();
    let isFirst = true;
    this.out.byte(0x5b);
    while (reader.pos < end) {
      const tag = reader.tag(end);
      if (tag !== KEY) {
        reader.skip(tag, end);
        continue;
      }
      if (!isFirst) this.out.byte(0x2c);
      isFirst = false;
      const to = reader.span(end);
      this.value(to, depth);
      this.goTo(to);
    }
    this.out.byte(0x5d);
  }

  /** google.protobuf.Any: 1 type_url, 2 value; the well-known types that proxies use are read. */
  private any(end: number, depth: number): void {
    const { reader } = this;
    const start = reader.pos;
    const urlEnd = this.find(KEY, end);
    const url = reader.bad ? '' : nameOf(reader.buf, reader.pos, urlEnd);
    this.out.ascii('{"@type":');
    this.out.quoted(reader.buf, reader.pos, urlEnd);
    this.out.ascii(',"value":');
    this.goTo(start);
    const to = this.find(VALUE, end);
    if (url === 'google.protobuf.Struct') this.struct(to, depth + 1);
    else if (url === 'google.protobuf.StringValue') this.member(KEY, to);
    else this.base64(to);
    this.out.byte(0x7d);
    this.goTo(end);
  }

  /** Reading goes on there, unless nothing is to be read any more. */
  private goTo(pos: number): void {
    if (!this.reader.bad) this.reader.pos = pos;
  }

  private unknown(tag: number, end: number): void {
    const { reader } = this;
    if ((tag & 7) === WIRE.varint) {
      reader.varint64(end);
      this.number(reader.high * HALF + reader.low, 0, 0);
    } else if ((tag & 7) === WIRE.bytes) this.base64(reader.span(end));
    else if ((tag & 7) === WIRE.fixed64) this.double(end);
    else {
      reader.skip(tag, end);
      this.out.ascii('null');
    }
  }

  private base64(end: number): void {
    const { reader } = this;
    this.out.base64(reader.buf, reader.pos, end);
    reader.pos = end;
  }
}

const TYPE_URL = encoder.encode('type.googleapis.com/');
const decoder = new TextDecoder();

/** The type that a URL names, without its host; '' where that is another. */
const nameOf = (buf: Uint8Array, start: number, end: number): string => {
  if (end - start < TYPE_URL.length || end - start > 256) return '';
  for (let i = 0; i < TYPE_URL.length; i++) if (buf[start + i] !== TYPE_URL[i]) return '';
  return decoder.decode(buf.subarray(start + TYPE_URL.length, end));
};
