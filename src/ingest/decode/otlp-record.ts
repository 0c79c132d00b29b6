import { C } from '../../model/columns.ts';
import { VALUE } from '../../model/fields.ts';
import { putKnownAttribute, settleNamespace } from '../../model/fields-resource.ts';
import { keys, type Key } from '../../model/key.ts';
import type { LogRecord, Pairs } from '../../model/record.ts';
import { severityOfWord } from '../../model/severity.ts';
import { MAX_TIME_SEC } from '../../model/time.ts';
import { found, readValue } from './otlp-value.ts';
import { ProtoReader } from './protobuf.ts';

/**
 * The messages of OTLP's logs that become records: Resource, InstrumentationScope and LogRecord
 * (opentelemetry-proto 1.x). Resource attributes are labels, scope and log attributes metadata, and
 * what is known by its name is a column as well.
 */

/** Messages are read with a reader of their own, so that a broken one ends alone. */
const inner = new ProtoReader();

const MESSAGE_1 = 0x0a;
const MESSAGE_2 = 0x12;
const MESSAGE_3 = 0x1a;
const VARINT_2 = 0x10;
const VARINT_4 = 0x20;

const SCHEMA_URL = keys.of('schema_url');
const DROPPED = keys.of('dropped_attributes_count');
const SCOPE_NAME = keys.of('scope_name');
const SCOPE_VERSION = keys.of('scope_version');
const SCOPE_SCHEMA_URL = keys.of('scope_schema_url');
const SCOPE_DROPPED = keys.of('scope_dropped_attributes_count');
const OBSERVED = keys.of('observed_timestamp');
const TIMESTAMP = keys.of('timestamp');
const SEVERITY_NUMBER = keys.of('severity_number');
const FLAGS = keys.of('flags');
const TRACE_ID = keys.of('trace_id');
const SPAN_ID = keys.of('span_id');

/** Reads a ResourceLogs message's resource; false where that is malformed. */
export const readResource = (
  body: Uint8Array,
  start: number,
  end: number,
  record: LogRecord,
): boolean => {
  record.reset();
  const { labels } = record;
  inner.open(body, start, end);
  while (inner.pos < end) {
    const tag = inner.tag(end);
    if (tag === MESSAGE_1) {
      const to = inner.span(end);
      while (inner.pos < to) {
        const field = inner.tag(to);
        if (field === MESSAGE_1) readAttribute(record, labels, inner.span(to));
        else if (field === VARINT_2) putCount(record, labels, DROPPED, to);
        else inner.skip(field, to);
      }
    } else if (tag === MESSAGE_3) putSpan(labels, SCHEMA_URL, end);
    else inner.skip(tag, end);
  }
  settleNamespace(record, labels);
  return !inner.bad;
};

/** Adds a ScopeLogs message's scope to its resource. */
export const readScope = (
  body: Uint8Array,
  start: number,
  end: number,
  record: LogRecord,
): boolean => {
  const { metadata } = record;
  inner.open(body, start, end);
  while (inner.pos < end) {
    const tag = inner.tag(end);
    if (tag === MESSAGE_1) {
      const to = inner.span(end);
      while (inner.pos < to) {
        const field = inner.tag(to);
        if (field === MESSAGE_1) putSpan(metadata, SCOPE_NAME, to);
        else if (field === MESSAGE_2) putSpan(metadata, SCOPE_VERSION, to);
        else if (field === MESSAGE_3) readAttribute(record, metadata, inner.span(to));
        else if (field === VARINT_4) putCount(record, metadata, SCOPE_DROPPED, to);
        else inner.skip(field, to);
      }
    } else if (tag === MESSAGE_3) putSpan(metadata, SCOPE_SCHEMA_URL, end);
    else inner.skip(tag, end);
  }
  return !inner.bad;
};

/** A string field, kept under a name of ours unless it is empty. */
const putSpan = (pairs: Pairs, key: Key, end: number): void => {
  const to = inner.span(end);
  if (to > inner.pos) pairs.put(key, inner.buf, inner.pos, to);
  inner.pos = to;
};

const putDigits = (record: LogRecord, pairs: Pairs, key: Key, digits: string): void => {
  const { scratch } = record;
  scratch.reserve(digits.length);
  const start = scratch.used;
  for (let i = 0; i < digits.length; i++) scratch.buf[start + i] = digits.charCodeAt(i);
  scratch.used = start + digits.length;
  pairs.put(key, scratch.buf, start, scratch.used);
};

const putCount = (record: LogRecord, pairs: Pairs, key: Key, end: number): void => {
  inner.varint64(end);
  if (inner.low !== 0) putDigits(record, pairs, key, String(inner.low));
};

/** A KeyValue: into `pairs` under its own name always, and into the column that its name means. */
const readAttribute = (record: LogRecord, pairs: Pairs, end: number): void => {
  let keyStart = 0;
  let keyEnd = 0;
  found.kind = VALUE.null;
  found.start = 0;
  found.end = 0;
  while (inner.pos < end) {
    const tag = inner.tag(end);
    if (tag === MESSAGE_1) {
      keyEnd = inner.span(end);
      keyStart = inner.pos;
      inner.pos = keyEnd;
    } else if (tag === MESSAGE_2) readValue(inner, inner.span(end), record.scratch);
    else inner.skip(tag, end);
  }
  if (inner.bad) return;
  const key = keys.intern(inner.buf, keyStart, keyEnd);
  const { kind, buf, start, end: to } = found;
  putKnownAttribute(record, key, kind, buf, start, to);
  pairs.put(key, buf, start, to);
};

/** Fields of a LogRecord, as number << 3 | wire type. */
const FIELD = {
  time: 0x09,
  severity: 0x10,
  severityText: 0x1a,
  body: 0x2a,
  attribute: 0x32,
  dropped: 0x38,
  flags: 0x45,
  traceId: 0x4a,
  spanId: 0x52,
  observed: 0x59,
  eventName: 0x62,
} as const;

/** Fills the record from a LogRecord message; false where that is malformed. */
export const decodeRecord = (
  body: Uint8Array,
  start: number,
  end: number,
  record: LogRecord,
): boolean => {
  inner.open(body, start, end);
  record.setLine(body, start, start);
  let observedLow = 0;
  let observedHigh = 0;
  let timeLow = 0;
  let timeHigh = 0;
  while (inner.pos < end) {
    const tag = inner.tag(end);
    switch (tag) {
      case FIELD.time:
        inner.fixed64(end);
        timeLow = inner.low;
        timeHigh = inner.high;
        break;
      case FIELD.observed:
        inner.fixed64(end);
        observedLow = inner.low;
        observedHigh = inner.high;
        break;
      case FIELD.body:
        readValue(inner, inner.span(end), record.scratch);
        record.setLine(found.buf, found.start, found.end);
        break;
      case FIELD.attribute:
        readAttribute(record, record.metadata, inner.span(end));
        break;
      default:
        readColumn(record, tag, end);
    }
  }
  if (inner.bad) return false;
  const timed = timeLow !== 0 || timeHigh !== 0;
  const observed = observedLow !== 0 || observedHigh !== 0;
  if (timed) {
    setTime(record, timeLow, timeHigh);
    if (observed && (observedLow !== timeLow || observedHigh !== timeHigh)) {
      const digits = unsignedText(observedLow, observedHigh);
      putDigits(record, record.metadata, OBSERVED, digits);
    }
  } else if (observed) setTime(record, observedLow, observedHigh);
  if (record.numbers[C.severity] === 0 && record.has(C.severity_text)) {
    const text = record.bufs[C.severity_text] as Uint8Array;
    const [from, to] = [record.starts[C.severity_text], record.ends[C.severity_text]];
    record.numbers[C.severity] = severityOfWord(text, from as number, to as number);
  }
  return true;
};

/** The fields that are columns as they are. */
const readColumn = (record: LogRecord, tag: number, end: number): void => {
  switch (tag) {
    case FIELD.severity:
      inner.varint64(end);
      if (inner.high === 0 && inner.low <= 24) record.numbers[C.severity] = inner.low;
      else {
        const digits = String(BigInt.asIntN(64, (BigInt(inner.high) << 32n) | BigInt(inner.low)));
        putDigits(record, record.metadata, SEVERITY_NUMBER, digits);
      }
      break;
    case FIELD.severityText:
      setColumn(record, C.severity_text, end);
      break;
    case FIELD.eventName:
      setColumn(record, C.event_name, end);
      break;
    case FIELD.traceId:
      setId(record, C.trace_id, TRACE_ID, 16, end);
      break;
    case FIELD.spanId:
      setId(record, C.span_id, SPAN_ID, 8, end);
      break;
    case FIELD.dropped:
      putCount(record, record.metadata, DROPPED, end);
      break;
    case FIELD.flags:
      inner.fixed32(end);
      if (inner.low !== 0) putDigits(record, record.metadata, FLAGS, String(inner.low));
      break;
    default:
      inner.skip(tag, end);
  }
};

const setColumn = (record: LogRecord, column: number, end: number): void => {
  const to = inner.span(end);
  if (to > inner.pos) record.set(column, inner.buf, inner.pos, to);
  inner.pos = to;
};

const HEX = new TextEncoder().encode('0123456789abcdef');

/** An id in hexadecimal: into its column where it has the right size, else into the metadata. */
const setId = (record: LogRecord, column: number, key: Key, size: number, end: number): void => {
  const to = inner.span(end);
  const { buf } = inner;
  const { scratch } = record;
  scratch.reserve(2 * (to - inner.pos));
  const start = scratch.used;
  let at = start;
  let any = 0;
  for (let i = inner.pos; i < to; i++) {
    const byte = buf[i] as number;
    any |= byte;
    scratch.buf[at++] = HEX[byte >> 4] as number;
    scratch.buf[at++] = HEX[byte & 15] as number;
  }
  // All zeros say that there is none (W3C Trace Context).
  const length = to - inner.pos;
  inner.pos = to;
  if (any === 0) return;
  scratch.used = at;
  if (length === size) record.set(column, scratch.buf, start, at);
  else record.metadata.put(key, scratch.buf, start, at);
};

const unsignedText = (low: number, high: number): string =>
  String((BigInt(high) << 32n) | BigInt(low));

/**
 * Nanoseconds since 1970, unsigned, split into seconds and the rest without a bigint: 2^48 ns are
 * 281,474 s and 976,710,656 ns, 2^32 ns are 4 s and 294,967,296 ns.
 */
const setTime = (record: LogRecord, low: number, high: number): void => {
  const top = high >>> 16;
  const middle = high & 0xffff;
  const rest = top * 976_710_656 + middle * 294_967_296 + low;
  const carry = Math.floor(rest / 1_000_000_000);
  const sec = top * 281_474 + middle * 4 + carry;
  if (sec <= MAX_TIME_SEC) {
    record.setTime(sec, rest - carry * 1_000_000_000);
    return;
  }
  record.badTimes++;
  putDigits(record, record.attributes, TIMESTAMP, unsignedText(low, high));
};
