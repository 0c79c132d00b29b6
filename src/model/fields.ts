import { C } from './columns.ts';
import { measured, parseCount, parseDuration } from './duration.ts';
import { NAMED_FIELDS, PREFIXES, READ, type Reading } from './fields-names.ts';
import { holds, placeOfEmpty, putNumber, putRest, putText } from './fields-put.ts';
import { putTraceId, readTraceName, readTraceParent } from './fields-trace.ts';
import { keys, type Key } from './key.ts';
import { PLACE, REST, scaledPlace } from './placement.ts';
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
 * @returns the place of a line's field (see placement.ts)
 */
export type PutField = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
) => number;

/** What a field's name means. */
interface Role {
  readonly reading: Reading;
  readonly column: number;
  readonly unit: number;
  readonly envelopeOnly: boolean;
}

const ORDINARY: Role = { reading: READ.rest, column: -1, unit: 0, envelopeOnly: false };

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
  let role = ORDINARY;
  for (const prefix of PREFIXES) {
    if (!key.text.startsWith(prefix)) continue;
    role = named.get(key.text.slice(prefix.length)) ?? ORDINARY;
    break;
  }
  roles[key.id] = role;
  return role;
};

const roleOf = (key: Key): Role => (key.id < 0 ? ORDINARY : (roles[key.id] ?? resolve(key)));

/**
 * The place of a `-` that stands for no value: the field's column where it is of text and stays
 * empty, else the attribute of its name, or the dash itself.
 */
export const dashPlace = (record: LogRecord, key: Key): number => {
  const { reading, column } = roleOf(key);
  if (reading === READ.rest) return C.attributes | PLACE.dash;
  if (reading !== READ.text && reading !== READ.path) return PLACE.bareDash;
  const place = placeOfEmpty(record, column);
  return place === PLACE.empty ? PLACE.bareDash : column | PLACE.dash;
};

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
): number => {
  const value = parseCount(buf, start, end);
  return value >= 0 && putNumber(record, role.column, value) ? role.column | PLACE.number : REST;
};

const readDuration = (
  record: LogRecord,
  origin: Origin,
  role: Role,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  const place = putDuration(record, role.column, role.unit, buf, start, end);
  // Nobody prints the envelope again: its text says no more than the exact number.
  return place === REST && origin === 'envelope' && durationPut ? role.column : place;
};

/** Whether the duration read last is kept in its column exactly. */
let durationPut = false;

/** Reads a duration into a column; REST where its text must be kept too. */
export const putDuration = (
  record: LogRecord,
  column: number,
  unitNs: number,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  durationPut = false;
  if (!parseDuration(buf, start, end, unitNs)) return REST;
  if (!putNumber(record, column, measured.value)) return REST;
  durationPut = measured.exact;
  return measured.decimals < -1 ? REST : scaledPlace(column, unitNs, measured.decimals);
};

/** Reads the event time; REST where its text must be kept. */
export const readTime = (
  record: LogRecord,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  timePut = false;
  if (!parseTime(buf, start, end, record.timeSec >= 0 ? record.timeSec : record.observedSec)) {
    if (end > start) record.badTimes++;
    return end === start ? PLACE.empty : REST;
  }
  return putTime(record);
};

/** Whether the time read last is kept exactly. */
let timePut = false;

/** Takes the time that was parsed last; REST where its text must be kept. */
export const putTime = (record: LogRecord): number => {
  timePut = false;
  if (record.timeSec < 0) record.setTime(parsed.sec, parsed.nano);
  else if (record.timeSec !== parsed.sec || record.timeNano !== parsed.nano) return REST;
  timePut = !parsed.cut;
  return parsed.form > 0 ? C.timestamp | PLACE.time | (parsed.form << 12) : REST;
};

const readEpochSecond = (
  record: LogRecord,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  const value = parseCount(buf, start, end);
  if (value < 0 || (record.timeSec >= 0 && record.timeSec !== value)) return REST;
  if (record.timeSec < 0) record.setTime(value, 0);
  return C.timestamp | PLACE.epochSecond;
};

const readNanoOfSecond = (
  record: LogRecord,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  const value = parseCount(buf, start, end);
  if (value < 0 || value > 999_999_999 || record.timeSec < 0) return REST;
  if (record.timeNano === 0) record.timeNano = value;
  return record.timeNano === value ? C.timestamp | PLACE.nanoOfSecond : REST;
};

/** A level, as word or number: the words go to `severity_text` as they are written. */
const readLevel = (
  record: LogRecord,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  if (start === end) return PLACE.empty;
  const word = severityOfWord(buf, start, end);
  const level = word > 0 ? -1 : parseCount(buf, start, end);
  const severity = word > 0 ? word : level < 0 ? 0 : severityOfLevel(level);
  if (kind === VALUE.number && severity === 0) return REST;
  if (record.has(C.severity_text))
    return holds(record, C.severity_text, buf, start, end) ? C.severity_text : REST;
  record.set(C.severity_text, buf, start, end);
  if (record.numbers[C.severity] === 0) record.numbers[C.severity] = severity;
  return C.severity_text;
};

const readSeverityNumber = (
  record: LogRecord,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  const value = parseCount(buf, start, end);
  // 0 says nothing, and may be concluded from other fields.
  const isKept = value > 0 && value <= 24 && putNumber(record, C.severity, value);
  return isKept ? C.severity | PLACE.number : REST;
};

/** Paths; of a whole URL the path, beside the URL itself. REST where the text must be kept. */
const readPath = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  if (start === end) return placeOfEmpty(record, C.path);
  if (buf[start] === 0x2f) return putText(record, origin, C.path, key, buf, start, end);
  if (record.has(C.path)) return REST;
  let at = start;
  while (at < end && buf[at] !== 0x3a) at++;
  if (at + 3 > end || buf[at + 1] !== 0x2f || buf[at + 2] !== 0x2f) return REST;
  at += 3;
  while (at < end && buf[at] !== 0x2f) at++;
  if (at < end) record.set(C.path, buf, at, end);
  return REST;
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
  if (reading === READ.rest) return putRest(record, origin, key, buf, start, end);
  if (reading === READ.text && kind === VALUE.string && !role.envelopeOnly) {
    if (start !== end && (record.ends[column] as number) < 0) {
      record.set(column, buf, start, end);
      return column;
    }
    return putText(record, origin, column, key, buf, start, end);
  }
  // In a line, a known name without a value says no more than an empty column.
  if (kind === VALUE.null && origin === 'line') return PLACE.null;
  if (kind <= VALUE.boolean && !(role.envelopeOnly && origin === 'line')) {
    const place = read(record, origin, key, kind, role, buf, start, end);
    if (place !== REST) return place;
  }
  return putRest(record, origin, key, buf, start, end);
};

/** Reads a scalar by its role; REST where the value must (also) be kept under its own name. */
const read = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  kind: ValueKind,
  role: Role,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  switch (role.reading) {
    case READ.text:
      if (kind === VALUE.boolean) return REST;
      return putText(record, origin, role.column, key, buf, start, end);
    case READ.count:
      return start === end ? PLACE.empty : readCount(record, role, buf, start, end);
    case READ.duration:
      return start === end ? PLACE.empty : readDuration(record, origin, role, buf, start, end);
    case READ.time: {
      const place = readTime(record, buf, start, end);
      return place === REST && origin === 'envelope' && timePut ? C.timestamp : place;
    }
    case READ.level:
      return readLevel(record, kind, buf, start, end);
    case READ.traceId:
      return putTraceId(record, origin, role.column, key, buf, start, end);
    case READ.path:
      return readPath(record, origin, key, buf, start, end);
    case READ.message:
      if (origin === 'envelope') return REST;
      return putText(record, origin, C.body, key, buf, start, end);
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
): number => {
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
      return REST;
    case READ.stdio:
      if (!isStdio(buf, start, end)) return REST;
      return putText(record, origin, C.stdio, key, buf, start, end);
    case READ.appLabel:
      return record.has(C.service) && holds(record, C.service, buf, start, end) ? C.service : REST;
    case READ.service:
      // Heroku's router and others write how long the service took.
      if (isDigit(buf[start]) && parseDuration(buf, start, end, 0)) return REST;
      return putText(record, origin, C.service, key, buf, start, end);
    case READ.version: {
      const http = buf[start] === 0x48 && buf[start + 4] === 0x2f && end - start > 5;
      return putText(record, origin, http ? C.protocol : C.version, key, buf, start, end);
    }
    default:
      return REST;
  }
};
