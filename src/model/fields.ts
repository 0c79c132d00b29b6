import { C } from './columns.ts';
import { measured, parseCount, parseDuration } from './duration.ts';
import { NAMED_FIELDS, PREFIXES, READ, type Reading } from './fields-names.ts';
import { holds, putNumber, putRest, putText } from './fields-put.ts';
import { putTraceId, readTraceName, readTraceParent } from './fields-trace.ts';
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
 * Puts one named field into the record: into its column where the name is known to mean one
 * (OpenTelemetry, ECS, Kubernetes, and the common loggers' names; values converted: severity words,
 * times, durations), else into `metadata` (envelope) or `attributes` (line).
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

/**
 * By `key.id`; filled when a name is first met. Known names are interned first, so they always have
 * an id.
 */
const roles: (Role | undefined)[] = [];
for (const [name, role] of named) roles[keys.of(name).id] = role;

const resolve = (key: Key): Role => {
  let role = REST;
  for (const prefix of PREFIXES) {
    if (!key.text.startsWith(prefix)) continue;
    role = named.get(key.text.slice(prefix.length)) ?? REST;
    break;
  }
  roles[key.id] = role;
  return role;
};

const roleOf = (key: Key): Role => (key.id < 0 ? REST : (roles[key.id] ?? resolve(key)));

/** Whether a field of this name is the app's, as a Kubernetes label: it names the service too. */
export const isAppLabel = (key: Key): boolean => roleOf(key).reading === READ.appLabel;

/**
 * How surely a field of this name is the message: 0 not, 1 where nothing better comes, 2 surely.
 */
export const messageRank = (key: Key): 0 | 1 | 2 => {
  const { reading } = roleOf(key);
  return reading === READ.message ? 2 : reading === READ.weakMessage ? 1 : 0;
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

const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;

const isStdio = (buf: Uint8Array, start: number, end: number): boolean =>
  end - start === 6 &&
  buf[start] === 0x73 &&
  buf[start + 1] === 0x74 &&
  buf[start + 2] === 0x64 &&
  (buf[start + 3] === 0x6f || buf[start + 3] === 0x65);

export const putField: PutField = (record, origin, key, kind, buf, start, end) => {
  const role = roleOf(key);
  const { reading, column } = role;
  // The two that most fields are, without a further call.
  if (reading === READ.rest) {
    putRest(record, origin, key, buf, start, end);
    return;
  }
  if (reading === READ.text && kind === VALUE.string && !role.envelopeOnly) {
    if (start === end) return;
    if ((record.ends[column] as number) < 0) record.set(column, buf, start, end);
    else putText(record, origin, column, key, buf, start, end);
    return;
  }
  // In a line, a known name without a value says no more than an empty column.
  if (kind === VALUE.null && origin === 'line') return;
  if (
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
    case READ.service:
      // Heroku's router and others write how long the service took.
      if (isDigit(buf[start]) && parseDuration(buf, start, end, 0)) return false;
      putText(record, origin, C.service, key, buf, start, end);
      return true;
    case READ.version: {
      const http = buf[start] === 0x48 && buf[start + 4] === 0x2f && end - start > 5;
      putText(record, origin, http ? C.protocol : C.version, key, buf, start, end);
      return true;
    }
    default:
      return false;
  }
};
