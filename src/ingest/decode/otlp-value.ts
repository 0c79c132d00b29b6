import { Bytes } from '../../model/bytes.ts';
import { VALUE, type ValueKind } from '../../model/fields.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Scratch } from '../../model/record.ts';
import type { ProtoReader } from './protobuf.ts';

/**
 * `opentelemetry.proto.common.v1.AnyValue` as bytes: strings as they came, numbers and booleans as
 * text, bytes as base64, arrays and maps as canonical JSON (no spaces, members in their order,
 * short escapes, integers with all their digits).
 */

/**
 * The value that `readValue` found last; read it at once. Its bytes are the request's or the
 * scratch's.
 */
export const found: { kind: ValueKind; buf: Uint8Array; start: number; end: number } = {
  kind: VALUE.null,
  buf: new Uint8Array(0),
  start: 0,
  end: 0,
};

const STRING = 0x0a;
const BOOL = 0x10;
const INT = 0x18;
const DOUBLE = 0x21;
const ARRAY = 0x2a;
const MAP = 0x32;
const BYTES = 0x3a;

const TRUE = new TextEncoder().encode('true');
const FALSE = new TextEncoder().encode('false');

/** Texts that are put together are grown here and then copied into the scratch. */
const KEPT = 65_536;
const text = new Bytes(KEPT);
const double = new DataView(new ArrayBuffer(8));

/**
 * Reads the AnyValue from the reader's position to `end` into `found`. An empty value is a null
 * without bytes. Malformed bytes, nesting beyond `LIMITS.otlpDepth` and text beyond
 * `LIMITS.otlpTextBytes` leave the reader `bad`.
 */
export const readValue = (reader: ProtoReader, end: number, scratch: Scratch): void => {
  found.kind = VALUE.null;
  found.start = 0;
  found.end = 0;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case STRING:
        found.kind = VALUE.string;
        found.buf = reader.buf;
        found.end = reader.span(end);
        found.start = reader.pos;
        reader.pos = found.end;
        break;
      case BOOL:
        reader.varint64(end);
        found.kind = VALUE.boolean;
        found.buf = (reader.low | reader.high) === 0 ? FALSE : TRUE;
        found.start = 0;
        found.end = found.buf.length;
        break;
      case INT:
        reader.varint64(end);
        found.kind = VALUE.number;
        putText(scratch, int64Text(reader.low, reader.high));
        break;
      case DOUBLE:
        found.kind = VALUE.number;
        putText(scratch, doubleText(readDouble(reader, end)));
        break;
      case ARRAY:
      case MAP:
      case BYTES:
        found.kind = tag === ARRAY ? VALUE.array : tag === MAP ? VALUE.object : VALUE.string;
        text.clear();
        writeMember(reader, tag, reader.span(end), tag === BYTES ? -1 : 0);
        putBytes(scratch);
        break;
      default:
        reader.skip(tag, end);
    }
  }
};

/** Two's complement of 64 bits in decimal digits. */
export const int64Text = (low: number, high: number): string => {
  if (high < 0x200000) return String(high * 4_294_967_296 + low);
  return String(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)));
};

const readDouble = (reader: ProtoReader, end: number): number => {
  reader.fixed64(end);
  double.setUint32(0, reader.low, true);
  double.setUint32(4, reader.high, true);
  return double.getFloat64(0, true);
};

/** The shortest digits that read back as the same number; a negative zero keeps its sign. */
const doubleText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

/** Puts ASCII text into the scratch and points `found` at it. */
const putText = (scratch: Scratch, ascii: string): void => {
  scratch.reserve(ascii.length);
  const start = scratch.used;
  for (let i = 0; i < ascii.length; i++) scratch.buf[start + i] = ascii.charCodeAt(i);
  scratch.used = start + ascii.length;
  found.buf = scratch.buf;
  found.start = start;
  found.end = scratch.used;
};

const putBytes = (scratch: Scratch): void => {
  scratch.reserve(text.length);
  const start = scratch.used;
  scratch.buf.set(text.buf.subarray(0, text.length), start);
  scratch.used = start + text.length;
  found.buf = scratch.buf;
  found.start = start;
  found.end = scratch.used;
  // One huge value must not keep its room for ever.
  if (text.buf.length > KEPT) text.buf = new Uint8Array(KEPT);
};

const ascii = (value: string): void => {
  text.reserve(value.length);
  for (let i = 0; i < value.length; i++) text.buf[text.length++] = value.charCodeAt(i);
};

const byte = (value: number): void => {
  text.reserve(1);
  text.buf[text.length++] = value;
};

/** An AnyValue as JSON, after what `text` holds already. */
const writeValue = (reader: ProtoReader, end: number, depth: number): void => {
  const start = text.length;
  if (start > LIMITS.otlpTextBytes) reader.fail();
  while (reader.pos < end) {
    const tag = reader.tag(end);
    // Of several values the last one counts, as in every oneof.
    if (tag <= BYTES) text.length = start;
    switch (tag) {
      case STRING: {
        const to = reader.span(end);
        writeString(reader.buf, reader.pos, to);
        reader.pos = to;
        break;
      }
      case BOOL:
        reader.varint64(end);
        ascii((reader.low | reader.high) === 0 ? 'false' : 'true');
        break;
      case INT:
        reader.varint64(end);
        ascii(int64Text(reader.low, reader.high));
        break;
      case DOUBLE: {
        const value = readDouble(reader, end);
        ascii(Number.isFinite(value) ? doubleText(value) : `"${String(value)}"`);
        break;
      }
      case ARRAY:
      case MAP:
      case BYTES:
        writeMember(reader, tag, reader.span(end), depth + 1);
        break;
      default:
        reader.skip(tag, end);
    }
  }
  if (text.length === start) ascii('null');
};

/** An array, a map or bytes; a depth of -1 writes bytes without quotes. */
const writeMember = (reader: ProtoReader, tag: number, end: number, depth: number): void => {
  if (depth > LIMITS.otlpDepth) {
    reader.fail();
    return;
  }
  if (tag === BYTES) {
    const quote = depth >= 0;
    if (quote) byte(0x22);
    writeBase64(reader.buf, reader.pos, end);
    if (quote) byte(0x22);
    reader.pos = end;
    return;
  }
  byte(tag === ARRAY ? 0x5b : 0x7b);
  const first = text.length;
  while (reader.pos < end) {
    const item = reader.tag(end);
    if (item !== 0x0a) {
      reader.skip(item, end);
      continue;
    }
    const to = reader.span(end);
    if (text.length > first) byte(0x2c);
    if (tag === ARRAY) writeValue(reader, to, depth);
    else writeKeyValue(reader, to, depth);
  }
  byte(tag === ARRAY ? 0x5d : 0x7d);
};

const writeKeyValue = (reader: ProtoReader, end: number, depth: number): void => {
  let keyStart = 0;
  let keyEnd = 0;
  let valueStart = -1;
  let valueEnd = -1;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag !== 0x0a && tag !== 0x12) {
      reader.skip(tag, end);
      continue;
    }
    const to = reader.span(end);
    if (tag === 0x0a) {
      keyStart = reader.pos;
      keyEnd = to;
    } else {
      valueStart = reader.pos;
      valueEnd = to;
    }
    reader.pos = to;
  }
  if (reader.bad) return;
  writeString(reader.buf, keyStart, keyEnd);
  byte(0x3a);
  if (valueStart < 0) {
    ascii('null');
    return;
  }
  reader.pos = valueStart;
  writeValue(reader, valueEnd, depth);
  // Where the value was malformed the reader is at the end of everything, and stays there.
  reader.pos = Math.max(reader.pos, end);
};

const HEX = '0123456789abcdef';
const SHORT_ESCAPES: Readonly<Record<number, string>> = {
  8: '\\b',
  9: '\\t',
  10: '\\n',
  12: '\\f',
  13: '\\r',
  0x22: '\\"',
  0x5c: '\\\\',
};

const writeString = (buf: Uint8Array, start: number, end: number): void => {
  byte(0x22);
  let from = start;
  for (let i = start; i < end; i++) {
    const code = buf[i] as number;
    if (code >= 0x20 && code !== 0x22 && code !== 0x5c) continue;
    text.raw(buf, from, i);
    from = i + 1;
    const digits = `${HEX[code >> 4] ?? ''}${HEX[code & 15] ?? ''}`;
    ascii(SHORT_ESCAPES[code] ?? `\\u00${digits}`);
  }
  text.raw(buf, from, end);
  byte(0x22);
};

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

const writeBase64 = (buf: Uint8Array, start: number, end: number): void => {
  for (let i = start; i < end; i += 3) {
    const left = end - i;
    const bits =
      ((buf[i] as number) << 16) |
      (left > 1 ? (buf[i + 1] as number) << 8 : 0) |
      (left > 2 ? (buf[i + 2] as number) : 0);
    byte(BASE64.charCodeAt(bits >> 18));
    byte(BASE64.charCodeAt((bits >> 12) & 63));
    byte(left > 1 ? BASE64.charCodeAt((bits >> 6) & 63) : 0x3d);
    byte(left > 2 ? BASE64.charCodeAt(bits & 63) : 0x3d);
  }
};
