import { C, COLUMNS } from './columns.ts';
import { measured, parseCount, parseDuration } from './duration.ts';
import { NAMED_FIELDS, PREFIXES, READ, type Reading } from './fields-names.ts';
import { keys, type Key } from './key.ts';
import type { LogRecord } from './record.ts';
import { severityOfLevel, severityOfWord } from './severity.ts';
import { parsed, parseTime } from './time.ts';

/** JSON kinds of a value whose bytes are handed on; strings come unescaped and without quotes. */
export const VALUE = { string: 1, number: 2, boolean: 3, null: 4, array: 5, object: 6 } as const;
export type ValueKind = (typeof VALUE)[keyof typeof VALUE];

/** Who says so: the shipper around the line, or the line itself. */
export type Origin = 'envelope' | 'line';

/**
 * Puts one named field into the record: into its column where the name is known to mean one (OpenTelemetry,
 * ECS, Kubernetes, and the common loggers' names; values converted: severity words, times, durations),
 * else into `metadata` (envelope) or `attributes` (line).
 */
export type PutField = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
) => void;

/** What a field's name means. */
interface Role {
  readonly reading: Reading;
  readonly column: number;
  readonly unit: number;
  readonly envelopeOnly: boolean;
}

const REST: Role = { reading: READ.rest, column: -1, unit: 0, envelopeOnly: false };

const named = new Map<string, Role>();
for (const { column, reading, unit = 0, envelopeOnly = false, names } of NAMED_FIELDS) {
  const role: Role = { reading, column: C[column], unit, envelopeOnly };
  for (const name of names.split(' ')) named.set(name, role);
}

/** By `key.id`; filled when a name is first met. Known names are interned first, so they always have an id. */
const roles: (Role | undefined)[] = [];
for (const [name, role] of named) roles[keys.of(name).id] = role;

const resolve = (key: Key): Role => {
  if (key.id < 0) return REST;
  let role = REST;
  for (const prefix of PREFIXES) {
    if (!key.text.startsWith(prefix)) continue;
    role = named.get(key.text.slice(prefix.length)) ?? REST;
    break;
  }
  roles[key.id] = role;
  return role;
};

const roleOf = (key: Key): Role => roles[key.id] ?? resolve(key);

/** How surely a field of this name is the message: 0 not, 1 where nothing better comes, 2 surely. */
export const messageRank = (key: Key): 0 | 1 | 2 => {
  const { reading } = roleOf(key);
  return reading === READ.message ? 2 : reading === READ.weakMessage ? 1 : 0;
};

/** Keeps a field as it came: in `metadata` (envelope) or `attributes` (line). */
export const putRest = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  if (origin === 'line') record.attribute(key, buf, start, end);
  else record.metadata.put(key, buf, start, end);
};

/** Sets a text column unless it holds something else, which then stays; the value is kept either way. */
export const putText = (
  record: LogRecord,
  origin: Origin,
  column: number,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  if (start === end) return;
  if (!record.has(column)) record.set(column, buf, start, end);
  else if (!holds(record, column, buf, start, end)) putRest(record, origin, key, buf, start, end);
};

const holds = (
  record: LogRecord,
  column: number,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean => {
  const from = record.starts[column] as number;
  const length = end - start;
  if ((record.ends[column] as number) - from !== length) return false;
  const held = record.bufs[column] as Uint8Array;
  for (let i = 0; i < length; i++) if (held[from + i] !== buf[start + i]) return false;
  return true;
};

const LIMIT_OF = COLUMNS.map(({ kind }) =>
  kind === 'u8' ? 0xff : kind === 'u16' ? 0xffff : Number.MAX_SAFE_INTEGER,
);

/** Sets a number column; false where it holds another number already or the value does not fit. */
export const putNumber = (record: LogRecord, column: number, value: number): boolean => {
  const held = record.numbers[column] as number;
  if (held !== 0) return held === value;
  if (value < 0 || value > (LIMIT_OF[column] as number)) return false;
  record.numbers[column] = value;
  return true;
};

const readCount = (
  record: LogRecord,
  role: Role,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean => {
  const value = parseCount(buf, start, end);
  return value >= 0 && putNumber(record, role.column, value);
};

const readDuration = (
  record: LogRecord,
  role: Role,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean =>
  parseDuration(buf, start, end, role.unit) &&
  putNumber(record, role.column, measured.value) &&
  measured.exact;

/** Reads the event time; false where its text must be kept. */
export const readTime = (
  record: LogRecord,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean => {
  if (!parseTime(buf, start, end, record.timeSec >= 0 ? record.timeSec : record.observedSec)) {
    if (end > start) record.badTimes++;
    return end === start;
  }
  if (record.timeSec < 0) record.setTime(parsed.sec, parsed.nano);
  else if (record.timeSec !== parsed.sec || record.timeNano !== parsed.nano) return false;
  return !parsed.cut;
};

const readEpochSecond = (
  record: LogRecord,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean => {
  const value = parseCount(buf, start, end);
  if (value < 0 || record.timeSec >= 0) return value >= 0 && record.timeSec === value;
  record.setTime(value, 0);
  return true;
};

const readNanoOfSecond = (
  record: LogRecord,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean => {
  const value = parseCount(buf, start, end);
  if (value < 0 || value > 999_999_999 || record.timeSec < 0) return false;
  if (record.timeNano === 0) record.timeNano = value;
  return record.timeNano === value;
};

/** A level, as word or number: the words go to `severity_text` as they are written. */
const readLevel = (
  record: LogRecord,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean => {
  if (start === end) return true;
  const word = severityOfWord(buf, start, end);
  const level = word > 0 ? -1 : parseCount(buf, start, end);
  const severity = word > 0 ? word : level < 0 ? 0 : severityOfLevel(level);
  if (kind === VALUE.number && severity === 0) return false;
  if (record.has(C.severity_text)) return holds(record, C.severity_text, buf, start, end);
  record.set(C.severity_text, buf, start, end);
  if (record.numbers[C.severity] === 0) record.numbers[C.severity] = severity;
  return true;
};

const readSeverityNumber = (
  record: LogRecord,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean => {
  const value = parseCount(buf, start, end);
  return value >= 0 && value <= 24 && putNumber(record, C.severity, value);
};

const isHex = (buf: Uint8Array, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) {
    const byte = buf[at] as number;
    const lower = byte | 0x20;
    if (!((byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x66))) return false;
  }
  return true;
};

/** Trace and span ids: hexadecimal ones of 16 or 32 digits in lower case, others as written. */
const putTraceId = (
  record: LogRecord,
  origin: Origin,
  column: number,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  const size = end - start;
  let upper = false;
  if (size === 32 || size === 16)
    for (let at = start; at < end; at++) {
      const byte = buf[at] as number;
      if (byte >= 0x41 && byte <= 0x46) upper = true;
    }
  if (!upper || !isHex(buf, start, end)) {
    putText(record, origin, column, key, buf, start, end);
    return;
  }
  const { scratch } = record;
  scratch.reserve(size);
  const from = scratch.used;
  for (let i = 0; i < size; i++) {
    const byte = buf[start + i] as number;
    scratch.buf[from + i] = byte < 0x3a ? byte : byte | 0x20;
  }
  scratch.used = from + size;
  putText(record, origin, column, key, scratch.buf, from, from + size);
};

/** GCP's `projects/P/traces/ID`; a bare id is taken as it is. */
const readTraceName = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean => {
  let from = end;
  while (from > start && buf[from - 1] !== 0x2f) from--;
  if (end - from !== 32 || !isHex(buf, from, end)) return false;
  if (record.has(C.trace_id)) return false;
  putTraceId(record, origin, C.trace_id, key, buf, from, end);
  return from === start;
};

/** W3C Trace Context's `00-<trace id>-<span id>-01`; the text is kept too, it says more. */
const readTraceParent = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  buf: Uint8Array,
  start: number,
): void => {
  const trace = start + 3;
  const span = start + 36;
  if (buf[start + 2] !== 0x2d || buf[trace + 32] !== 0x2d || buf[span + 16] !== 0x2d) return;
  if (!isHex(buf, trace, trace + 32) || !isHex(buf, span, span + 16)) return;
  if (!record.has(C.trace_id)) putTraceId(record, origin, C.trace_id, key, buf, trace, trace + 32);
  if (!record.has(C.span_id)) putTraceId(record, origin, C.span_id, key, buf, span, span + 16);
};

/** Paths; of a whole URL the path, beside the URL itself. False where the text must be kept. */
const readPath = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean => {
  if (buf[start] === 0x2f) {
    putText(record, origin, C.path, key, buf, start, end);
    return true;
  }
  if (record.has(C.path)) return false;
  let at = start;
  while (at < end && buf[at] !== 0x3a) at++;
  if (at + 3 > end || buf[at + 1] !== 0x2f || buf[at + 2] !== 0x2f) return false;
  at += 3;
  while (at < end && buf[at] !== 0x2f) at++;
  if (at < end) record.set(C.path, buf, at, end);
  return false;
};

const isStdio = (buf: Uint8Array, start: number, end: number): boolean =>
  end - start === 6 &&
  buf[start] === 0x73 &&
  buf[start + 1] === 0x74 &&
  buf[start + 2] === 0x64 &&
  (buf[start + 3] === 0x6f || buf[start + 3] === 0x65);

export const putField: PutField = (record, origin, key, kind, buf, start, end) => {
  const role = roleOf(key);
  const { reading } = role;
  if (
    reading === READ.rest ||
    kind > VALUE.boolean ||
    (role.envelopeOnly && origin === 'line') ||
    !read(record, origin, key, kind, role, buf, start, end)
  )
    putRest(record, origin, key, buf, start, end);
};

/** Reads a scalar by its role; false where the value must (also) be kept under its own name. */
const read = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  kind: ValueKind,
  role: Role,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean => {
  switch (role.reading) {
    case READ.text:
      if (kind === VALUE.boolean) return false;
      putText(record, origin, role.column, key, buf, start, end);
      return true;
    case READ.count:
      return start === end || readCount(record, role, buf, start, end);
    case READ.duration:
      return start === end || readDuration(record, role, buf, start, end);
    case READ.time:
      return readTime(record, buf, start, end);
    case READ.level:
      return readLevel(record, kind, buf, start, end);
    case READ.traceId:
      putTraceId(record, origin, role.column, key, buf, start, end);
      return true;
    case READ.path:
      return start === end || readPath(record, origin, key, buf, start, end);
    case READ.message:
      if (origin === 'envelope') return false;
      putText(record, origin, C.body, key, buf, start, end);
      return true;
    default:
      return readSeldom(record, origin, key, role, buf, start, end);
  }
};

const readSeldom = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  role: Role,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean => {
  switch (role.reading) {
    case READ.epochSecond:
      return readEpochSecond(record, buf, start, end);
    case READ.nanoOfSecond:
      return readNanoOfSecond(record, buf, start, end);
    case READ.severityNumber:
      return readSeverityNumber(record, buf, start, end);
    case READ.traceName:
      return readTraceName(record, origin, key, buf, start, end);
    case READ.traceParent:
      if (end - start >= 55) readTraceParent(record, origin, key, buf, start);
      return false;
    case READ.stdio:
      if (!isStdio(buf, start, end)) return false;
      putText(record, origin, C.stdio, key, buf, start, end);
      return true;
    case READ.appLabel:
      return record.has(C.service) && holds(record, C.service, buf, start, end);
    case READ.version: {
      const http = buf[start] === 0x48 && buf[start + 4] === 0x2f && end - start > 5;
      putText(record, origin, http ? C.protocol : C.version, key, buf, start, end);
      return true;
    }
    default:
      return false;
  }
};
