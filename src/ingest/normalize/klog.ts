import { putField, readTime, VALUE } from '../../model/fields.ts';
import { stringEnd, unescape } from '../../model/json-text.ts';
import { keys } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
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

/** `"message" key="value"`: klog's structured calls. False where the text is not of that form. */
const putStructured = (record: LogRecord, start: number, end: number): boolean => {
  const { lineBuf, scratch } = record;
  if (lineBuf[start] !== 0x22) return false;
  const quote = stringEnd(lineBuf, start + 1, end);
  if (quote < 0 || countPairs(lineBuf, quote + 1, end) < 0) return false;
  if (quote + 1 < end && lineBuf[quote + 1] !== SPACE) return false;
  const from = unescape(scratch, lineBuf, start + 1, quote);
  putField(record, 'line', MESSAGE, VALUE.string, scratch.buf, from, scratch.used);
  putPairs(record, quote + 1, end);
  return true;
};

/**
 * klog, the log format of Kubernetes' components (klog v2, "Log header"; glog's before it):
 * `I1120 10:00:00.000000       1 controller.go:114] message`, or a quoted message and its pairs.
 */
export const klog: Normalizer = {
  name: 'klog',

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
    putField(record, 'line', LEVEL, VALUE.string, lineBuf, lineStart, lineStart + 1);
    if (!readTime(record, lineBuf, lineStart, lineStart + TIME_END))
      record.attribute(TIME, lineBuf, lineStart + 1, lineStart + TIME_END);
    record.attribute(THREAD, lineBuf, threadStart, threadEnd);
    record.attribute(CALLER, lineBuf, threadEnd + 1, callerEnd);
    if (!putStructured(record, message, lineEnd) && message < lineEnd)
      putField(record, 'line', MESSAGE, VALUE.string, lineBuf, message, lineEnd);
    record.structured = true;
    return true;
  },
};

const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;
