import type { SpanKind } from '../../model/span.ts';
import { ProtoReader } from './protobuf.ts';
import { readId, SPAN_ID_DIGITS, TRACE_ID_DIGITS } from './span-id.ts';
import { textOf } from './span-text.ts';
import {
  newZipkinSpan,
  putAnnotation,
  putTag,
  type ZipkinEndpoint,
  type ZipkinSpan,
} from './zipkin-span.ts';

/**
 * Zipkin's protobuf (openzipkin/zipkin-api, zipkin.proto):
 *
 *     ListOfSpans  1 spans
 *     Span         1 trace_id, 2 parent_id, 3 id, 4 kind, 5 name, 6 timestamp, 7 duration,
 *                  8 local_endpoint, 9 remote_endpoint, 10 annotations, 11 tags, 12 debug,
 *                  13 shared
 *     Endpoint     1 service_name, 2 ipv4, 3 ipv6, 4 port
 *     Annotation   1 timestamp, 2 value
 */
const outer = new ProtoReader();
const reader = new ProtoReader();

const SPANS = 0x0a;

/** Visits the extents of the spans; false, with nothing visited, where the bytes are no list. */
export const listProtobufSpans = (
  body: Uint8Array,
  visit: (start: number, end: number) => void,
): boolean => {
  outer.open(body, 0, body.length);
  while (outer.pos < body.length) {
    // No other field was ever defined: another encoding is told by that.
    if (outer.tag(body.length) !== SPANS) return false;
    outer.pos = outer.span(body.length);
  }
  if (outer.bad) return false;
  outer.open(body, 0, body.length);
  while (outer.pos < body.length) {
    outer.tag(body.length);
    const end = outer.span(body.length);
    visit(outer.pos, end);
    outer.pos = end;
  }
  return true;
};

/** Zipkin's enum in OpenTelemetry's numbers. */
const KINDS: readonly SpanKind[] = [0, 3, 2, 4, 5];

/** One span; undefined where it is malformed. */
export const readProtobufSpan = (
  body: Uint8Array,
  start: number,
  end: number,
): ZipkinSpan | undefined => {
  reader.open(body, start, end);
  const span = newZipkinSpan();
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if ((tag & 7) === 2) readNested(span, tag, reader.span(end));
    else readNumber(span, tag, end);
  }
  return reader.bad ? undefined : span;
};

const readNumber = (span: ZipkinSpan, tag: number, end: number): void => {
  switch (tag) {
    case 0x20:
      reader.varint64(end);
      span.kind = KINDS[reader.low] ?? 0;
      return;
    case 0x31:
      reader.fixed64(end);
      span.timestamp = unsigned();
      return;
    case 0x38:
      reader.varint64(end);
      span.duration = unsigned();
      return;
    case 0x60:
      reader.varint64(end);
      span.debug = reader.low !== 0;
      return;
    case 0x68:
      reader.varint64(end);
      span.shared = reader.low !== 0;
      return;
    default:
      reader.skip(tag, end);
  }
};

/** Reads a length-delimited field and leaves the reader at its end. */
const readNested = (span: ZipkinSpan, tag: number, end: number): void => {
  switch (tag) {
    case 0x0a:
      span.traceId = readId(reader, end, TRACE_ID_DIGITS);
      return;
    case 0x12:
      span.parentId = reader.pos === end ? undefined : idText(end);
      return;
    case 0x1a:
      span.id = readId(reader, end, SPAN_ID_DIGITS);
      return;
    case 0x2a:
      span.name = text(end);
      return;
    case 0x42:
      span.local = readEndpoint(end);
      return;
    case 0x4a:
      span.remote = readEndpoint(end);
      return;
    case 0x52:
      readAnnotation(span, end);
      return;
    case 0x5a:
      readTag(span, end);
      return;
    default:
      if (!reader.bad) reader.pos = end;
  }
};

const unsigned = (): bigint => (BigInt(reader.high) << 32n) | BigInt(reader.low);

const text = (end: number): string => {
  const value = textOf(reader.buf, reader.pos, end);
  if (!reader.bad) reader.pos = end;
  return value;
};

/** A parent's digits, zeros too; what has too many is told as it is and refused later. */
const idText = (end: number): string => {
  const id = Buffer.from(reader.buf.subarray(reader.pos, Math.min(end, reader.pos + 32)));
  if (!reader.bad) reader.pos = end;
  return id.toString('hex');
};

const readEndpoint = (end: number): ZipkinEndpoint | undefined => {
  const endpoint: ZipkinEndpoint = { service: '', ipv4: '', ipv6: '', port: 0 };
  const start = reader.pos;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) endpoint.service = text(reader.span(end));
    else if (tag === 0x12) endpoint.ipv4 = readAddress(reader.span(end));
    else if (tag === 0x1a) endpoint.ipv6 = readAddress(reader.span(end));
    else if (tag === 0x20) {
      reader.varint64(end);
      endpoint.port = reader.low | 0;
    } else reader.skip(tag, end);
  }
  return start === end ? undefined : endpoint;
};

const readAddress = (end: number): string => {
  const bytes = reader.buf.subarray(reader.pos, end);
  if (!reader.bad) reader.pos = end;
  return addressText(bytes);
};

/** Where the bytes of an IPv4 address begin in one that is mapped into IPv6 (RFC 4291, 2.5.5.2). */
const MAPPED = 12;

const isMapped = (bytes: Uint8Array): boolean =>
  bytes.subarray(0, MAPPED).every((byte, i) => byte === (i < MAPPED - 2 ? 0 : 255));

/**
 * The text of 4 or 16 bytes (RFC 5952); '' for other sizes. A mapped IPv4 address is that address:
 * the Collector's exporter writes all of them so.
 */
export const addressText = (bytes: Uint8Array): string => {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  if (isMapped(bytes)) return bytes.subarray(MAPPED).join('.');
  const words: string[] = [];
  for (let i = 0; i < 16; i += 2) {
    words.push((((bytes[i] as number) << 8) | (bytes[i + 1] as number)).toString(16));
  }
  const zeros = longestZeros(words);
  if (zeros.length < 2) return words.join(':');
  const before = words.slice(0, zeros.start).join(':');
  return `${before}::${words.slice(zeros.start + zeros.length).join(':')}`;
};

const longestZeros = (words: readonly string[]): { start: number; length: number } => {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= words.length; i++) {
    if (words[i] === '0') continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
};

const readAnnotation = (span: ZipkinSpan, end: number): void => {
  let timestamp = 0n;
  let value = '';
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 0x09) {
      reader.fixed64(end);
      timestamp = unsigned();
    } else if (tag === 0x12) value = text(reader.span(end));
    else reader.skip(tag, end);
  }
  putAnnotation(span, timestamp, value);
};

const readTag = (span: ZipkinSpan, end: number): void => {
  let key = '';
  let value = '';
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) key = text(reader.span(end));
    else if (tag === 0x12) value = text(reader.span(end));
    else reader.skip(tag, end);
  }
  putTag(span, key, value);
};
