import { isDated, LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

/** Longest text of a time. */
const TIME_BYTES = 36;

const THREAD = '[<thread_name:text>]';
const HEAD = '<ts:time>  ';
const threadFirst = [new LinePattern(`${HEAD}${THREAD}  <level:level>  <logger>  - <msg:text>`)];
const levelFirst = [
  new LinePattern(`${HEAD}<level:level>(?  ${THREAD})  <logger>(?  ${THREAD})  - <msg:text>`),
];

/** The first byte behind the time, which ends with its second or a part of it. */
const behindTime = (line: Uint8Array, start: number): number | undefined => {
  let at = start + 19;
  while (at < start + TIME_BYTES && line[at] !== 0x20) at++;
  while (line[at] === 0x20) at++;
  return line[at];
};

/** How far in the dash before the message is: behind thread and logger. */
const HEAD_BYTES = 256;

/** Many lines begin with a time and a level; ` - ` is what tells these. */
const hasDash = (line: Uint8Array, start: number, end: number): boolean => {
  const stop = Math.min(end - 1, start + HEAD_BYTES);
  for (let at = start + 24; at < stop; at++)
    if (line[at] === 0x2d && line[at + 1] === 0x20 && line[at - 1] === 0x20) return true;
  return false;
};

/**
 * The usual patterns of log4j, log4j2 and logback: time, level, thread and logger in the orders
 * that their manuals show, ` - ` and the message.
 */
export const logback: Normalizer = {
  name: 'logback',
  opens: '0123456789',

  recognises(line, start, end) {
    if (!isDated(line, start)) return false;
    const next = behindTime(line, start);
    return (next === 0x5b || isCapital(next)) && hasDash(line, start, end);
  },

  normalize(record) {
    const next = behindTime(record.lineBuf, record.lineStart);
    return putFirst(record, next === 0x5b ? threadFirst : levelFirst) !== undefined;
  },
};

const isCapital = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x41 && byte <= 0x5a;
