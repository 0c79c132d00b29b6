import { LIMITS } from '../../model/limits.ts';
import type { SpanAttribute, SpanValue } from '../../model/span.ts';
import type { EventSink } from './decode.ts';
import {
  bytesValue,
  giveJaegerSpan,
  newJaegerSpan,
  NO_PROCESS,
  processOf,
  type JaegerProcess,
  type JaegerSpan,
} from './jaeger-span.ts';
import { ProtoReader } from './protobuf.ts';
import { newRepeatBudget } from './span-repeat.ts';
import { readId, SPAN_ID_DIGITS, TRACE_ID_DIGITS } from './span-id.ts';
import { quickly, textOf } from './span-text.ts';

/**
 * Jaeger's protobuf (jaegertracing/jaeger-idl, proto/api_v2/collector.proto and model.proto):
 *
 *     PostSpansRequest  1 batch
 *     Batch             1 spans, 2 process
 *     Process           1 service_name, 2 tags
 *     Span              1 trace_id, 2 span_id, 3 operation_name, 4 references, 5 flags,
 *                       6 start_time, 7 duration, 8 tags, 9 logs, 10 process, 11 process_id,
 *                       12 warnings
 *     SpanRef           1 trace_id, 2 span_id, 3 ref_type
 *     KeyValue          1 key, 2 v_type, 3 v_str, 4 v_bool, 5 v_int64, 6 v_float64, 7 v_binary
 *     Log               1 timestamp, 2 fields
 *     Timestamp, Duration  1 seconds, 2 nanos
 */
const reader = new ProtoReader();

/** Gives the spans of a PostSpansRequest; false, with nothing given, where it is none. */
export const givePostSpans = (message: Uint8Array, sink: EventSink): boolean => {
  const body = quickly(message);
  const spans: number[] = [];
  let process: JaegerProcess = NO_PROCESS;
  reader.open(body, 0, body.length);
  while (reader.pos < body.length) {
    const tag = reader.tag(body.length);
    if (tag !== 0x0a) {
      reader.skip(tag, body.length);
      continue;
    }
    const end = reader.span(body.length);
    while (reader.pos < end) {
      const inner = reader.tag(end);
      if (inner === 0x12) process = readProcess(reader.span(end));
      else if (inner === 0x0a) {
        const to = reader.span(end);
        spans.push(reader.pos, to);
        if (!reader.bad) reader.pos = to;
      } else reader.skip(inner, end);
    }
  }
  if (reader.bad) return false;
  const budget = newRepeatBudget();
  for (let i = 0; i < spans.length; i += 2) {
    const [start, end] = [spans[i] as number, spans[i + 1] as number];
    const span = readSpan(body, start, end);
    const sample = body.subarray(start, end);
    if (span === undefined) sink.reject('bad_span', sample);
    else giveJaegerSpan(span, process, budget, sink, sample);
  }
  return true;
};

const text = (end: number): string => {
  const value = textOf(reader.buf, reader.pos, end);
  if (!reader.bad) reader.pos = end;
  return value;
};

const int64 = (): bigint => BigInt.asIntN(64, (BigInt(reader.high) << 32n) | BigInt(reader.low));

const readProcess = (end: number): JaegerProcess => {
  const size = end - reader.pos;
  let service = '';
  const tags: SpanAttribute[] = [];
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) service = text(reader.span(end));
    else if (tag === 0x12) keep(tags, readTag(reader.span(end)));
    else reader.skip(tag, end);
  }
  return processOf(service, tags, size);
};

/** Puts an item under the limit; gives how many it is over. */
const keep = <T>(into: T[], item: T): number => {
  if (into.length >= LIMITS.spanItems) return 1;
  into.push(item);
  return 0;
};

const readSpan = (body: Uint8Array, start: number, end: number): JaegerSpan | undefined => {
  reader.open(body, start, end);
  const span = newJaegerSpan();
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if ((tag & 7) === 2) readNested(span, tag, reader.span(end));
    else if (tag === 0x28) {
      reader.varint64(end);
      span.flags = reader.low | 0;
    } else reader.skip(tag, end);
  }
  return reader.bad ? undefined : span;
};

/** Reads a length-delimited field and leaves the reader at its end. */
const readNested = (span: JaegerSpan, tag: number, end: number): void => {
  const { dropped } = span;
  switch (tag) {
    case 0x0a:
      span.traceId = readId(reader, end, TRACE_ID_DIGITS);
      return;
    case 0x12:
      span.spanId = readId(reader, end, SPAN_ID_DIGITS);
      return;
    case 0x1a:
      span.name = text(end);
      return;
    case 0x22:
      dropped.references += keep(span.references, readReference(end));
      return;
    case 0x32:
      span.startNs = readTime(end);
      return;
    case 0x3a:
      span.durationNs = readTime(end);
      return;
    case 0x42:
      dropped.tags += keep(span.tags, readTag(end));
      return;
    case 0x4a:
      dropped.logs += keep(span.logs, readLog(end));
      return;
    case 0x52:
      span.process = readProcess(end);
      return;
    case 0x5a:
      span.processId = text(end);
      return;
    case 0x62:
      dropped.tags += keep(span.warnings, text(end));
      return;
    default:
      if (!reader.bad) reader.pos = end;
  }
};

const readTime = (end: number): bigint => {
  let [seconds, nanos] = [0n, 0n];
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 0x08 || tag === 0x10) {
      reader.varint64(end);
      if (tag === 0x08) seconds = int64();
      else nanos = BigInt.asIntN(32, int64());
    } else reader.skip(tag, end);
  }
  return seconds * 1_000_000_000n + nanos;
};

const readReference = (end: number): JaegerSpan['references'][number] => {
  let traceId: string | undefined;
  let spanId: string | undefined;
  let follows = false;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) traceId = readId(reader, reader.span(end), TRACE_ID_DIGITS);
    else if (tag === 0x12) spanId = readId(reader, reader.span(end), SPAN_ID_DIGITS);
    else if (tag === 0x18) {
      reader.varint64(end);
      follows = reader.low === 1;
    } else reader.skip(tag, end);
  }
  return { follows, traceId, spanId };
};

const readLog = (end: number): JaegerSpan['logs'][number] => {
  let timeNs = 0n;
  let dropped = 0;
  const fields: SpanAttribute[] = [];
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) timeNs = readTime(reader.span(end));
    else if (tag === 0x12) dropped += keep(fields, readTag(reader.span(end)));
    else reader.skip(tag, end);
  }
  return { timeNs, fields, dropped };
};

/** ValueType: STRING, BOOL, INT64, FLOAT64, BINARY. What is not sent is the type's zero. */
const readTag = (end: number): SpanAttribute => {
  let key = '';
  let kind = 0;
  const values: SpanValue[] = ['', false, 0n, 0, { json: '{"bytesValue":""}' }];
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) key = text(reader.span(end));
    else if (tag === 0x1a) values[0] = text(reader.span(end));
    else if (tag === 0x3a) {
      const to = reader.span(end);
      values[4] = bytesValue(reader.buf.subarray(reader.pos, to));
      if (!reader.bad) reader.pos = to;
    } else if (tag === 0x31) {
      reader.fixed64(end);
      values[3] = double();
    } else if (tag === 0x10 || tag === 0x20 || tag === 0x28) {
      reader.varint64(end);
      if (tag === 0x10) kind = reader.low;
      else if (tag === 0x20) values[1] = reader.low !== 0;
      else values[2] = int64();
    } else reader.skip(tag, end);
  }
  return { key, value: values[kind] ?? values[0] ?? '' };
};

const view = new DataView(new ArrayBuffer(8));

const double = (): number => {
  view.setUint32(0, reader.low, true);
  view.setUint32(4, reader.high, true);
  return view.getFloat64(0, true);
};
