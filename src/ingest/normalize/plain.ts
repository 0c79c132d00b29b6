import { C } from '../../model/columns.ts';
import type { LogRecord } from '../../model/record.ts';
import { severityOfWord } from '../../model/severity.ts';
import { parsed, parseTime } from '../../model/time.ts';
import type { Normalizer } from './normalize.ts';

/** How far into a line a level is looked for: it stands in the head of a line or nowhere. */
const HEAD_BYTES = 256;
/** Longest text of a time at the start of a line. */
const TIME_BYTES = 35;

/** No letter here may start a level's word: most words are passed by after one look. */
const STARTS = new Uint8Array(256);
for (const letter of 'tdeifcnpaws') {
  STARTS[letter.charCodeAt(0)] = 1;
  STARTS[letter.toUpperCase().charCodeAt(0)] = 1;
}

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
const isCapital = (byte: number): boolean => byte >= 0x41 && byte <= 0x5a;
/** What joins a word to its neighbours, so that `error-prone` and `info.html` are no levels. */
const isJoint = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) ||
  byte === 0x2d ||
  byte === 0x5f ||
  byte === 0x2e ||
  byte === 0x2f;

/**
 * Whether the word from `start` to `end` stands where a level does: in capitals (`ERROR`), in
 * brackets (`[error]`), after `=` (`level=error`), or before a colon (`error: ...`).
 */
const standsAsLevel = (
  buf: Uint8Array,
  from: number,
  start: number,
  end: number,
  stop: number,
): boolean => {
  const before = start > from ? (buf[start - 1] as number) : 0x20;
  const after = end < stop ? (buf[end] as number) : 0x20;
  if (isJoint(before) || (isJoint(after) && after !== 0x2e)) return false;
  if (isCapital(buf[start + 1] as number)) return true;
  return (before === 0x5b && after === 0x5d) || before === 0x3d || after === 0x3a;
};

/** Finds the first word that is a level; words of one letter never are. */
const findLevel = (record: LogRecord): void => {
  const { lineBuf, lineStart, lineEnd } = record;
  const stop = Math.min(lineEnd, lineStart + HEAD_BYTES);
  let at = lineStart;
  while (at < stop) {
    if (!isLetter(lineBuf[at] as number)) {
      at++;
      continue;
    }
    const start = at;
    while (at < stop && isLetter(lineBuf[at] as number)) at++;
    const size = at - start;
    if (size < 3 || size > 13 || STARTS[lineBuf[start] as number] === 0) continue;
    const severity = severityOfWord(lineBuf, start, at);
    if (severity === 0 || !standsAsLevel(lineBuf, lineStart, start, at, stop)) continue;
    record.numbers[C.severity] = severity;
    if (!record.has(C.severity_text)) record.set(C.severity_text, lineBuf, start, at);
    return;
  }
};

/**
 * `2025-11-20 10:00:00,123 ...` and `[2025-11-20T10:00:00Z] ...`, where nobody else told the time.
 */
const findTime = (record: LogRecord): void => {
  const { lineBuf, lineStart, lineEnd } = record;
  const start = lineBuf[lineStart] === 0x5b ? lineStart + 1 : lineStart;
  const dash = lineBuf[start + 4];
  if (lineEnd - start < 19 || (dash !== 0x2d && dash !== 0x2f) || lineBuf[start + 13] !== 0x3a)
    return;
  let end = start + 19;
  const stop = Math.min(lineEnd, start + TIME_BYTES);
  while (end < stop && isTimeByte(lineBuf[end] as number)) end++;
  while (end > start + 19 && (lineBuf[end - 1] === 0x2c || lineBuf[end - 1] === 0x3a)) end--;
  if (parseTime(lineBuf, start, end)) record.setTime(parsed.sec, parsed.nano);
};

const isTimeByte = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x3a) || (byte >= 0x2b && byte <= 0x2e) || byte === 0x5a;

/** Text without structure: the line is the body. Only its level and its time are looked for. */
export const plain: Normalizer = {
  name: 'plain',

  recognises: () => true,

  normalize(record) {
    if (record.numbers[C.severity] === 0) findLevel(record);
    if (record.timeSec < 0) findTime(record);
    return true;
  },
};
