import { keys, type Key } from '../../model/key.ts';
import type { Pairs } from '../../model/record.ts';

/**
 * Loki's `detected_level` (grafana/loki, pkg/distributor/field_detection.go): said by a label, else
 * by structured metadata, of these names in this order, else by the line. Words of usual levels are
 * made one; others stand as they are.
 */
const NAMES = [
  'level',
  'LEVEL',
  'Level',
  'log.level',
  'severity',
  'SEVERITY',
  'Severity',
  'SeverityText',
  'lvl',
  'LVL',
  'Lvl',
  'severity_text',
  'Severity_Text',
  'SEVERITY_TEXT',
].map((name) => keys.of(name));

/** Which of the pairs says the level, -1 where none does. */
export const findLevel = (pairs: Pairs): number => {
  let found = -1;
  let place = NAMES.length;
  for (let i = 0; i < pairs.count; i++) {
    const at = NAMES.indexOf(pairs.keys[i] as Key);
    if (at < 0 || at >= place) continue;
    place = at;
    found = i;
  }
  return found;
};

const encoder = new TextEncoder();
const WORDS = Object.entries({
  trace: 'trace',
  trc: 'trace',
  debug: 'debug',
  dbg: 'debug',
  info: 'info',
  inf: 'info',
  information: 'info',
  warn: 'warn',
  wrn: 'warn',
  warning: 'warn',
  error: 'error',
  err: 'error',
  critical: 'critical',
  fatal: 'fatal',
}).map(([word, level]) => ({ word: encoder.encode(word), level: encoder.encode(level) }));

/** The level that a word in any case stands for; undefined for words that Loki leaves alone. */
export const levelOf = (buf: Uint8Array, start: number, end: number): Uint8Array | undefined => {
  for (const { word, level } of WORDS) {
    if (word.length !== end - start) continue;
    let i = 0;
    while (i < word.length && ((buf[start + i] as number) | 0x20) === word[i]) i++;
    if (i === word.length) return level;
  }
  return undefined;
};
