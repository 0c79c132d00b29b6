import { isDated, LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

const HEAD = '<ts:text> [<pid:number>] ';
/** What belongs to the message before (`DETAIL`, `STATEMENT`) is named where the level stands. */
const formats = [
  '<level:level>',
  '<user>@<database> <level:level>',
  '<message_field>',
  '<user>@<database> <message_field>',
].map((template) => new LinePattern(`${HEAD}${template}:  <msg:text>`));

/**
 * PostgreSQL's log on its standard error, whose `log_line_prefix` is `%m [%p] ` or Debian's
 * `%m [%p] %q%u@%d `: time with its zone, process, user and database, level, message. A zone that
 * is no offset and not UTC leaves the time as it is written.
 */
export const postgresql: Normalizer = {
  name: 'postgresql',
  opens: '0123456789',

  recognises(line, start, end) {
    if (!isDated(line, start) || line[start + 23] !== 0x20) return false;
    const stop = Math.min(end, start + 36);
    let at = start + 24;
    while (at < stop && isZoneByte(line[at] as number)) at++;
    if (at === start + 24 || line[at] !== 0x20 || line[at + 1] !== 0x5b) return false;
    // A process, and no thread's name behind a level.
    const first = line[at + 2] as number;
    return first >= 0x30 && first <= 0x39;
  },

  normalize: (record) => putFirst(record, formats) !== undefined,
};

/** Capitals, digits and signs. */
const isZoneByte = (byte: number): boolean =>
  (byte >= 0x41 && byte <= 0x5a) ||
  (byte >= 0x30 && byte <= 0x39) ||
  byte === 0x2b ||
  byte === 0x2d;
