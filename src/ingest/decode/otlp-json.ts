import { skipValue, stringEnd, unescapeInto } from '../../model/json-text.ts';
import { LIMITS } from '../../model/limits.ts';
import {
  checkJson,
  isArray,
  isNull,
  isObject,
  isString,
  walkArray,
  walkObject,
} from './json-walk.ts';
import type { JsonField, JsonMessage } from './otlp-schema.ts';
import { ProtoWriter, WIRE } from './protobuf.ts';

/**
 * OTLP's JSON turned into OTLP's protobuf, so that both have one meaning: that of otlp-protobuf.ts.
 * Strings keep their bytes, 64-bit numbers all their digits, unknown fields are left out.
 */
export interface Transcoded {
  /** The protobuf message; undefined where the body is no such request. Good for one decode. */
  readonly bytes: Uint8Array | undefined;
  /** What is wrong with the body as a whole. */
  readonly error: string;
  /** Items that were left out, and why the first of them was. */
  readonly rejected: number;
  readonly why: string;
}

export type RejectItem = (sample: Uint8Array) => void;

export const transcode = (
  body: Uint8Array,
  schema: JsonMessage,
  rejectItem: RejectItem,
): Transcoded => {
  const failed = (error: string): Transcoded => ({ bytes: undefined, error, rejected: 0, why: '' });
  const root = checkJson(body);
  if (root < 0) return failed('the body is not valid JSON');
  if (!isObject(body, root)) return failed('the body must be a JSON object');
  if (writer.buf.length > LIMITS.inflateKeptBytes) writer = new ProtoWriter();
  writer.clear();
  const run = new Transcoder(body, rejectItem);
  run.message(root, schema, 0);
  if (run.fault !== '') return failed(run.fault);
  const bytes = writer.buf.subarray(0, writer.length);
  return { bytes, error: '', rejected: run.rejected, why: run.why };
};

let writer = new ProtoWriter();
const decoder = new TextDecoder();
const MAX_INT64 = 9_223_372_036_854_775_807n;
const MAX_UINT64 = 18_446_744_073_709_551_615n;
/** Longest text of a number that is looked at: more digits than a double or an integer can have. */
const NUMBER_BYTES = 1_100;

const NAME_KINDS = {
  severity: 'a severity number',
  spanKind: 'a span kind',
  statusCode: 'a status code',
} as const;
const SPAN_KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
const STATUS_CODES = ['UNSET', 'OK', 'ERROR'];
const SEVERITY_NAME = /^SEVERITY_NUMBER_(UNSPECIFIED|TRACE|DEBUG|INFO|WARN|ERROR|FATAL)([234]?)$/;
const SEVERITY_BASE = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

class Transcoder {
  /** What ends the message under way; '' while all is well. */
  fault = '';
  rejected = 0;
  why = '';
  private readonly body: Uint8Array;
  private readonly rejectItem: RejectItem;

  constructor(body: Uint8Array, rejectItem: RejectItem) {
    this.body = body;
    this.rejectItem = rejectItem;
  }

  /** Writes the fields of the object at `at`; gives the position after it. */
  message(at: number, schema: JsonMessage, depth: number): number {
    const { fields } = schema;
    return walkObject(this.body, at, (name, value) => {
      if (this.fault !== '' || isNull(this.body, value)) return -1;
      for (const field of fields) {
        if (name.is(field.camel) || name.is(field.snake)) return this.field(field, value, depth);
      }
      return -1;
    });
  }

  private field(field: JsonField, at: number, depth: number): number {
    if (!field.repeated) return this.single(field, at, depth);
    if (!isArray(this.body, at)) return this.fail(field, 'an array');
    return walkArray(this.body, at, (item) =>
      this.fault === '' ? this.single(field, item, depth) : -1,
    );
  }

  private single(field: JsonField, at: number, depth: number): number {
    if (field.message === undefined) return this.scalar(field, at);
    if (!isObject(this.body, at)) return this.spoil(field, field.message, at, 'an object');
    // A level of a map is three messages: the list, its member and the value.
    if (depth > 3 * LIMITS.otlpDepth + 8) {
      this.fault = 'values are nested too deeply';
      return -1;
    }
    const start = writer.length;
    const mark = writer.begin(field.number);
    const end = this.message(at, field.message, depth + 1);
    writer.end(mark);
    if (this.fault !== '' && field.message.item) {
      writer.length = start;
      this.reject(at, end);
    }
    return end;
  }

  /** An item of the wrong type is rejected; anything else of the wrong type ends the message. */
  private spoil(field: JsonField, message: JsonMessage, at: number, wanted: string): number {
    this.fail(field, wanted);
    if (message.item) this.reject(at, skipValue(this.body, at, this.body.length));
    return -1;
  }

  private reject(start: number, end: number): void {
    if (this.rejected++ === 0) this.why = this.fault;
    this.rejectItem(this.body.subarray(start, end));
    this.fault = '';
  }

  private fail(field: JsonField, wanted: string): number {
    this.fault = `${decoder.decode(field.camel)} must be ${wanted}`;
    return -1;
  }

  private scalar(field: JsonField, at: number): number {
    const { number } = field;
    switch (field.kind) {
      case 'string':
        return isString(this.body, at) ? this.string(number, at) : this.fail(field, 'a string');
      case 'bytes':
        return this.base64(field, at);
      case 'hex':
      case 'id':
        return this.hex(field, at);
      case 'bool': {
        const text = this.text(at);
        if (text !== 'true' && text !== 'false') return this.fail(field, 'true or false');
        writer.tag(number, WIRE.varint);
        writer.uint(text === 'true' ? 1 : 0);
        return -1;
      }
      case 'double': {
        const value = doubleOf(this.text(at));
        if (value === undefined) return this.fail(field, 'a number');
        writer.tag(number, WIRE.fixed64);
        writer.double(value);
        return -1;
      }
      default:
        return this.integer(field, at);
    }
  }

  private integer(field: JsonField, at: number): number {
    const { kind, number } = field;
    const text = this.text(at);
    const value = nameOf(kind, text) ?? integerOf(text);
    const isName = kind === 'severity' || kind === 'spanKind' || kind === 'statusCode';
    const signed = kind === 'int64' || isName;
    const most = kind === 'uint32' || kind === 'fixed32' ? 0xffffffffn : MAX_UINT64;
    const [least, top] = signed ? [-MAX_INT64 - 1n, MAX_INT64] : [0n, most];
    if (value === undefined || value < least || value > top) {
      return this.fail(field, isName ? NAME_KINDS[kind] : 'an integer');
    }
    if (kind === 'fixed64') {
      writer.tag(number, WIRE.fixed64);
      writer.fixed64(value);
    } else if (kind === 'fixed32') {
      writer.tag(number, WIRE.fixed32);
      writer.fixed32(Number(value));
    } else {
      writer.tag(number, WIRE.varint);
      writer.int64(value);
    }
    return -1;
  }

  /** A number's or literal's text, or a short string's content; '' for what is neither. */
  private text(at: number): string {
    const { body } = this;
    if (isObject(body, at) || isArray(body, at)) return '';
    const end = skipValue(body, at, body.length);
    if (end - at > NUMBER_BYTES) return '';
    return isString(body, at)
      ? decoder.decode(body.subarray(at + 1, end - 1))
      : decoder.decode(body.subarray(at, end));
  }

  private string(number: number, at: number): number {
    const { body } = this;
    const end = stringEnd(body, at + 1, body.length);
    const mark = writer.begin(number);
    writer.reserve(end - at);
    writer.length = unescapeInto(writer.buf, writer.length, body, at + 1, end);
    writer.end(mark);
    return end + 1;
  }

  private base64(field: JsonField, at: number): number {
    const { body } = this;
    if (!isString(body, at)) return this.fail(field, 'a base64 string');
    const end = stringEnd(body, at + 1, body.length);
    const text = decoder.decode(body.subarray(at + 1, end)).replaceAll('\\/', '/');
    if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) return this.fail(field, 'a base64 string');
    const bytes = Buffer.from(text, 'base64');
    const mark = writer.begin(field.number);
    writer.raw(bytes, 0, bytes.length);
    writer.end(mark);
    return end + 1;
  }

  /** An id that is not hexadecimal is no reason to lose a record: it becomes an attribute. */
  private hex(field: JsonField, at: number): number {
    const { body } = this;
    if (!isString(body, at)) return this.fail(field, 'a hexadecimal string');
    const end = stringEnd(body, at + 1, body.length);
    const size = end - at - 1;
    let good = size % 2 === 0;
    for (let i = at + 1; i < end && good; i++) good = digit(body[i] as number) >= 0;
    if (good) {
      const mark = writer.begin(field.number);
      writer.reserve(size);
      for (let i = at + 1; i < end; i += 2) {
        const high = digit(body[i] as number);
        writer.buf[writer.length++] = (high << 4) | digit(body[i + 1] as number);
      }
      writer.end(mark);
      return end + 1;
    }
    if (field.kind === 'id') return this.fail(field, 'a hexadecimal string');
    const attribute = writer.begin(ATTRIBUTES);
    writer.text(1, decoder.decode(field.snake));
    const value = writer.begin(2);
    this.string(1, at);
    writer.end(value);
    writer.end(attribute);
    return end + 1;
  }
}

/** LogRecord.attributes. */
const ATTRIBUTES = 6;

const digit = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
};

/** ProtoJSON's integers: digits, also as a string, also with an exponent if the value is whole. */
const integerOf = (text: string): bigint | undefined => {
  if (/^-?\d{1,20}$/.test(text)) return BigInt(text);
  if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isInteger(value) ? BigInt(value) : undefined;
};

const doubleOf = (text: string): number | undefined => {
  if (text === 'NaN' || text === 'Infinity' || text === '-Infinity') return Number(text);
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
};

/** The number that an enumeration's name stands for. */
const nameOf = (kind: JsonField['kind'], text: string): bigint | undefined => {
  if (kind === 'severity') return severityOf(text);
  if (kind === 'spanKind') return indexOf(SPAN_KINDS, 'SPAN_KIND_', text);
  return kind === 'statusCode' ? indexOf(STATUS_CODES, 'STATUS_CODE_', text) : undefined;
};

const indexOf = (names: readonly string[], prefix: string, text: string): bigint | undefined => {
  const at = text.startsWith(prefix) ? names.indexOf(text.slice(prefix.length)) : -1;
  return at < 0 ? undefined : BigInt(at);
};

const severityOf = (text: string): bigint | undefined => {
  const parts = SEVERITY_NAME.exec(text);
  if (parts === null) return undefined;
  const [, word = '', step = ''] = parts;
  const base = SEVERITY_BASE.indexOf(word);
  if (base < 0) return step === '' ? 0n : undefined;
  return BigInt(base * 4 + (step === '' ? 1 : Number(step)));
};
