import { putField, putTime, VALUE } from '../../model/fields.ts';
import { putRest } from '../../model/fields-put.ts';
import { fixedGap, gapOf, NO_GAP } from '../../model/gap.ts';
import { stringEnd, unescape } from '../../model/json-text.ts';
import { keys } from '../../model/key.ts';
import { dialectOf } from '../../model/layout-json.ts';
import { escapedPlace, REST } from '../../model/placement.ts';
import type { LogRecord } from '../../model/record.ts';
import { parseKlogTime } from '../../model/time.ts';
import type { Normalizer } from './normalize.ts';
import { countPairs, putPairs } from './pairs.ts';

const LEVEL = keys.of('level');
const TIME = keys.of('ts');
const THREAD = keys.of('thread_id');
const CALLER = keys.of('caller');
const MESSAGE = keys.of('msg');

const SPACE = 0x20;
/** `Lmmdd hh:mm:ss.uuuuuu` */
const TIME_END = 21;

/** Where the parts of the header matched last stand, from the line's start. */
let threadStart = 0;
let threadEnd = 0;
let callerEnd = 0;

/** Measures `Lmmdd hh:mm:ss.uuuuuu threadid file:line] `. */
const matchHeader = (buf: Uint8Array, start: number, end: number): boolean => {
  let at = start + TIME_END;
  while (at < end && buf[at] === SPACE) at++;
  threadStart = at;
  while (at < end && isDigit(buf[at])) at++;
  threadEnd = at;
  if (threadEnd === threadStart || buf[at] !== SPACE) return false;
  at++;
  // A bracket here opens an access log's time, not a file name.
  if (buf[at] === 0x5b) return false;
  while (at < end && buf[at] !== 0x5d && buf[at] !== SPACE) at++;
  callerEnd = at;
  if (at >= end || buf[at] !== 0x5d || !isDigit(buf[at - 1])) return false;
  return at + 1 === end || buf[at + 1] === SPACE;
};

const LEVEL_GAP = fixedGap('', 'level');
const TIME_GAP = fixedGap('', 'ts');
const CALLER_GAP = fixedGap(' ', 'caller');
const MESSAGE_GAP = fixedGap('] ', 'msg');
const QUOTED_MESSAGE_GAP = fixedGap('] "', 'msg');

const putKlogTime = (record: LogRecord, start: number, end: number): number => {
  const { lineBuf, timeSec, observedSec } = record;
  const reference = timeSec >= 0 ? timeSec : observedSec;
  const isTime = parseKlogTime(lineBuf, start, end, reference);
  if (!isTime) record.badTimes++;
  const place = isTime ? putTime(record) : REST;
  return place === REST ? putRest(record, 'line', TIME, lineBuf, start, end) : place;
};

const putMessage = (record: LogRecord, start: number, end: number): void => {
  if (putStructured(record, start, end)) return;
  const place = putField(record, 'line', MESSAGE, VALUE.string, record.lineBuf, start, end);
  record.step(MESSAGE_GAP, place);
  record.tail = NO_GAP;
};

/** `"message" key="value"`: klog's structured calls. False where the text is not of that form. */
const putStructured = (record: LogRecord, start: number, end: number): boolean => {
  const { lineBuf, scratch } = record;
  if (lineBuf[start] !== 0x22) return false;
  const quote = stringEnd(lineBuf, start + 1, end);
  if (quote < 0 || countPairs(lineBuf, quote + 1, end) < 0) return false;
  if (quote + 1 < end && lineBuf[quote + 1] !== SPACE) return false;
  const from = unescape(scratch, lineBuf, start + 1, quote);
  const text = scratch.buf.subarray(from, scratch.used);
  const place = putField(record, 'line', MESSAGE, VALUE.string, text, 0, text.length);
  const isPlain = text.length === quote - start - 1;
  const dialect = isPlain ? 0 : dialectOf(lineBuf, start + 1, quote, text);
  record.step(QUOTED_MESSAGE_GAP, isPlain ? place : escapedPlace(place, dialect));
  putPairs(record, quote + 1, end, quote);
  return true;
};

/**
 * klog, the log format of Kubernetes' components (klog v2, "Log header"; glog's before it):
 * `I1120 10:00:00.000000       1 controller.go:114] message`, or a quoted message and its pairs.
 */
export const klog: Normalizer = {
  name: 'klog',
  opens: 'IWEF',

  recognises(line, start, end) {
    if (end - start < 30) return false;
    const letter = line[start];
    return (
      (letter === 0x49 || letter === 0x57 || letter === 0x45 || letter === 0x46) &&
      isDigit(line[start + 1]) &&
      line[start + 5] === SPACE &&
      line[start + 8] === 0x3a &&
      line[start + 14] === 0x2e &&
      line[start + TIME_END] === SPACE
    );
  },

  normalize(record) {
    const { lineBuf, lineStart, lineEnd } = record;
    if (!klog.recognises(lineBuf, lineStart, lineEnd)) return false;
    if (!matchHeader(lineBuf, lineStart, lineEnd)) return false;
    const message = Math.min(callerEnd + 2, lineEnd);
    const time = lineStart + 1;
    const timeEnd = lineStart + TIME_END;
    const level = putField(record, 'line', LEVEL, VALUE.string, lineBuf, lineStart, time);
    record.step(LEVEL_GAP, level);
    record.step(TIME_GAP, putKlogTime(record, time, timeEnd));
    const thread = putRest(record, 'line', THREAD, lineBuf, threadStart, threadEnd);
    record.step(gapOf(lineBuf, timeEnd, threadStart, THREAD), thread);
    const caller = putRest(record, 'line', CALLER, lineBuf, threadEnd + 1, callerEnd);
    record.step(CALLER_GAP, caller);
    if (message < lineEnd) putMessage(record, message, lineEnd);
    else record.tail = gapOf(lineBuf, callerEnd, lineEnd, NO_GAP.key);
    record.structured = true;
    return true;
  },
};

const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;
