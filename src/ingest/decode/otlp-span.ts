import { LIMITS } from '../../model/limits.ts';
import {
  EMPTY_SPAN,
  type Span,
  type SpanAttribute,
  type SpanEvent,
  type SpanKind,
  type SpanLink,
  type StatusCode,
} from '../../model/span.ts';
import { readFixed64, readKeyValue, readText } from './otlp-attribute.ts';
import { ProtoReader } from './protobuf.ts';

/** The messages of OTLP's traces that become spans (opentelemetry-proto, trace/v1/trace.proto). */

/** Messages are read with a reader of their own, so that a broken one ends alone. */
const inner = new ProtoReader();

/** Fields of a Span, as number << 3 | wire type. */
const FIELD = {
  traceId: 0x0a,
  spanId: 0x12,
  traceState: 0x1a,
  parent: 0x22,
  name: 0x2a,
  kind: 0x30,
  start: 0x39,
  end: 0x41,
  attribute: 0x4a,
  droppedAttributes: 0x50,
  event: 0x5a,
  droppedEvents: 0x60,
  link: 0x6a,
  droppedLinks: 0x70,
  status: 0x7a,
  flags: 0x85,
} as const;

const EVENT = { time: 0x09, name: 0x12, attribute: 0x1a, dropped: 0x20 } as const;
const LINK = {
  traceId: 0x0a,
  spanId: 0x12,
  traceState: 0x1a,
  attribute: 0x22,
  dropped: 0x28,
  flags: 0x35,
} as const;
const STATUS = { message: 0x12, code: 0x18 } as const;

/** What all spans of a resource and scope share; the same arrays for each of them. */
export type SpanOrigin = Pick<Span, 'resource' | 'scope' | 'scopeName' | 'scopeVersion'>;

/** Why a span is not taken. */
export type SpanFault = 'bad_span' | 'bad_trace_id' | 'bad_span_id';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Ids, names and times under way; lists are made when their first item comes. */
interface Draft extends Mutable<Span> {
  attributes: SpanAttribute[];
  events: SpanEvent[];
  links: SpanLink[];
}

/** Reads the Span message from `start` to `end`; gives the reason where it cannot be kept. */
export const decodeSpan = (
  body: Uint8Array,
  start: number,
  end: number,
  origin: SpanOrigin,
): Span | SpanFault => {
  const span: Draft = {
    ...EMPTY_SPAN,
    ...origin,
    attributes: [],
    events: [],
    links: [],
  };
  items = 0;
  inner.open(body, start, end);
  while (inner.pos < end) readField(span, inner.tag(end), end);
  if (inner.bad) return 'bad_span';
  if (span.traceId.length !== 32 || isZero(span.traceId)) return 'bad_trace_id';
  if (span.spanId.length !== 16 || isZero(span.spanId)) return 'bad_span_id';
  // All zeros say that there is none (W3C Trace Context).
  if (isZero(span.parentSpanId)) span.parentSpanId = '';
  else if (span.parentSpanId.length !== 16) return 'bad_span_id';
  if (span.endNs < span.startNs) {
    // A span that ends before it starts ends where it starts; what was said is kept beside it.
    if (span.endNs !== 0n) {
      const value = span.endNs > MAX_INT64 ? String(span.endNs) : span.endNs;
      span.attributes.push({ key: 'end_time_unix_nano', value });
    }
    span.endNs = span.startNs;
  }
  return span;
};

const MAX_INT64 = 9_223_372_036_854_775_807n;

const isZero = (id: string): boolean => id === '' || /^0+$/.test(id);

const readField = (span: Draft, tag: number, end: number): void => {
  switch (tag) {
    case FIELD.traceId:
      span.traceId = readId(end);
      break;
    case FIELD.spanId:
      span.spanId = readId(end);
      break;
    case FIELD.parent:
      span.parentSpanId = readId(end);
      break;
    case FIELD.name:
      span.name = readText(inner, end);
      break;
    case FIELD.start:
      span.startNs = readFixed64(inner, end);
      break;
    case FIELD.end:
      span.endNs = readFixed64(inner, end);
      break;
    case FIELD.attribute:
      if (count()) span.attributes.push(readKeyValue(inner, inner.span(end)));
      break;
    case FIELD.event:
      if (count()) span.events.push(readEvent(inner.span(end)));
      break;
    case FIELD.link:
      if (count()) span.links.push(readLink(inner.span(end)));
      break;
    default:
      readRareField(span, tag, end);
  }
};

const readRareField = (span: Draft, tag: number, end: number): void => {
  switch (tag) {
    case FIELD.traceState:
      span.traceState = readText(inner, end);
      break;
    case FIELD.kind:
      span.kind = readEnum(5, end) as SpanKind;
      break;
    case FIELD.status:
      readStatus(span, inner.span(end));
      break;
    case FIELD.flags:
      inner.fixed32(end);
      span.flags = inner.low;
      break;
    case FIELD.droppedAttributes:
      span.droppedAttributes = readCount(end);
      break;
    case FIELD.droppedEvents:
      span.droppedEvents = readCount(end);
      break;
    case FIELD.droppedLinks:
      span.droppedLinks = readCount(end);
      break;
    default:
      inner.skip(tag, end);
  }
};

/** Items of the span under way: two bytes of input must not become an object without bound. */
let items = 0;

const count = (): boolean => {
  if (++items <= LIMITS.spanItemsRead) return true;
  inner.fail();
  return false;
};

const readId = (end: number): string => {
  const to = inner.span(end);
  const { buf, pos } = inner;
  inner.pos = to;
  // No id is so long: what is wrong with it needs no copy of it.
  if (to - pos > 32) return 'x';
  return Buffer.from(buf.buffer, buf.byteOffset + pos, to - pos).toString('hex');
};

/** An enumeration's number; unspecified (0) where this version does not know it. */
const readEnum = (most: number, end: number): number => {
  inner.varint64(end);
  return inner.high === 0 && inner.low <= most ? inner.low : 0;
};

const readCount = (end: number): number => {
  inner.varint64(end);
  return inner.low;
};

const readStatus = (span: Draft, end: number): void => {
  while (inner.pos < end) {
    const tag = inner.tag(end);
    if (tag === STATUS.message) span.statusMessage = readText(inner, end);
    else if (tag === STATUS.code) span.statusCode = readEnum(2, end) as StatusCode;
    else inner.skip(tag, end);
  }
};

const readEvent = (end: number): SpanEvent => {
  const attributes: SpanAttribute[] = [];
  const event = { timeNs: 0n, name: '', attributes, droppedAttributes: 0 };
  while (inner.pos < end) {
    const tag = inner.tag(end);
    if (tag === EVENT.time) event.timeNs = readFixed64(inner, end);
    else if (tag === EVENT.name) event.name = readText(inner, end);
    else if (tag === EVENT.attribute) {
      if (count()) attributes.push(readKeyValue(inner, inner.span(end)));
    } else if (tag === EVENT.dropped) event.droppedAttributes = readCount(end);
    else inner.skip(tag, end);
  }
  return event;
};

/** A link's ids are another span's, and not judged. */
const readLink = (end: number): SpanLink => {
  const attributes: SpanAttribute[] = [];
  const link = {
    traceId: '',
    spanId: '',
    traceState: '',
    attributes,
    droppedAttributes: 0,
    flags: 0,
  };
  while (inner.pos < end) {
    const tag = inner.tag(end);
    if (tag === LINK.traceId) link.traceId = readId(end);
    else if (tag === LINK.spanId) link.spanId = readId(end);
    else if (tag === LINK.traceState) link.traceState = readText(inner, end);
    else if (tag === LINK.attribute) {
      if (count()) attributes.push(readKeyValue(inner, inner.span(end)));
    } else if (tag === LINK.dropped) link.droppedAttributes = readCount(end);
    else if (tag === LINK.flags) {
      inner.fixed32(end);
      link.flags = inner.low;
    } else inner.skip(tag, end);
  }
  return link;
};
