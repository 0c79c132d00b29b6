import { LIMITS } from '../../model/limits.ts';
import type { SpanAttribute } from '../../model/span.ts';
import type { EventSink } from './decode.ts';
import {
  bytesValue,
  giveJaegerSpan,
  newJaegerSpan,
  NO_PROCESS,
  processOf,
  type JaegerLog,
  type JaegerProcess,
  type JaegerReference,
  type JaegerSpan,
} from './jaeger-span.ts';
import { digitsOfInt64, idOfInt64 } from './span-id.ts';
import { newRepeatBudget } from './span-repeat.ts';
import { TYPE, type ThriftReader } from './thrift.ts';

/**
 * Jaeger's thrift (jaegertracing/jaeger-idl, thrift/jaeger.thrift), in whichever of thrift's wire
 * protocols `open` reads. Fields of another type than theirs are stepped over.
 */

/** Makes a reader at the batch's first byte; a batch is read twice. */
export type OpenBatch = () => ThriftReader;

/**
 * Gives the spans of the batch at the reader's position.
 * @returns where the batch ends; -1, with nothing given, where it is malformed
 */
export const giveBatch = (open: OpenBatch, sink: EventSink): number => {
  const first = open();
  let process: JaegerProcess = NO_PROCESS;
  first.begin();
  for (let type = first.field(); type !== TYPE.stop; type = first.field()) {
    if (first.id === 1 && type === TYPE.struct) process = readProcess(first);
    else first.skip(type);
  }
  first.end();
  if (first.bad) return -1;
  const reader = open();
  const budget = newRepeatBudget();
  reader.begin();
  for (let type = reader.field(); type !== TYPE.stop; type = reader.field()) {
    if (reader.id !== 2 || type !== TYPE.list) {
      reader.skip(type);
      continue;
    }
    const count = reader.list();
    const { elements } = reader;
    for (let i = 0; i < count && !reader.bad; i++) {
      if (elements !== TYPE.struct) {
        reader.skip(elements);
        continue;
      }
      const start = reader.pos;
      const span = readSpan(reader);
      giveJaegerSpan(span, process, budget, sink, reader.buf.subarray(start, reader.pos));
    }
  }
  return first.pos;
};

const readProcess = (reader: ThriftReader): JaegerProcess => {
  const start = reader.pos;
  let service = '';
  const tags: SpanAttribute[] = [];
  reader.begin();
  for (let type = reader.field(); type !== TYPE.stop; type = reader.field()) {
    if (reader.id === 1 && type === TYPE.binary) service = reader.text();
    else if (reader.id === 2 && type === TYPE.list) readList(reader, tags, readTag);
    else reader.skip(type);
  }
  reader.end();
  return processOf(service, tags, reader.pos - start);
};

const micros = (value: bigint): bigint => value * 1_000n;

const readSpan = (reader: ThriftReader): JaegerSpan => {
  const span = newJaegerSpan();
  let [low, high] = [0n, 0n];
  reader.begin();
  for (let type = reader.field(); type !== TYPE.stop; type = reader.field()) {
    const field = reader.id;
    if (type === TYPE.i64) {
      const value = reader.i64();
      if (field === 1) low = value;
      else if (field === 2) high = value;
      else if (field === 3) span.spanId = idOfInt64(value);
      else if (field === 4) span.parentSpanId = value === 0n ? '' : digitsOfInt64(value);
      else if (field === 8) span.startNs = micros(value);
      else if (field === 9) span.durationNs = micros(value);
    } else if (field === 5 && type === TYPE.binary) span.name = reader.text();
    else if (field === 7 && type === TYPE.i32) span.flags = reader.int(type);
    else if (type === TYPE.list) readSpanList(reader, field, span);
    else reader.skip(type);
  }
  reader.end();
  span.traceId = idOfInt64(high, low);
  return span;
};

const readSpanList = (reader: ThriftReader, field: number, span: JaegerSpan): void => {
  const { dropped } = span;
  if (field === 6) dropped.references += readList(reader, span.references, readReference);
  else if (field === 10) dropped.tags += readList(reader, span.tags, readTag);
  else if (field === 11) dropped.logs += readList(reader, span.logs, readLog);
  else reader.skip(TYPE.list);
};

/** Reads structs up to the limit; gives how many were over it. */
const readList = <T>(
  reader: ThriftReader,
  into: T[],
  read: (reader: ThriftReader) => T,
): number => {
  const count = reader.list();
  const { elements } = reader;
  let over = 0;
  for (let i = 0; i < count && !reader.bad; i++) {
    if (elements !== TYPE.struct) reader.skip(elements);
    else if (into.length < LIMITS.spanItems) into.push(read(reader));
    else {
      reader.skip(elements);
      over++;
    }
  }
  return over;
};

const readReference = (reader: ThriftReader): JaegerReference => {
  let follows = false;
  let [low, high, span] = [0n, 0n, 0n];
  reader.begin();
  for (let type = reader.field(); type !== TYPE.stop; type = reader.field()) {
    const field = reader.id;
    if (field === 1 && type === TYPE.i32) follows = reader.int(type) === 1;
    else if (type === TYPE.i64) {
      const value = reader.i64();
      if (field === 2) low = value;
      else if (field === 3) high = value;
      else if (field === 4) span = value;
    } else reader.skip(type);
  }
  reader.end();
  return { follows, traceId: idOfInt64(high, low), spanId: idOfInt64(span) };
};

const readLog = (reader: ThriftReader): JaegerLog => {
  let timeNs = 0n;
  let dropped = 0;
  const fields: SpanAttribute[] = [];
  reader.begin();
  for (let type = reader.field(); type !== TYPE.stop; type = reader.field()) {
    if (reader.id === 1 && type === TYPE.i64) timeNs = micros(reader.i64());
    else if (reader.id === 2 && type === TYPE.list) dropped += readList(reader, fields, readTag);
    else reader.skip(type);
  }
  reader.end();
  return { timeNs, fields, dropped };
};

/** TagType: STRING, DOUBLE, BOOL, LONG, BINARY, and the field that holds each. */
const FIELDS = [3, 4, 5, 6, 7];

const readTag = (reader: ThriftReader): SpanAttribute => {
  let key = '';
  let kind = 0;
  const values = new Map<number, SpanAttribute['value']>();
  reader.begin();
  for (let type = reader.field(); type !== TYPE.stop; type = reader.field()) {
    const field = reader.id;
    if (field === 1 && type === TYPE.binary) key = reader.text();
    else if (field === 2 && type === TYPE.i32) kind = reader.int(type);
    else if (field === 3 && type === TYPE.binary) values.set(3, reader.text());
    else if (field === 4 && type === TYPE.double) values.set(4, reader.double());
    else if (field === 5 && type === TYPE.bool) values.set(5, reader.bool());
    else if (field === 6 && type === TYPE.i64) values.set(6, reader.i64());
    else if (field === 7 && type === TYPE.binary) values.set(7, bytesValue(reader.binary()));
    else reader.skip(type);
  }
  reader.end();
  return { key, value: values.get(FIELDS[kind] ?? 3) ?? EMPTY[kind] ?? '' };
};

/** A value that is not there is its type's zero. */
const EMPTY: readonly SpanAttribute['value'][] = ['', 0, false, 0n, bytesValue(new Uint8Array(0))];
