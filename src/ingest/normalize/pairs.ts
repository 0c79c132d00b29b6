import { putField, VALUE } from '../../model/fields.ts';
import { stringEnd, unescape } from '../../model/json-text.ts';
import { keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
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

/** Puts the pairs that `countPairs` has accepted into the record. */
export const putPairs = (record: LogRecord, start: number, end: number): void => {
  const buf = record.lineBuf;
  let at = skipSpaces(buf, start, end);
  while (at < end) {
    const name = nameEnd(buf, at, end);
    const key = keyOf(buf, at, name);
    const from = name + 1;
    at = valueEnd(buf, from, end);
    if (buf[from] === QUOTE) putQuoted(record, key, from + 1, at - 1);
    else putField(record, 'line', key, VALUE.string, buf, from, at);
    at = skipSpaces(buf, at, end);
  }
};

const putQuoted = (record: LogRecord, key: Key, start: number, end: number): void => {
  const buf = record.lineBuf;
  let escaped = false;
  for (let at = start; at < end && !escaped; at++) escaped = buf[at] === 0x5c;
  if (!escaped) putField(record, 'line', key, VALUE.string, buf, start, end);
  else {
    const { scratch } = record;
    const from = unescape(scratch, buf, start, end);
    putField(record, 'line', key, VALUE.string, scratch.buf, from, scratch.used);
  }
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
