import { C } from '../../model/columns.ts';
import { putField, VALUE } from '../../model/fields.ts';
import { placeOfEmpty, putRest, putText } from '../../model/fields-put.ts';
import { putTraceId } from '../../model/fields-trace.ts';
import { fixedGap, gapOf, NO_GAP, type Gap } from '../../model/gap.ts';
import { keys, type Key } from '../../model/key.ts';
import { PLACE, REST } from '../../model/placement.ts';
import type { LogRecord } from '../../model/record.ts';
import { inferAccess } from './conclude.ts';
import type { Normalizer } from './normalize.ts';
import { opensObject, ownerOf } from './object-owner.ts';
import { listObject, ownFields, putObject, textOf, type Reader } from './own-fields.ts';
import { isNumeric, TextFormat } from './text-format.ts';
import { infer, WORD } from './words.ts';

/** The client's verified TLS identity; a dash where it has none. */
const readIdentity: Reader = (record, key, buf, start, end) => {
  if (end - start !== 1 || buf[start] !== 0x2d)
    return putText(record, 'line', C.source_identity, key, buf, start, end);
  return record.has(C.source_identity) ? PLACE.bareDash : C.source_identity | PLACE.dash;
};

const isHex = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);

const isAllHex = (buf: Uint8Array, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) if (!isHex(buf[at] as number)) return false;
  return true;
};

const ROOT = new TextEncoder().encode('Root=1-');

/** X-Ray's `Root=1-EEEEEEEE-RRRRRRRRRRRRRRRRRRRRRRRR`: the id is its two numbers; 0 where not. */
const xrayStart = (buf: Uint8Array, start: number, end: number): number => {
  for (let at = start; at + 40 <= end; at++) {
    let i = 0;
    while (i < ROOT.length && buf[at + i] === ROOT[i]) i++;
    if (i < ROOT.length) continue;
    const id = at + ROOT.length;
    const isId = isAllHex(buf, id, id + 8) && buf[id + 8] === 0x2d;
    return isId && isAllHex(buf, id + 9, id + 33) ? id : -1;
  }
  return -1;
};

/**
 * `trace_id` is what came as `x-b3-traceid`, else as `x-request-id`, else as `x-amzn-trace-id`
 * (linkerd2-proxy): its form says which.
 */
const readTrace: Reader = (record, key, buf, start, end) => {
  const size = end - start;
  if (size === 0) return placeOfEmpty(record, C.trace_id);
  if ((size === 16 || size === 32) && isAllHex(buf, start, end))
    return putTraceId(record, 'line', C.trace_id, key, buf, start, end);
  const id = xrayStart(buf, start, end);
  if (id < 0) return putText(record, 'line', C.request_id, key, buf, start, end);
  const { scratch } = record;
  scratch.reserve(32);
  const from = scratch.used;
  scratch.buf.set(buf.subarray(id, id + 8), from);
  scratch.buf.set(buf.subarray(id + 9, id + 33), from + 8);
  scratch.used = from + 32;
  if (!record.has(C.trace_id)) record.set(C.trace_id, scratch.buf, from, from + 32);
  return REST;
};

const putAccess = ownFields({
  'client.id': readIdentity,
  host: textOf(C.authority),
  trace_id: readTrace,
});

const apache = new TextFormat([
  { name: 'client.addr', shape: 'bare' },
  { name: 'client.id', shape: 'bare', put: putAccess },
  { name: 'remote_user', shape: 'bare' },
  { name: 'timestamp', shape: 'bracketed' },
  { name: 'request', shape: 'request' },
  { name: 'status', shape: 'bare' },
]);

/** The proxy logs what comes in to its pod, after the client has shown its certificate. */
const concludeAccess = (record: LogRecord): void => {
  infer(record, C.mesh, WORD.linkerd);
  infer(record, C.direction, WORD.inbound);
  if (record.has(C.source_identity)) infer(record, C.mtls, WORD.true);
  inferAccess(record);
  record.structured = true;
};

const UPTIME = keys.of('uptime');
const LEVEL = keys.of('level');
const THREAD = keys.of('thread_id');
const SPANS = keys.of('spans');
const TARGET = keys.of('target');
const MESSAGE = keys.of('message');
const THREAD_GAP = fixedGap(' ', 'thread_id');

const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** Where the parts of the head matched last stand. */
const head = { uptime: 0, uptimeEnd: 0, level: 0, levelEnd: 0, threadEnd: 0 };
const THREAD_ID = new TextEncoder().encode('ThreadId(');

/** `[  SECONDS.MICROSs]  LEVEL ThreadId(NN) `; the time is since the proxy's start. */
const matchHead = (buf: Uint8Array, start: number, end: number): boolean => {
  let at = start + 1;
  while (at < end && buf[at] === 0x20) at++;
  head.uptime = at;
  while (isDigit(buf[at]) || buf[at] === 0x2e) at++;
  head.uptimeEnd = at;
  if (at + 3 >= end || buf[at] !== 0x73 || buf[at + 1] !== 0x5d || buf[at + 2] !== 0x20)
    return false;
  at += 3;
  while (at < end && buf[at] === 0x20) at++;
  head.level = at;
  while (at < end && (buf[at] as number) >= 0x41 && (buf[at] as number) <= 0x5a) at++;
  head.levelEnd = at;
  if (at === head.level || at >= end || buf[at] !== 0x20) return false;
  at++;
  for (let i = 0; i < THREAD_ID.length; i++) if (buf[at + i] !== THREAD_ID[i]) return false;
  at += THREAD_ID.length;
  while (isDigit(buf[at])) at++;
  if (at + 1 >= end || buf[at] !== 0x29 || buf[at + 1] !== 0x20) return false;
  head.threadEnd = at + 1;
  return true;
};

/** Where `: ` next stands outside braces and quotes; -1 where nowhere before `end`. */
const colonAt = (buf: Uint8Array, start: number, end: number): number => {
  let depth = 0;
  for (let at = start; at + 1 < end; at++) {
    const byte = buf[at];
    if (byte === 0x7b) depth++;
    else if (byte === 0x7d) depth--;
    else if (depth <= 0 && byte === 0x20) return -1;
    else if (depth <= 0 && byte === 0x3a && buf[at + 1] === 0x20) return at;
  }
  return -1;
};

/** A module of Rust's, `linkerd_app_core::serve`: small letters, digits, `_` and `::`. */
const isModule = (buf: Uint8Array, start: number, end: number): boolean => {
  let colons = 0;
  for (let at = start; at < end; at++) {
    const byte = buf[at] as number;
    if (byte === 0x3a) colons++;
    else if (colons % 2 !== 0) return false;
    else if (byte !== 0x5f && !isDigit(byte) && (byte < 0x61 || byte > 0x7a)) return false;
  }
  return end > start && colons % 2 === 0;
};

const putStep = (record: LogRecord, key: Key, gap: Gap, start: number, end: number): void => {
  record.step(gap, putField(record, 'line', key, VALUE.string, record.lineBuf, start, end));
};

/** The spans that the event stands in, its target, and its message with its fields. */
const putEvent = (record: LogRecord, start: number, end: number): void => {
  const { lineBuf } = record;
  let at = start;
  let from = start - 1;
  const first = colonAt(lineBuf, at, end);
  const second = first < 0 ? -1 : colonAt(lineBuf, first + 2, end);
  let target = first;
  const hasSpans =
    second >= 0 &&
    isModule(lineBuf, first + 2, second) &&
    (!isModule(lineBuf, at, first) || startsLinkerd(lineBuf, first + 2, second));
  if (hasSpans) {
    const place = putRest(record, 'line', SPANS, lineBuf, at, first);
    record.step(gapOf(lineBuf, from, at, SPANS), place);
    from = first;
    at = first + 2;
    target = second;
  }
  if (target >= 0 && isModule(lineBuf, at, target)) {
    const place = putRest(record, 'line', TARGET, lineBuf, at, target);
    record.step(gapOf(lineBuf, from, at, TARGET), place);
    if (startsLinkerd(lineBuf, at, target)) infer(record, C.mesh, WORD.linkerd);
    from = target;
    at = target + 2;
  }
  putStep(record, MESSAGE, gapOf(lineBuf, from, at, MESSAGE), at, end);
  record.tail = NO_GAP;
};

const LINKERD = new TextEncoder().encode('linkerd');

const startsLinkerd = (buf: Uint8Array, start: number, end: number): boolean => {
  if (end - start < LINKERD.length) return false;
  for (let i = 0; i < LINKERD.length; i++) if (buf[start + i] !== LINKERD[i]) return false;
  return true;
};

/** The proxy's own log as text. */
const putProxyLog = (record: LogRecord): boolean => {
  const { lineBuf, lineStart, lineEnd } = record;
  if (!matchHead(lineBuf, lineStart, lineEnd)) return false;
  const { uptime, uptimeEnd, level, levelEnd, threadEnd } = head;
  const since = putRest(record, 'line', UPTIME, lineBuf, uptime, uptimeEnd);
  record.step(gapOf(lineBuf, lineStart, uptime, UPTIME), since);
  putStep(record, LEVEL, gapOf(lineBuf, uptimeEnd, level, LEVEL), level, levelEnd);
  const thread = putRest(record, 'line', THREAD, lineBuf, levelEnd + 1, threadEnd);
  record.step(THREAD_GAP, thread);
  putEvent(record, threadEnd + 1, lineEnd);
  record.structured = true;
  return true;
};

/** Older proxies write the time since their start here too, which is no time of the event. */
const putOwnLog = ownFields({
  timestamp: (record, key, buf, start, end) =>
    buf[start] === 0x5b ? REST : putField(record, 'line', key, VALUE.string, buf, start, end),
});

const putJson = (record: LogRecord): boolean => {
  const list = listObject(record);
  if (list === undefined || ownerOf(list) !== 'linkerd') return false;
  const isAccess = list.gaps[0]?.key === CLIENT_ADDR;
  putObject(record, list, isAccess ? putAccess : putOwnLog);
  if (isAccess) concludeAccess(record);
  else infer(record, C.mesh, WORD.linkerd);
  record.structured = true;
  return true;
};

const CLIENT_ADDR = keys.of('client.addr');
const STATUS = 5;

/** `10.42.0.63:51160 `: an address with its port, which the combined format does not have. */
const isApache = (buf: Uint8Array): boolean => {
  const end = apache.end(0);
  let at = end - 1;
  while (at > apache.start(0) && isDigit(buf[at])) at--;
  return at < end - 1 && buf[at] === 0x3a && at > apache.start(0);
};

/**
 * Linkerd's proxy: its access log (`config.linkerd.io/access-log: apache` or `json`) and its own
 * log as text and as JSON (Linkerd, "HTTP access logging", "Modifying the proxy log level").
 */
export const linkerd: Normalizer = {
  name: 'linkerd',
  opens: '{[0123456789 \t',

  recognises(line, start, end) {
    const first = line[start];
    if (opensObject(line, start, end)) return true;
    if (first === 0x5b && line[start + 1] === 0x20) return true;
    return end - start > 40 && (isDigit(first) || first === 0x5b) && line[end - 4] === 0x20;
  },

  normalize(record) {
    const { lineBuf, lineStart, lineEnd } = record;
    const first = lineBuf[lineStart];
    if (first !== 0x5b && !isDigit(first)) return putJson(record);
    if (first === 0x5b && putProxyLog(record)) return true;
    if (!apache.match(lineBuf, lineStart, lineEnd) || !isApache(lineBuf)) return false;
    if (!isNumeric(lineBuf, apache.start(STATUS), apache.end(STATUS))) return false;
    apache.put(record);
    concludeAccess(record);
    return true;
  },
};
