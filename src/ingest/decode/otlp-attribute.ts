import { keys } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import { doubleJson } from '../../model/span-json.ts';
import type { SpanAttribute, SpanValue } from '../../model/span.ts';
import { int64Text } from './otlp-value.ts';
import type { ProtoReader } from './protobuf.ts';

/**
 * `KeyValue` and `AnyValue` (opentelemetry-proto, common/v1/common.proto) as a span's attributes:
 * scalars as JavaScript has them, arrays, maps and bytes as OTLP's JSON of the value.
 *
 *     KeyValue  1 key, 2 value
 *     AnyValue  1 string, 2 bool, 3 int, 4 double, 5 array, 6 kvlist, 7 bytes
 */
const MESSAGE_1 = 0x0a;
const MESSAGE_2 = 0x12;
const STRING = 0x0a;
const BOOL = 0x10;
const INT = 0x18;
const DOUBLE = 0x21;
const ARRAY = 0x2a;
const MAP = 0x32;
const BYTES = 0x3a;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const double = new DataView(new ArrayBuffer(8));

/** An empty AnyValue: OTLP's null. */
const NOTHING: { readonly json: string } = Object.freeze({ json: '{}' });

/** A length-delimited field's text; bytes that are no UTF-8 become U+FFFD. */
export const readText = (reader: ProtoReader, end: number): string => {
  const to = reader.span(end);
  const text = to > reader.pos ? decoder.decode(reader.buf.subarray(reader.pos, to)) : '';
  reader.pos = to;
  return text;
};

/** Unsigned 64 bits of a fixed64 field. */
export const readFixed64 = (reader: ProtoReader, end: number): bigint => {
  reader.fixed64(end);
  return (BigInt(reader.high) << 32n) | BigInt(reader.low);
};

/**
 * Reads the KeyValue from the reader's position to `end`. Malformed bytes, nesting beyond
 * `LIMITS.otlpDepth` and JSON beyond `LIMITS.otlpTextBytes` leave the reader `bad`.
 */
export const readKeyValue = (reader: ProtoReader, end: number): SpanAttribute => {
  let key = '';
  let value: SpanValue = NOTHING;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === MESSAGE_1) {
      const to = reader.span(end);
      // Names repeat from span to span.
      key = keys.intern(reader.buf, reader.pos, to).text;
      reader.pos = to;
    } else if (tag === MESSAGE_2) value = readAnyValue(reader, reader.span(end));
    else reader.skip(tag, end);
  }
  return { key, value };
};

const readAnyValue = (reader: ProtoReader, end: number): SpanValue => {
  let value: SpanValue = NOTHING;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case STRING:
        value = readText(reader, end);
        break;
      case BOOL:
        reader.varint64(end);
        value = (reader.low | reader.high) !== 0;
        break;
      case INT:
        reader.varint64(end);
        value = BigInt.asIntN(64, (BigInt(reader.high) << 32n) | BigInt(reader.low));
        break;
      case DOUBLE:
        value = readDouble(reader, end);
        break;
      case ARRAY:
      case MAP:
      case BYTES:
        room = LIMITS.otlpTextBytes;
        value = { json: `{${memberJson(reader, tag, reader.span(end), 1)}}` };
        break;
      default:
        reader.skip(tag, end);
    }
  }
  return value;
};

const readDouble = (reader: ProtoReader, end: number): number => {
  reader.fixed64(end);
  double.setUint32(0, reader.low, true);
  double.setUint32(4, reader.high, true);
  return double.getFloat64(0, true);
};

/** Characters that the value under way may still take. */
let room = 0;

/** An AnyValue as OTLP's JSON. */
const anyJson = (reader: ProtoReader, end: number, depth: number): string => {
  let json = '';
  while (reader.pos < end) {
    const tag = reader.tag(end);
    switch (tag) {
      case STRING:
        json = `"stringValue":${JSON.stringify(readText(reader, end))}`;
        break;
      case BOOL:
        reader.varint64(end);
        json = `"boolValue":${(reader.low | reader.high) === 0 ? 'false' : 'true'}`;
        break;
      case INT:
        reader.varint64(end);
        json = `"intValue":"${int64Text(reader.low, reader.high)}"`;
        break;
      case DOUBLE:
        json = `"doubleValue":${doubleJson(readDouble(reader, end))}`;
        break;
      case ARRAY:
      case MAP:
      case BYTES:
        json = memberJson(reader, tag, reader.span(end), depth + 1);
        break;
      default:
        reader.skip(tag, end);
    }
  }
  room -= json.length + 2;
  if (room < 0) reader.fail();
  return `{${json}}`;
};

/** An array, a map or bytes, without braces around it. */
const memberJson = (reader: ProtoReader, tag: number, end: number, depth: number): string => {
  if (depth > LIMITS.otlpDepth) {
    reader.fail();
    return '';
  }
  if (tag === BYTES) {
    const { buf, pos } = reader;
    reader.pos = end;
    return `"bytesValue":"${Buffer.from(buf.buffer, buf.byteOffset + pos, end - pos).toString('base64')}"`;
  }
  const items: string[] = [];
  while (reader.pos < end) {
    const item = reader.tag(end);
    if (item !== MESSAGE_1) reader.skip(item, end);
    else if (tag === ARRAY) items.push(anyJson(reader, reader.span(end), depth));
    else items.push(keyValueJson(reader, reader.span(end), depth));
  }
  return `"${tag === ARRAY ? 'arrayValue' : 'kvlistValue'}":{"values":[${items.join(',')}]}`;
};

const keyValueJson = (reader: ProtoReader, end: number, depth: number): string => {
  let key = '';
  let value = '{}';
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === MESSAGE_1) key = readText(reader, end);
    else if (tag === MESSAGE_2) value = anyJson(reader, reader.span(end), depth);
    else reader.skip(tag, end);
  }
  const name = JSON.stringify(key);
  room -= name.length + 18;
  if (room < 0) reader.fail();
  return `{"key":${name},"value":${value}}`;
};
