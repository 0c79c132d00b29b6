import { C } from '../../model/columns.ts';
import { keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import type { LogRecord } from '../../model/record.ts';
import { parsed, parseTime } from '../../model/time.ts';

/**
 * RFC 5424, everything between PRI and MSG:
 *
 *   VERSION SP (TIMESTAMP | -) SP (HOSTNAME | -) SP (APP-NAME | -) SP (PROCID | -) SP (MSGID | -)
 *   SP (STRUCTURED-DATA | -) [SP [BOM] MSG]
 */
const SPACE = 0x20;
const DASH = 0x2d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const EQUALS = 0x3d;

const TIMESTAMP = keys.of('syslog.timestamp');
const PROCID = keys.of('syslog.procid');
const MSGID = keys.of('syslog.msgid');
const VERSION = keys.of('syslog.version');
const REST = keys.of('syslog.sd');

const tokenEnd = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end && buf[at] !== SPACE) at++;
  return at;
};

const isNil = (buf: Uint8Array, start: number, end: number): boolean =>
  end - start === 1 && buf[start] === DASH;

/** End of the version digits at `at`, which a space and a 5424 timestamp follow; else -1. */
const versionEnd = (buf: Uint8Array, at: number, end: number): number => {
  let stop = at;
  while (stop < end && stop - at < 3 && isDigit(buf[stop] as number)) stop++;
  if (stop === at || buf[at] === 0x30 || stop + 2 >= end || buf[stop] !== SPACE) return -1;
  const first = buf[stop + 1] as number;
  const nil = first === DASH && buf[stop + 2] === SPACE;
  return nil || (isDigit(first) && stop + 5 < end && buf[stop + 5] === DASH) ? stop : -1;
};

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

/** An event time that parses is the record's; one that does not is kept as text. */
export const setStamp = (
  record: LogRecord,
  buf: Uint8Array,
  start: number,
  end: number,
  observedSec: number,
): void => {
  if (parseTime(buf, start, end, observedSec)) {
    record.setTime(parsed.sec, parsed.nano);
    if (!parsed.cut) return;
  } else record.badTimes++;
  record.metadata.put(TIMESTAMP, buf, start, end);
};

export const setProcid = (record: LogRecord, buf: Uint8Array, start: number, end: number): void => {
  if (end > start) record.metadata.put(PROCID, buf, start, end);
};

const starts = new Int32Array(5);
const ends = new Int32Array(5);

/**
 * Reads the header whose VERSION is at `at` into the record.
 *
 * @returns where MSG starts (behind its byte order mark; `end` where there is none), or -1, with
 * the record untouched, where this is not RFC 5424. Structured data that is broken or left out is
 * taken as the start of MSG, so that nothing is lost.
 */
export const readStructured = (
  record: LogRecord,
  buf: Uint8Array,
  at: number,
  end: number,
): number => {
  const version = versionEnd(buf, at, end);
  if (version < 0) return -1;
  let next = version;
  for (let i = 0; i < 5; i++) {
    if (next >= end) return -1;
    starts[i] = next + 1;
    next = tokenEnd(buf, next + 1, end);
    if (next === starts[i]) return -1;
    ends[i] = next;
  }
  const [time = 0, host = 0, app = 0, procid = 0, msgid = 0] = starts;
  const [timeEnd = 0, hostEnd = 0, appEnd = 0, procidEnd = 0, msgidEnd = 0] = ends;
  if (version !== at + 1 || buf[at] !== 0x31) record.metadata.put(VERSION, buf, at, version);
  if (!isNil(buf, time, timeEnd)) setStamp(record, buf, time, timeEnd, 0);
  if (!isNil(buf, host, hostEnd)) record.set(C.node, buf, host, hostEnd);
  if (!isNil(buf, app, appEnd)) record.set(C.service, buf, app, appEnd);
  if (!isNil(buf, procid, procidEnd)) setProcid(record, buf, procid, procidEnd);
  if (!isNil(buf, msgid, msgidEnd)) record.metadata.put(MSGID, buf, msgid, msgidEnd);
  if (next >= end) return end;
  let message = next + 1;
  if (isNil(buf, message, tokenEnd(buf, message, end))) message++;
  else if (buf[message] === OPEN) {
    const held = record.metadata.count;
    const stop = readElements(record, buf, message, end);
    if (stop < 0) record.metadata.count = held;
    else message = stop;
  } else return skipMark(buf, message, end);
  if (message < end && buf[message] === SPACE) message++;
  return skipMark(buf, message, end);
};

/** Behind a UTF-8 byte order mark, which says how MSG is encoded and is no part of it. */
export const skipMark = (buf: Uint8Array, at: number, end: number): number =>
  at + 3 <= end && buf[at] === 0xef && buf[at + 1] === 0xbb && buf[at + 2] === 0xbf ? at + 3 : at;

/** `[id name="value" ...][...]` at `at`; the position behind it, or -1 where it is broken. */
const readElements = (record: LogRecord, buf: Uint8Array, at: number, end: number): number => {
  while (at < end && buf[at] === OPEN) {
    const id = at + 1;
    at = nameEnd(buf, id, end);
    if (at === id || at >= end) return -1;
    const idEnd = at;
    if (buf[at] === CLOSE) record.metadata.put(keyOf(buf, id, idEnd, 0, 0), buf, at, at);
    while (at < end && buf[at] === SPACE) {
      while (at < end && buf[at] === SPACE) at++;
      if (buf[at] === CLOSE) break;
      const name = at;
      at = nameEnd(buf, name, end);
      if (at === name || at + 1 >= end || buf[at] !== EQUALS || buf[at + 1] !== QUOTE) return -1;
      const value = at + 2;
      const stop = valueEnd(buf, value, end);
      if (stop < 0) return -1;
      if (record.metadata.count < LIMITS.attributesPerRecord)
        putValue(record, keyOf(buf, id, idEnd, name, at), buf, value, stop);
      else return keepRest(record, buf, id - 1, end);
      at = stop + 1;
    }
    if (at >= end || buf[at] !== CLOSE) return -1;
    at++;
  }
  return at;
};

/** More values than a record holds: the element is kept as text, and all that follow. */
const keepRest = (record: LogRecord, buf: Uint8Array, from: number, end: number): number => {
  let at = from;
  while (at < end && buf[at] === OPEN) {
    while (at < end && buf[at] !== CLOSE)
      at = buf[at] === QUOTE ? valueEnd(buf, at + 1, end) + 1 : at + 1;
    if (at >= end || at <= from) return -1;
    at++;
  }
  record.metadata.put(REST, buf, from, at);
  return at;
};

/** SD-NAME: printable ASCII but `=`, space, `]` and `"`; bytes beyond ASCII are let pass. */
const nameEnd = (buf: Uint8Array, at: number, end: number): number => {
  for (; at < end; at++) {
    const byte = buf[at] as number;
    if (byte <= SPACE || byte === EQUALS || byte === CLOSE || byte === QUOTE) break;
  }
  return at;
};

/** The closing quote; -1 where there is none. */
const valueEnd = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end) {
    const byte = buf[at];
    if (byte === QUOTE) return at;
    at += byte === BACKSLASH ? 2 : 1;
  }
  return -1;
};

/** A backslash escapes `"`, `\` and `]`; before anything else it is itself (RFC 5424, 6.3.3). */
const putValue = (
  record: LogRecord,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  let plain = start;
  while (plain < end && buf[plain] !== BACKSLASH) plain++;
  if (plain === end) {
    record.metadata.put(key, buf, start, end);
    return;
  }
  const { scratch } = record;
  scratch.reserve(end - start);
  const out = scratch.buf;
  const from = scratch.used;
  let to = from;
  for (let at = start; at < end; at++) {
    const next = buf[at + 1];
    const escapes =
      buf[at] === BACKSLASH && (next === QUOTE || next === BACKSLASH || next === CLOSE);
    if (escapes && at + 1 < end) at++;
    out[to++] = buf[at] as number;
  }
  scratch.used = to;
  record.metadata.put(key, out, from, to);
};

const PREFIX = new TextEncoder().encode('syslog.sd.');
let name = new Uint8Array(256);

/** `syslog.sd.<id>.<name>`, or `syslog.sd.<id>` for an element without values. */
const keyOf = (buf: Uint8Array, id: number, idEnd: number, from: number, to: number): Key => {
  const size = PREFIX.length + idEnd - id + 1 + to - from;
  if (name.length < size) name = new Uint8Array(size * 2);
  name.set(PREFIX);
  let at = PREFIX.length;
  for (let i = id; i < idEnd; i++) name[at++] = buf[i] as number;
  if (to > from) name[at++] = 0x2e;
  for (let i = from; i < to; i++) name[at++] = buf[i] as number;
  return keys.intern(name, 0, at);
};
