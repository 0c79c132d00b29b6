import { putField, VALUE, type PutField } from '../../model/fields.ts';
import { gapOf, NO_GAP, type Gap } from '../../model/gap.ts';
import { stringEnd, unescape } from '../../model/json-text.ts';
import { keys, type Key } from '../../model/key.ts';
import { dialectOf } from '../../model/layout-json.ts';
import { LIMITS } from '../../model/limits.ts';
import { escapedPlace } from '../../model/placement.ts';
import type { LogRecord } from '../../model/record.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const EQUALS = 0x3d;

/** A name: anything but spaces, quotes, `=` and control characters (go-logfmt's grammar). */
const nameEnd = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end) {
    const byte = buf[at] as number;
    if (byte <= SPACE || byte === QUOTE || byte === EQUALS) break;
    at++;
  }
  return at;
};

/** A bare value: up to the next space, without quotes and `=`. */
const bareEnd = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end) {
    const byte = buf[at] as number;
    if (byte <= SPACE || byte === QUOTE) break;
    at++;
  }
  return at;
};

const skipSpaces = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end && buf[at] === SPACE) at++;
  return at;
};

/**
 * Measures `name=value` pairs from `start` to `end`, nothing else between them, values bare or as
 * JSON strings; gives their number, -1 where the bytes are something else.
 */
export const countPairs = (buf: Uint8Array, start: number, end: number): number => {
  let count = 0;
  let at = skipSpaces(buf, start, end);
  while (at < end) {
    const name = nameEnd(buf, at, end);
    if (name === at || name >= end || buf[name] !== EQUALS) return -1;
    at = valueEnd(buf, name + 1, end);
    if (at < 0 || (at < end && buf[at] !== SPACE)) return -1;
    at = skipSpaces(buf, at, end);
    count++;
  }
  return count;
};

/** Position after the value at `at`, -1 where it is a broken string. */
const valueEnd = (buf: Uint8Array, at: number, end: number): number => {
  if (at >= end || buf[at] !== QUOTE) return bareEnd(buf, at, end);
  const quote = stringEnd(buf, at + 1, end);
  return quote < 0 ? -1 : quote + 1;
};

/**
 * Puts the pairs that `countPairs` has accepted into the record, and the way through them. `before`
 * is where the step before ended: what stands from there to the first value is its gap. `put` knows
 * the names of formats that have their own.
 */
export const putPairs = (
  record: LogRecord,
  start: number,
  end: number,
  before: number = start,
  put: PutField = putField,
): void => {
  const buf = record.lineBuf;
  let from = before;
  let at = skipSpaces(buf, start, end);
  while (at < end) {
    const name = nameEnd(buf, at, end);
    const key = keyOf(buf, at, name);
    const value = name + 1;
    at = valueEnd(buf, value, end);
    if (buf[value] === QUOTE) {
      const place = putQuoted(record, key, value + 1, at - 1, put);
      record.step(gapBefore(buf, from, value + 1, key), place);
      from = at - 1;
    } else {
      const place = put(record, 'line', key, VALUE.string, buf, value, at);
      record.step(gapBefore(buf, from, value, key), place);
      from = at;
    }
    at = skipSpaces(buf, at, end);
  }
  // Blanks at the end are the line's too.
  record.tail = from === record.lineEnd ? NO_GAP : gapOf(buf, from, record.lineEnd, NO_GAP.key);
};

/**
 * By the id of a key: its gaps where one space stands before it, by whether the value before (1)
 * and its own (2) are in quotes.
 */
const usual: (Gap | undefined)[] = [];

const gapBefore = (buf: Uint8Array, from: number, to: number, key: Key): Gap => {
  const quoted = buf[from] === QUOTE ? 1 : 0;
  const quoting = buf[to - 1] === QUOTE ? 1 : 0;
  const isUsual = to - from === key.bytes.length + 2 + quoted + quoting;
  if (!isUsual || key.id < 0 || buf[from + quoted] !== SPACE) return gapOf(buf, from, to, key);
  const at = key.id * 4 + quoted + 2 * quoting;
  return (usual[at] ??= gapOf(buf, from, to, key));
};

const putQuoted = (
  record: LogRecord,
  key: Key,
  start: number,
  end: number,
  put: PutField,
): number => {
  const buf = record.lineBuf;
  let escaped = false;
  for (let at = start; at < end && !escaped; at++) escaped = buf[at] === 0x5c;
  if (!escaped) return put(record, 'line', key, VALUE.string, buf, start, end);
  const { scratch } = record;
  const from = unescape(scratch, buf, start, end);
  const to = scratch.used;
  const place = put(record, 'line', key, VALUE.string, scratch.buf, from, to);
  return escapedPlace(place, dialectOf(buf, start, end, scratch.buf.subarray(from, to)));
};

const keyOf = (buf: Uint8Array, start: number, end: number): Key => {
  // The key after the last one is most often the one of the line before: see `followers`.
  const guess = followers[previous];
  if (guess !== undefined && isKey(guess, buf, start, end)) {
    previous = guess.id;
    return guess;
  }
  const key = keys.intern(buf, start, end);
  if (key.id >= 0 && previous < LIMITS.internedKeys) followers[previous] = key;
  previous = Math.max(0, key.id);
  return key;
};

/** By the id of a key: the key that followed it last. */
const followers: (Key | undefined)[] = [];
let previous = 0;

const isKey = (key: Key, buf: Uint8Array, start: number, end: number): boolean => {
  const { bytes } = key;
  if (bytes.length !== end - start) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== buf[start + i]) return false;
  return true;
};
