import { MAX_TIME_SEC } from '../../model/time.ts';
import type { LogRecord } from '../../model/record.ts';
import { keepOddTime, putMetadata, type LokiPush } from './loki-push.ts';
import type { ShapeMemory, StreamShape } from './loki-stream.ts';
import { ProtoReader } from './protobuf.ts';

/**
 * `logproto.PushRequest` (grafana/loki, pkg/push/push.proto), read in place: every line is a range
 * of the request's bytes.
 *
 *     PushRequest  1 streams
 *     Stream       1 labels, 2 entries
 *     Entry        1 timestamp, 2 line, 3 structuredMetadata
 *     Timestamp    1 seconds, 2 nanos
 *     LabelPair    1 name, 2 value
 */
const STREAMS = 0x0a;
const LABELS = 0x0a;
const ENTRIES = 0x12;
const TIMESTAMP = 0x0a;
const LINE = 0x12;
const METADATA = 0x1a;
const SECONDS = 0x08;
const NANOS = 0x10;
const NAME = 0x0a;
const VALUE = 0x12;

/**
 * Frames of streams and entries; entries have a reader of their own, so that a broken one ends
 * alone.
 */
const outer = new ProtoReader();
const inner = new ProtoReader();

/**
 * Decodes a whole push. The framing is checked before the first entry is given out, so that a cut
 * or garbled request stores nothing.
 * @returns false where the bytes are no PushRequest
 */
export const decodeProtobufPush = (
  body: Uint8Array,
  push: LokiPush,
  shapes: ShapeMemory,
): boolean => {
  if (!isFramed(body)) return false;
  outer.open(body, 0, body.length);
  while (outer.pos < body.length) {
    const tag = outer.tag(body.length);
    if (tag !== STREAMS) {
      outer.skip(tag, body.length);
      continue;
    }
    const end = outer.span(body.length);
    decodeStream(body, end, push, shapes);
  }
  return true;
};

const isFramed = (body: Uint8Array): boolean => {
  outer.open(body, 0, body.length);
  while (outer.pos < body.length) {
    const tag = outer.tag(body.length);
    if (tag !== STREAMS) {
      outer.skip(tag, body.length);
      continue;
    }
    const end = outer.span(body.length);
    while (outer.pos < end) outer.skip(outer.tag(end), end);
  }
  return !outer.bad;
};

const decodeStream = (body: Uint8Array, end: number, push: LokiPush, shapes: ShapeMemory): void => {
  push.streams++;
  const start = outer.pos;
  // Labels come first from every known client; the format allows them anywhere.
  let labelStart = start;
  let labelEnd = start;
  while (outer.pos < end) {
    const tag = outer.tag(end);
    if (tag === LABELS) {
      labelEnd = outer.span(end);
      labelStart = outer.pos;
      break;
    }
    outer.skip(tag, end);
  }
  const shape = shapes.of(body, labelStart, labelEnd);
  outer.pos = start;
  if (shape.error !== '') {
    push.reject('bad_labels', shape.error, body.subarray(labelStart, labelEnd));
  }
  while (outer.pos < end) {
    const tag = outer.tag(end);
    if (tag !== ENTRIES) {
      outer.skip(tag, end);
      continue;
    }
    const stop = outer.span(end);
    if (shape.error === '') decodeEntry(body, outer.pos, stop, push, shape);
    outer.pos = stop;
  }
};

const decodeEntry = (
  body: Uint8Array,
  start: number,
  end: number,
  push: LokiPush,
  shape: StreamShape,
): void => {
  const record = push.begin(shape, body.subarray(start, end));
  if (record === undefined) return;
  inner.open(body, start, end);
  let lineStart = end;
  let lineEnd = end;
  let timed = true;
  while (inner.pos < end) {
    const tag = inner.tag(end);
    if (tag === LINE) {
      lineEnd = inner.span(end);
      lineStart = inner.pos;
      inner.pos = lineEnd;
    } else if (tag === TIMESTAMP) timed = readTime(record, inner.span(end));
    else if (tag === METADATA) readMetadata(record, body, inner.span(end));
    else inner.skip(tag, end);
  }
  if (inner.bad) {
    push.reject('bad_entry', 'an entry is not a valid protobuf message', body.subarray(start, end));
  } else if (!timed) {
    const why = "an entry's timestamp has nanoseconds outside 0 to 999999999";
    push.reject('bad_timestamp', why, body.subarray(start, end));
  } else {
    record.setLine(body, lineStart, lineEnd);
    push.commit(shape, record);
  }
};

/** Seconds and nanoseconds; false where the nanoseconds are none. */
const readTime = (record: LogRecord, end: number): boolean => {
  let low = 0;
  let high = 0;
  let nano = 0;
  while (inner.pos < end) {
    const tag = inner.tag(end);
    if (tag === SECONDS) {
      inner.varint64(end);
      low = inner.low;
      high = inner.high;
    } else if (tag === NANOS) {
      inner.varint64(end);
      nano = inner.high === 0 ? inner.low : -1;
    } else inner.skip(tag, end);
  }
  if (nano < 0 || nano > 999_999_999) return false;
  const sec = high * 4_294_967_296 + low;
  if (sec <= MAX_TIME_SEC) record.setTime(sec, nano);
  else {
    const exact = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
    keepOddTime(record, `${exact}.${String(nano).padStart(9, '0')}`);
  }
  return true;
};

const readMetadata = (record: LogRecord, body: Uint8Array, end: number): void => {
  let nameStart = end;
  let nameEnd = end;
  let valueStart = end;
  let valueEnd = end;
  while (inner.pos < end) {
    const tag = inner.tag(end);
    if (tag === NAME) {
      nameEnd = inner.span(end);
      nameStart = inner.pos;
      inner.pos = nameEnd;
    } else if (tag === VALUE) {
      valueEnd = inner.span(end);
      valueStart = inner.pos;
      inner.pos = valueEnd;
    } else inner.skip(tag, end);
  }
  if (!inner.bad && nameStart < nameEnd) {
    putMetadata(record, body, nameStart, nameEnd, valueStart, valueEnd);
  }
};
