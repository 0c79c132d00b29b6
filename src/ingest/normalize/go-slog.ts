import { LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

const formats = [new LinePattern('<ts:time> <level:level> <msg:text>')];

/**
 * Go's log/slog before a handler is set: the standard logger's time, the level in capitals, the
 * message with its pairs, which are left in it.
 */
export const goSlog: Normalizer = {
  name: 'go-slog',
  opens: '0123456789',

  recognises: (line, start) =>
    line[start + 4] === 0x2f &&
    line[start + 7] === 0x2f &&
    line[start + 13] === 0x3a &&
    isCapital(line[start + 20]) &&
    isCapital(line[start + 21]),

  normalize: (record) => putFirst(record, formats) !== undefined,
};

const isCapital = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x41 && byte <= 0x5a;
