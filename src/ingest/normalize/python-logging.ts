import { LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

const formats = [
  '<ts:time> - <logger> - <level:level> - <msg:text>',
  '<ts:time> - <level:level> - <msg:text>',
  '[<ts:stamp>] [<pid:number>] [<level:level>] <msg:text>',
].map((template) => new LinePattern(template));

/** `basicConfig` without a format: level, logger, message. */
const basic = [new LinePattern('<level:level>:<logger>:<msg:text>')];

/** The words of Python's levels, of which a line of `basicConfig` begins with one. */
const LEVELS = ['DEBUG:', 'INFO:', 'WARNING:', 'ERROR:', 'CRITICAL:'].map((word) =>
  new TextEncoder().encode(word),
);

const opensBasic = (line: Uint8Array, start: number): boolean =>
  LEVELS.some(
    (word) => line[start] === word[0] && word.every((byte, i) => line[start + i] === byte),
  );

/** `2025-11-20 10:00:00,123 - `, and `[2025-11-20 10:00:00 +0000] [`. */
const opensDated = (line: Uint8Array, start: number): boolean =>
  (line[start + 4] === 0x2d && line[start + 24] === 0x2d && line[start + 23] === 0x20) ||
  (line[start] === 0x5b && line[start + 26] === 0x5d && line[start + 28] === 0x5b);

/**
 * Python's logging: the format of its how-to (time, logger, level, message, with dashes between),
 * the default of `basicConfig` (`WARNING:root:message`), and gunicorn's.
 */
export const pythonLogging: Normalizer = {
  name: 'python-logging',
  opens: '0123456789[DIWEC',

  recognises: (line, start) => opensDated(line, start) || opensBasic(line, start),

  normalize(record) {
    const { lineBuf, lineStart } = record;
    const patterns = opensDated(lineBuf, lineStart) ? formats : basic;
    return putFirst(record, patterns) !== undefined;
  },
};
