import { C } from '../../model/columns.ts';
import { dashPlace, putDuration, putField, VALUE, type ValueKind } from '../../model/fields.ts';
import { putRest, putText } from '../../model/fields-put.ts';
import { unescape } from '../../model/json-text.ts';
import { equalBytes, keys, type Key } from '../../model/key.ts';
import { dialectOf } from '../../model/layout-json.ts';
import { escapedPlace, PLACE, REST } from '../../model/placement.ts';
import type { LogRecord } from '../../model/record.ts';
import type { Field } from './field.ts';
import type { ReadTime } from './strftime.ts';

const DASH = 0x2d;
const BACKSLASH = 0x5c;

const readTime: ReadTime = { sec: 0, nano: 0 };

/** Whether a value stands for none. */
export const isNone = (field: Field, buf: Uint8Array, start: number, end: number): boolean =>
  start === end
    ? field.blank === true
    : end - start === 1 &&
      buf[start] === DASH &&
      field.dash === undefined &&
      field.blank === undefined;

/** Puts a value of a line into the record; gives its place. */
export const putValue = (
  record: LogRecord,
  field: Field,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  if (start === end) return PLACE.empty;
  if (field.escaped === true) {
    for (let at = start; at < end; at++)
      if (buf[at] === BACKSLASH) return putEscaped(record, field, key, buf, start, end);
  }
  if (isNone(field, buf, start, end)) return dashPlace(record, key);
  return putPlain(record, field, key, buf, start, end);
};

/** Whether the bytes are a JSON string's, so that they may be unescaped and escaped again. */
const isEscaped = (buf: Uint8Array, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) {
    const byte = buf[at] as number;
    if (byte < 0x20 || byte === 0x22) return false;
    if (byte !== BACKSLASH) continue;
    const letter = String.fromCharCode(buf[++at] ?? 0);
    if (at >= end || !'"\\/bfnrtu'.includes(letter)) return false;
    if (letter !== 'u') continue;
    if (at + 4 > end - 1) return false;
    const digits = String.fromCharCode(...buf.subarray(at + 1, at + 5));
    if (!/^[0-9A-Fa-f]{4}$/.test(digits)) return false;
  }
  return true;
};

const putEscaped = (
  record: LogRecord,
  field: Field,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  if (!isEscaped(buf, start, end)) return putPlain(record, field, key, buf, start, end);
  const { scratch } = record;
  const from = unescape(scratch, buf, start, end);
  const to = scratch.used;
  const place = putPlain(record, field, key, scratch.buf, from, to);
  return escapedPlace(place, dialectOf(buf, start, end, scratch.buf.subarray(from, to)));
};

/** Puts a value as it is, of whatever kind it is in JSON. */
export const putPlain = (
  record: LogRecord,
  { unit, column, time }: Pick<Field, 'unit' | 'column' | 'time'>,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
  kind: ValueKind = VALUE.string,
): number => {
  if (time !== undefined) return putTime(record, time, key, buf, start, end);
  if (unit !== undefined) {
    const place = putDuration(record, column ?? C.duration_ns, unit, buf, start, end);
    return place === REST ? putRest(record, 'line', key, buf, start, end) : place;
  }
  if (column !== undefined) {
    if (isUnknown(buf, start, end)) return putRest(record, 'line', key, buf, start, end);
    return putText(record, 'line', column, key, buf, start, end);
  }
  return putField(record, 'line', key, kind, buf, start, end);
};

const UNKNOWN = new TextEncoder().encode('unknown');

/** Kuma writes `unknown` and `*` for services that it does not know: they are nobody's names. */
const isUnknown = (buf: Uint8Array, start: number, end: number): boolean => {
  if (end - start === 1) return buf[start] === 0x2a;
  return end - start === UNKNOWN.length && equalBytes(buf, start, UNKNOWN, 0, UNKNOWN.length);
};

const TIME = keys.of('start_time');

/** A time whose form is only known here: where its text cannot be printed again it is kept. */
const putTime = (
  record: LogRecord,
  time: NonNullable<Field['time']>,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  const understood = time.read(buf, start, end, readTime);
  if (!understood) {
    record.badTimes++;
    return putRest(record, 'line', key, buf, start, end);
  }
  const isFirst = record.timeSec < 0;
  if (isFirst) {
    // Where the usual reading sees the same instant, it knows how to print it.
    const held = record.badTimes;
    const count = record.attributes.count;
    const place = putField(record, 'line', TIME, VALUE.string, buf, start, end);
    if (record.timeSec === readTime.sec && record.timeNano === readTime.nano) {
      if (record.attributes.count === count) return place;
    }
    record.badTimes = held;
    record.attributes.count = count;
    record.setTime(readTime.sec, readTime.nano);
  }
  return putRest(record, 'line', key, buf, start, end);
};
