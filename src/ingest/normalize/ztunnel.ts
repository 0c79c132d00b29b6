import { C } from '../../model/columns.ts';
import { parseCount } from '../../model/duration.ts';
import { putField, VALUE } from '../../model/fields.ts';
import { putNumber } from '../../model/fields-put.ts';
import { gapOf } from '../../model/gap.ts';
import { keys, type Key } from '../../model/key.ts';
import { columnOf, kindOf, PLACE, REST } from '../../model/placement.ts';
import type { LogRecord } from '../../model/record.ts';
import { inferAccess, inferIstio } from './conclude.ts';
import type { Normalizer } from './normalize.ts';
import { opensObject, ownerOf } from './object-owner.ts';
import { listObject, ownFields, putObject, textOf } from './own-fields.ts';
import { countPairs, putPairs } from './pairs.ts';
import { infer, WORD } from './words.ts';

const TIME = keys.of('time');
const LEVEL = keys.of('level');
const MESSAGE = keys.of('message');

/** What the connection's end was, where the line says an error; `end < 0` where it says none. */
const failure: { buf: Uint8Array; start: number; end: number } = {
  buf: new Uint8Array(0),
  start: 0,
  end: -1,
};

const put = ownFields({
  'src.identity': textOf(C.source_identity),
  'dst.identity': textOf(C.destination_identity),
  'dst.service': textOf(C.destination_service),
  direction: textOf(C.direction),
  bytes_recv: (record, _key, buf, start, end) => {
    const value = parseCount(buf, start, end);
    return value >= 0 && putNumber(record, C.bytes_in, value) ? C.bytes_in | PLACE.number : REST;
  },
  error: (_record, _key, buf, start, end) => {
    failure.buf = buf;
    failure.start = start;
    failure.end = end;
    return REST;
  },
});

const isOutbound = (record: LogRecord): boolean =>
  record.bufs[C.direction]?.[record.starts[C.direction] as number] === 0x6f;

/**
 * ztunnel counts as seen by its own side: at the client's, sent is the request. The record's
 * `bytes_in` is the request at both (as Envoy's is).
 */
const turnBytes = (record: LogRecord): void => {
  const { numbers, places, steps } = record;
  const received = numbers[C.bytes_in] as number;
  numbers[C.bytes_in] = numbers[C.bytes_out] as number;
  numbers[C.bytes_out] = received;
  for (let i = 0; i < steps; i++) {
    const place = places[i] as number;
    if (place < 0 || kindOf(place) !== PLACE.number) continue;
    if (columnOf(place) === C.bytes_in) places[i] = C.bytes_out | PLACE.number;
    else if (columnOf(place) === C.bytes_out) places[i] = C.bytes_in | PLACE.number;
  }
};

const REJECTION = new TextEncoder().encode('policy rejection');

const isRejected = (): boolean => {
  for (let at = failure.start; at < failure.end; at++)
    if (isText(failure.buf, at, failure.end, REJECTION)) return true;
  return false;
};

/**
 * Identities stand in the line only under mutual TLS. At the client's side they may be those that
 * were expected: where the connection failed, they prove nothing.
 */
const concludeConnection = (record: LogRecord, canTurn: boolean): void => {
  const outbound = record.has(C.direction) && isOutbound(record);
  if (outbound && canTurn) turnBytes(record);
  const known = record.has(C.source_identity) && record.has(C.destination_identity);
  if (known && (failure.end < 0 || (record.has(C.direction) && !outbound)))
    infer(record, C.mtls, WORD.true);
  if (isRejected()) infer(record, C.policy_decision, WORD.deny);
  inferIstio(record);
  inferAccess(record);
  record.structured = true;
};

/** Nobody else has set them: then both numbers are the line's. */
const hasNoBytes = (record: LogRecord): boolean =>
  record.numbers[C.bytes_in] === 0 && record.numbers[C.bytes_out] === 0;

const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09;

/** Where the parts of the head matched last stand. */
const head = { timeEnd: 0, level: 0, levelEnd: 0, message: 0, messageEnd: 0 };

const skipBlanks = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end && isBlank(buf[at])) at++;
  return at;
};

const wordEnd = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end && !isBlank(buf[at])) at++;
  return at;
};

const isText = (buf: Uint8Array, start: number, end: number, text: Uint8Array): boolean => {
  if (end - start < text.length) return false;
  for (let i = 0; i < text.length; i++) if (buf[start + i] !== text[i]) return false;
  return true;
};

const encoder = new TextEncoder();
const ACCESS = encoder.encode('access');
const CONNECTION = encoder.encode('connection ');

/** `TIME LEVEL access[:] connection WORD `, blanks or tabs between. */
const matchHead = (buf: Uint8Array, start: number, end: number): boolean => {
  head.timeEnd = wordEnd(buf, start, Math.min(end, start + 40));
  head.level = skipBlanks(buf, head.timeEnd, end);
  head.levelEnd = wordEnd(buf, head.level, Math.min(end, head.level + 8));
  const scope = skipBlanks(buf, head.levelEnd, end);
  const scopeEnd = wordEnd(buf, scope, Math.min(end, scope + 8));
  const isScope = scopeEnd === scope + 6 || (scopeEnd === scope + 7 && buf[scope + 6] === 0x3a);
  if (!isScope || !isText(buf, scope, end, ACCESS)) return false;
  head.message = skipBlanks(buf, scopeEnd, end);
  if (!isText(buf, head.message, end, CONNECTION)) return false;
  head.messageEnd = wordEnd(buf, head.message + CONNECTION.length, end);
  return head.levelEnd > head.level && head.messageEnd < end;
};

const putHead = (record: LogRecord): void => {
  const { lineBuf, lineStart } = record;
  const { timeEnd, level, levelEnd, message, messageEnd } = head;
  const step = (key: Key, from: number, start: number, end: number): void => {
    const place = putField(record, 'line', key, VALUE.string, lineBuf, start, end);
    record.step(gapOf(lineBuf, from, start, key), place);
  };
  step(TIME, lineStart, lineStart, timeEnd);
  step(LEVEL, timeEnd, level, levelEnd);
  step(MESSAGE, levelEnd, message, messageEnd);
};

/**
 * Istio ambient's ztunnel: its access log, as text (`TIME info access connection complete
 * src.addr=... direction="inbound" bytes_sent=1 ...`) and as JSON (istio/ztunnel, "Logging").
 */
export const ztunnel: Normalizer = {
  name: 'ztunnel',
  opens: '{2 \t',

  recognises(line, start, end) {
    if (opensObject(line, start, end)) return true;
    return end - start > 60 && line[start] === 0x32 && line[start + 10] === 0x54;
  },

  normalize(record) {
    const { lineBuf, lineStart, lineEnd } = record;
    const canTurn = hasNoBytes(record);
    failure.end = -1;
    if (lineBuf[lineStart] !== 0x32) {
      const list = listObject(record);
      if (list === undefined || ownerOf(list) !== 'ztunnel') return false;
      putObject(record, list, put);
    } else {
      if (!matchHead(lineBuf, lineStart, lineEnd)) return false;
      const pairs = skipBlanks(lineBuf, head.messageEnd, lineEnd);
      if (countPairs(lineBuf, pairs, lineEnd) < 1) return false;
      putHead(record);
      putPairs(record, pairs, lineEnd, head.messageEnd, put);
    }
    concludeConnection(record, canTurn);
    return true;
  },
};
