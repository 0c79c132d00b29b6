import { LIMITS } from '../../model/limits.ts';
import { attributesBytes, type SpanAttribute } from '../../model/span.ts';
import type { EventSink } from './decode.ts';
import { readKeyValue, readText } from './otlp-attribute.ts';
import { isFramed, type DecodedItems } from './otlp-protobuf.ts';
import { decodeSpan, type SpanFault, type SpanOrigin } from './otlp-span.ts';
import { ProtoReader } from './protobuf.ts';

/**
 * `ExportTraceServiceRequest` (opentelemetry-proto 1.x). Spans of one resource and scope share
 * their attributes' arrays.
 *
 *     ExportTraceServiceRequest  1 resource_spans
 *     ResourceSpans              1 resource, 2 scope_spans, 3 schema_url
 *     ScopeSpans                 1 scope, 2 spans, 3 schema_url
 */

/** Reads the frames; what is inside has readers of its own. */
const outer = new ProtoReader();
const inner = new ProtoReader();

const MESSAGE_1 = 0x0a;
const MESSAGE_2 = 0x12;
const MESSAGE_3 = 0x1a;
const VARINT_2 = 0x10;
const VARINT_4 = 0x20;

const WHY: Readonly<Record<SpanFault, string>> = {
  bad_span: 'a span is malformed, nested too deeply or too large',
  bad_trace_id: 'a trace id is not 16 bytes, or all zero',
  bad_span_id: 'a span id is not 8 bytes, or all zero',
};

export const decodeProtobufTraces = (body: Uint8Array, sink: EventSink): DecodedItems => {
  if (!isFramed(body)) return { ok: false, rejected: 0, why: '' };
  const request = new TracesRequest(body, sink);
  request.decode();
  return { ok: true, rejected: request.rejected, why: request.why };
};

class TracesRequest {
  rejected = 0;
  why = '';
  private readonly body: Uint8Array;
  private readonly sink: EventSink;
  /** Bytes of resources and scopes that spans may still repeat. */
  private room: number = LIMITS.stampedBytes;

  constructor(body: Uint8Array, sink: EventSink) {
    this.body = body;
    this.sink = sink;
  }

  decode(): void {
    const { body } = this;
    outer.open(body, 0, body.length);
    while (outer.pos < body.length) {
      const tag = outer.tag(body.length);
      if (tag === MESSAGE_1) this.resourceSpans(outer.span(body.length));
      else outer.skip(tag, body.length);
    }
  }

  private resourceSpans(end: number): void {
    const resource = readResource(this.body, outer.pos, end);
    while (outer.pos < end) {
      const tag = outer.tag(end);
      if (tag === MESSAGE_2) this.scopeSpans(outer.span(end), resource);
      else outer.skip(tag, end);
    }
  }

  private scopeSpans(end: number, resource: readonly SpanAttribute[] | undefined): void {
    const start = outer.pos;
    // Made at the first span: a scope without spans must cost nothing.
    let origin: SpanOrigin | undefined;
    let ready = false;
    let size = 0;
    while (outer.pos < end) {
      const tag = outer.tag(end);
      if (tag !== MESSAGE_2) {
        outer.skip(tag, end);
        continue;
      }
      const to = outer.span(end);
      const from = outer.pos;
      if (!ready && resource !== undefined) {
        origin = readScope(this.body, start, end, resource);
        size = origin === undefined ? 0 : sizeOf(origin);
      }
      ready = true;
      if (origin !== undefined) this.span(from, to, origin, size);
      else this.reject('bad_resource', 'its resource or scope is malformed or too large', from, to);
      outer.pos = to;
    }
  }

  private span(start: number, end: number, origin: SpanOrigin, size: number): void {
    this.room -= size;
    if (this.room < 0) {
      const why = 'resource and scope, repeated for each span, are larger than the server accepts';
      this.reject('resource_too_large', why, start, end);
      return;
    }
    const span = decodeSpan(this.body, start, end, origin);
    if (typeof span === 'string') this.reject(span, WHY[span], start, end);
    else this.sink.span(span);
  }

  private reject(reason: string, why: string, start: number, end: number): void {
    this.sink.reject(reason, this.body.subarray(start, end));
    if (this.rejected++ === 0) this.why = why;
  }
}

const sizeOf = (origin: SpanOrigin): number =>
  attributesBytes(origin.resource) +
  attributesBytes(origin.scope) +
  origin.scopeName.length +
  origin.scopeVersion.length;

/** Reads a ResourceSpans message's resource; undefined where that is malformed. */
const readResource = (
  body: Uint8Array,
  start: number,
  end: number,
): readonly SpanAttribute[] | undefined => {
  const attributes: SpanAttribute[] = [];
  inner.open(body, start, end);
  while (inner.pos < end) {
    const tag = inner.tag(end);
    if (tag === MESSAGE_1) {
      const to = inner.span(end);
      while (inner.pos < to) {
        const field = inner.tag(to);
        if (field === MESSAGE_1) readAttribute(attributes, to);
        else if (field === VARINT_2) readDropped(attributes, to);
        else inner.skip(field, to);
      }
    } else if (tag === MESSAGE_3) readSchemaUrl(attributes, end);
    else inner.skip(tag, end);
  }
  return inner.bad ? undefined : attributes;
};

/** A ScopeSpans message's scope with its resource; undefined where it is malformed. */
const readScope = (
  body: Uint8Array,
  start: number,
  end: number,
  resource: readonly SpanAttribute[],
): SpanOrigin | undefined => {
  const scope: SpanAttribute[] = [];
  let scopeName = '';
  let scopeVersion = '';
  inner.open(body, start, end);
  while (inner.pos < end) {
    const tag = inner.tag(end);
    if (tag === MESSAGE_1) {
      const to = inner.span(end);
      while (inner.pos < to) {
        const field = inner.tag(to);
        if (field === MESSAGE_1) scopeName = readText(inner, to);
        else if (field === MESSAGE_2) scopeVersion = readText(inner, to);
        else if (field === MESSAGE_3) readAttribute(scope, to);
        else if (field === VARINT_4) readDropped(scope, to);
        else inner.skip(field, to);
      }
    } else if (tag === MESSAGE_3) readSchemaUrl(scope, end);
    else inner.skip(tag, end);
  }
  return inner.bad ? undefined : { resource, scope, scopeName, scopeVersion };
};

const readAttribute = (attributes: SpanAttribute[], end: number): void => {
  if (attributes.length >= LIMITS.spanItemsRead) inner.fail();
  else attributes.push(readKeyValue(inner, inner.span(end)));
};

/** What has no place in a span is an attribute, under the name that it has in log records. */
const readDropped = (attributes: SpanAttribute[], end: number): void => {
  inner.varint64(end);
  if (inner.low === 0) return;
  attributes.push({ key: 'dropped_attributes_count', value: BigInt(inner.low) });
};

const readSchemaUrl = (attributes: SpanAttribute[], end: number): void => {
  const value = readText(inner, end);
  if (value !== '') attributes.push({ key: 'schema_url', value });
};
