import { skipValue, stringEnd, unescapeInto } from '../../model/json-text.ts';
import { LIMITS } from '../../model/limits.ts';
import type { SpanValue } from '../../model/span.ts';
import {
  isArray,
  isNull,
  isObject,
  isString,
  walkArray,
  walkObject,
  type JsonName,
} from './json-walk.ts';
import { kindOf } from './span-tags.ts';
import { quickly, textOf } from './span-text.ts';
import {
  newZipkinSpan,
  putAnnotation,
  putTag,
  type ZipkinEndpoint,
  type ZipkinSpan,
} from './zipkin-span.ts';
import type { V1Annotation, V1BinaryAnnotation, V1Span } from './zipkin-v1.ts';

/**
 * Zipkin's JSON of both models (openzipkin/zipkin-api, zipkin2-api.yaml and zipkin-api.yaml) over
 * bytes that `checkJson` has accepted. As lenient as Zipkin: numbers may be strings, unknown and
 * null members say nothing. What is of another shape than the API's makes the span malformed.
 */
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const W = {
  traceId: utf8('traceId'),
  id: utf8('id'),
  parentId: utf8('parentId'),
  name: utf8('name'),
  kind: utf8('kind'),
  timestamp: utf8('timestamp'),
  duration: utf8('duration'),
  debug: utf8('debug'),
  shared: utf8('shared'),
  localEndpoint: utf8('localEndpoint'),
  remoteEndpoint: utf8('remoteEndpoint'),
  annotations: utf8('annotations'),
  binaryAnnotations: utf8('binaryAnnotations'),
  tags: utf8('tags'),
  value: utf8('value'),
  key: utf8('key'),
  type: utf8('type'),
  endpoint: utf8('endpoint'),
  serviceName: utf8('serviceName'),
  ipv4: utf8('ipv4'),
  ipv6: utf8('ipv6'),
  port: utf8('port'),
};

const OF_V2 = [W.localEndpoint, W.remoteEndpoint, W.tags, W.kind, W.shared];

/** Which of the two models an object is of, as far as its members tell. */
export type Model = 'v1' | 'v2' | 'either';

/** Reads one span after another out of one body. */
export class ZipkinJson {
  /** Behind the value that was read last; -1 where it was only looked at. */
  after = -1;
  private readonly buf: Buffer;
  private malformed = false;

  constructor(buf: Uint8Array) {
    this.buf = quickly(buf);
  }

  /** The model of the span at `at`; `either` where it has members of both, or of none. */
  model(at: number): Model {
    let [isFirst, isSecond] = [false, false];
    if (!isObject(this.buf, at)) return 'either';
    walkObject(this.buf, at, (name, value) => {
      if (isNull(this.buf, value)) return -1;
      if (name.is(W.binaryAnnotations)) isFirst = true;
      else if (name.is(W.annotations)) isFirst ||= this.hasEndpoint(value);
      else isSecond ||= OF_V2.some((word) => name.is(word));
      return -1;
    });
    if (isFirst === isSecond) return 'either';
    return isFirst ? 'v1' : 'v2';
  }

  private begin(): void {
    this.malformed = false;
  }

  /** Whether the first of an array of annotations says who made it. */
  private hasEndpoint(at: number): boolean {
    let has = false;
    if (!isArray(this.buf, at)) return has;
    walkArray(this.buf, at, (item, index) => {
      if (index > 0 || !isObject(this.buf, item)) return -1;
      return walkObject(this.buf, item, (name, value) => {
        if (name.is(W.endpoint) && !isNull(this.buf, value)) has = true;
        return -1;
      });
    });
    return has;
  }

  /** The span at `at`; undefined where it is malformed. */
  v2(at: number): ZipkinSpan | undefined {
    this.begin();
    const span = newZipkinSpan();
    this.members(at, (name, value) => {
      if (this.readBase(span, name, value)) return;
      if (name.is(W.kind)) span.kind = kindOf(this.text(value));
      else if (name.is(W.timestamp)) span.timestamp = this.integer(value);
      else if (name.is(W.duration)) span.duration = this.integer(value);
      else if (name.is(W.localEndpoint)) span.local = this.endpoint(value);
      else if (name.is(W.remoteEndpoint)) span.remote = this.endpoint(value);
      else if (name.is(W.shared)) span.shared = this.flag(value);
      else if (name.is(W.annotations)) this.readAnnotations(span, value);
      else if (name.is(W.tags)) this.readTags(span, value);
    });
    return this.malformed ? undefined : span;
  }

  private readAnnotations(span: ZipkinSpan, at: number): void {
    this.items(at, (item) => {
      const { timestamp, value } = this.annotation(item);
      putAnnotation(span, timestamp, value);
    });
  }

  private readTags(span: ZipkinSpan, at: number): void {
    this.members(at, (name, value) => {
      const key = textOf(name.buf, name.start, name.end);
      putTag(span, key, this.text(value));
    });
  }

  /** The same for the first model. */
  v1(at: number): V1Span | undefined {
    this.begin();
    const base = newZipkinSpan();
    let timestamp = 0n;
    let duration = 0n;
    const annotations: V1Annotation[] = [];
    const binaryAnnotations: V1BinaryAnnotation[] = [];
    const dropped = { annotations: 0, tags: 0 };
    this.members(at, (name, value) => {
      if (this.readBase(base, name, value)) return;
      if (name.is(W.timestamp)) timestamp = this.integer(value);
      else if (name.is(W.duration)) duration = this.integer(value);
      else if (name.is(W.annotations)) {
        this.items(value, (item) => {
          if (annotations.length >= LIMITS.spanItems) dropped.annotations++;
          else annotations.push(this.annotation(item));
        });
      } else if (name.is(W.binaryAnnotations)) {
        this.items(value, (item) => {
          if (binaryAnnotations.length >= LIMITS.spanItems) dropped.tags++;
          else binaryAnnotations.push(this.binaryAnnotation(item));
        });
      }
    });
    if (this.malformed) return undefined;
    const { traceId, id, parentId, name, debug } = base;
    return {
      base: { traceId, id, parentId, name, debug },
      timestamp,
      duration,
      annotations,
      binaryAnnotations,
      dropped,
    };
  }

  private readBase(span: ZipkinSpan, name: JsonName, value: number): boolean {
    if (name.is(W.traceId)) span.traceId = this.text(value);
    else if (name.is(W.id)) span.id = this.text(value);
    else if (name.is(W.parentId)) span.parentId = this.text(value);
    else if (name.is(W.name)) span.name = this.text(value);
    else if (name.is(W.debug)) span.debug = this.flag(value);
    else return false;
    return true;
  }

  private annotation(at: number): V1Annotation {
    let timestamp = 0n;
    let value = '';
    let endpoint: ZipkinEndpoint | undefined;
    this.members(at, (name, member) => {
      if (name.is(W.timestamp)) timestamp = this.integer(member);
      else if (name.is(W.value)) value = this.text(member);
      else if (name.is(W.endpoint)) endpoint = this.endpoint(member);
    });
    return { timestamp, value, endpoint };
  }

  private binaryAnnotation(at: number): V1BinaryAnnotation {
    let key = '';
    let type = '';
    let place = -1;
    let endpoint: ZipkinEndpoint | undefined;
    this.members(at, (name, member) => {
      if (name.is(W.key)) key = this.text(member);
      else if (name.is(W.value)) place = member;
      else if (name.is(W.type)) type = this.text(member);
      else if (name.is(W.endpoint)) endpoint = this.endpoint(member);
    });
    const end = this.after;
    const value = place < 0 ? '' : this.typed(place, type);
    this.after = end;
    return { key, value, endpoint };
  }

  /** A binary annotation's value by its `type`, else as JSON has it. */
  private typed(at: number, type: string): SpanValue {
    const text = this.text(at);
    if (isString(this.buf, at) && type !== 'I64' && type !== 'BYTES') return text;
    if (type === 'BYTES') return { json: JSON.stringify({ bytesValue: text }) };
    if (text === 'true' || text === 'false') return text === 'true';
    if (type !== 'DOUBLE' && INT64_TEXT.test(text)) {
      const value = BigInt(text);
      if (BigInt.asIntN(64, value) === value) return value;
    }
    const number = Number(text);
    return text !== '' && Number.isFinite(number) ? number : text;
  }

  private endpoint(at: number): ZipkinEndpoint | undefined {
    const endpoint = { service: '', ipv4: '', ipv6: '', port: 0 };
    this.members(at, (name, value) => {
      if (name.is(W.serviceName)) endpoint.service = this.text(value);
      else if (name.is(W.ipv4)) endpoint.ipv4 = this.text(value);
      else if (name.is(W.ipv6)) endpoint.ipv6 = this.text(value);
      else if (name.is(W.port)) endpoint.port = Number(BigInt.asIntN(32, this.integer(value)));
    });
    const { service, ipv4, ipv6, port } = endpoint;
    return service === '' && ipv4 === '' && ipv6 === '' && port === 0 ? undefined : endpoint;
  }

  /** Visits the members of an object that are not null. */
  private members(at: number, visit: (name: JsonName, at: number) => void): void {
    if (!isObject(this.buf, at)) {
      this.malform();
      return;
    }
    this.after = walkObject(this.buf, at, (name, value) => {
      this.after = -1;
      if (!isNull(this.buf, value)) visit(name, value);
      return this.after;
    });
  }

  private items(at: number, visit: (at: number) => void): void {
    if (!isArray(this.buf, at)) {
      this.malform();
      return;
    }
    this.after = walkArray(this.buf, at, (item) => {
      this.after = -1;
      visit(item);
      return this.after;
    });
  }

  private malform(): void {
    this.malformed = true;
    this.after = -1;
  }

  /** A string's text, or any other value as it stands. */
  private text(at: number): string {
    const { buf } = this;
    if (!isString(buf, at)) {
      this.after = skipValue(buf, at, buf.length);
      return textOf(buf, at, this.after);
    }
    const end = stringEnd(buf, at + 1, buf.length);
    this.after = end + 1;
    if (!hasEscape(buf, at + 1, end)) return textOf(buf, at + 1, end);
    const out = Buffer.allocUnsafe(end - at);
    return textOf(out, 0, unescapeInto(out, 0, buf, at + 1, end));
  }

  /** A whole number, also in quotes; what follows the decimal point is cut off. */
  private integer(at: number): bigint {
    const text = this.text(at);
    if (INT64_TEXT.test(text)) return BigInt(text);
    const number = Number(text);
    if (text !== '' && Math.abs(number) < 2 ** 63) return BigInt(Math.trunc(number));
    this.malformed = true;
    return 0n;
  }

  private flag(at: number): boolean {
    const text = this.text(at);
    if (text !== 'true' && text !== 'false') this.malformed = true;
    return text === 'true';
  }
}

/** At most 20 characters: more digits than 64 bits have are no number of ours. */
const INT64_TEXT = /^-?\d{1,19}$/;

const hasEscape = (buf: Uint8Array, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) if (buf[at] === 0x5c) return true;
  return false;
};
