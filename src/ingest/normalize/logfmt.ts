import type { Normalizer } from './normalize.ts';
import { countPairs, putPairs } from './pairs.ts';

/**
 * logfmt: `level=info msg="hello world" took=13ms`, nothing but pairs (go-logfmt). A single pair is
 * too little to tell it from prose.
 */
export const logfmt: Normalizer = {
  name: 'logfmt',

  recognises(line, start, end) {
    let at = start;
    const stop = Math.min(end, start + 64);
    while (at < stop && isNameByte(line[at] as number)) at++;
    return at > start && at < stop && line[at] === 0x3d;
  },

  normalize(record) {
    const { lineBuf, lineStart } = record;
    let { lineEnd } = record;
    while (lineEnd > lineStart && (lineBuf[lineEnd - 1] as number) <= 0x20) lineEnd--;
    if (countPairs(lineBuf, lineStart, lineEnd) < 2) return false;
    putPairs(record, lineStart, lineEnd);
    record.structured = true;
    return true;
  },
};

const isNameByte = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) ||
  ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) ||
  byte === 0x5f ||
  byte === 0x2e ||
  byte === 0x2d ||
  byte === 0x40 ||
  byte === 0x2f;
