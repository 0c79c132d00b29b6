import { C } from './columns.ts';
import type { LogRecord } from './record.ts';
import { SEVERITY } from './severity.ts';

/**
 * The level of a line by its words, as Loki guesses it where no field says it (grafana/loki,
 * pkg/distributor/field_detection.go): of `error`, `warn` and their like the one that comes first,
 * in any case, between blanks, quotes, brackets and what may end a word.
 */
const WORDS = (
  [
    ['trace', SEVERITY.trace],
    ['debug', SEVERITY.debug],
    ['fatal', SEVERITY.fatal],
    ['critical', SEVERITY.critical],
    ['error', SEVERITY.error],
    ['err', SEVERITY.error],
    ['warning', SEVERITY.warn],
    ['warn', SEVERITY.warn],
    ['info', SEVERITY.info],
  ] as const
).map(([text, severity]) => ({ bytes: new TextEncoder().encode(text), severity }));

const flags = (text: string): Uint8Array => {
  const set = new Uint8Array(256);
  for (let i = 0; i < text.length; i++) set[text.charCodeAt(i)] = 1;
  return set;
};

const LEFT = flags(' \t\n[({"\'=|');
const RIGHT = flags(' \t\n[](){}:,!"\'=|');
/** Letters that a word begins with, small and capital. */
const FIRST = flags('tdfcewiTDFCEWI');

/** Sets severity and its text where one of the line's words is a level. */
export const guessLevel = (record: LogRecord): void => {
  const { receivedBuf: buf, receivedStart: start, receivedEnd: end } = record;
  for (let at = start; at < end; at++) {
    if (FIRST[buf[at] as number] === 0) continue;
    if (at > start && LEFT[buf[at - 1] as number] === 0) continue;
    for (const { bytes, severity } of WORDS) {
      const stop = at + bytes.length;
      if (stop > end || (stop < end && RIGHT[buf[stop] as number] === 0)) continue;
      let i = 0;
      while (i < bytes.length && ((buf[at + i] as number) | 0x20) === bytes[i]) i++;
      if (i < bytes.length) continue;
      record.numbers[C.severity] = severity;
      if (!record.has(C.severity_text)) record.set(C.severity_text, buf, at, stop);
      return;
    }
  }
};
