import { C } from '../../model/columns.ts';
import { putField, VALUE, type ValueKind } from '../../model/fields.ts';
import { keys, type Key } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
import { severityOfLevel } from '../../model/severity.ts';
import { MAX_TIME_SEC } from '../../model/time.ts';

/**
 * Names that a protocol has for columns beyond those that all envelopes share (fields-names.ts),
 * and the values that several protocols write alike.
 */
export type EnvelopeNames = ReadonlyMap<Key, number>;

/** `{ [C.environment]: 'env' }` in words: column numbers to names separated by spaces. */
export const envelopeNames = (names: Readonly<Record<number, string>>): EnvelopeNames => {
  const found = new Map<Key, number>();
  for (const [column, words] of Object.entries(names))
    for (const word of words.split(' ')) found.set(keys.of(word), Number(column));
  return found;
};

/** Puts a field into the column that the protocol or all envelopes mean by its name. */
export const putNamed = (
  record: LogRecord,
  names: EnvelopeNames,
  key: Key,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  const column = names.get(key);
  if (column !== undefined && kind === VALUE.string && start < end && !record.has(column))
    record.set(column, buf, start, end);
  else putField(record, 'envelope', key, kind, buf, start, end);
};

const TIME = keys.of('timestamp');

/**
 * An event time: seconds, milliseconds and so on since 1970 by its size, or a date. A number that
 * is written with an exponent counts seconds. What is not understood is kept as `timestamp`.
 */
export const putEventTime = (
  record: LogRecord,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  if (kind === VALUE.null || start === end) return;
  if (kind === VALUE.number) {
    const text = latin1(buf, start, end);
    const seconds = /e/i.test(text) ? Number(text) : -1;
    if (seconds > 0 && seconds <= MAX_TIME_SEC && record.timeSec < 0) {
      // A double has microseconds here, and hardly more.
      const micros = Math.round(seconds * 1e6);
      record.setTime(Math.floor(micros / 1e6), (micros % 1e6) * 1_000);
      return;
    }
  }
  putField(record, 'envelope', TIME, kind === VALUE.number ? kind : VALUE.string, buf, start, end);
};

const latin1 = (buf: Uint8Array, start: number, end: number): string =>
  Buffer.from(buf.buffer, buf.byteOffset + start, Math.min(end - start, 64)).toString('latin1');

const SEVERITIES = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'].map(
  (word) => new TextEncoder().encode(word),
);
const LEVEL = keys.of('level');

/** A severity as syslog counts it, 0 to 7; anything else is taken as a level in words. */
export const putSyslogLevel = (
  record: LogRecord,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  const digit = end - start === 1 ? (buf[start] as number) - 0x30 : -1;
  const word = SEVERITIES[digit];
  if (word === undefined || record.has(C.severity_text)) {
    putField(record, 'envelope', LEVEL, kind, buf, start, end);
    return;
  }
  record.numbers[C.severity] = severityOfLevel(digit);
  record.set(C.severity_text, word, 0, word.length);
};

/** A query's parameters, by name; the first of a name counts. Never throws. */
export const queryOf = (query: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>();
  if (query === '') return found;
  for (const [name, value] of new URLSearchParams(query))
    if (!found.has(name)) found.set(name, value);
  return found;
};
