import { C } from '../../model/columns.ts';
import { SEVERITY } from '../../model/severity.ts';
import { isDated, LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

const formats = [
  '<ts:time> <thread_id:number> [<level:text>] [<error_code:text>] [<subsystem:text>] <msg:text>',
  '<ts:time> <thread_id:number> [<level:text>] <msg:text>',
].map((template) => new LinePattern(template));

/**
 * The error log of MySQL 5.7 and later (MySQL, "Error Log Output Format") and of MariaDB: time,
 * thread, level, and in MySQL 8 the error's code and the subsystem.
 */
export const mysql: Normalizer = {
  name: 'mysql',
  opens: '0123456789',

  recognises(line, start, end) {
    if (!isDated(line, start)) return false;
    const stop = Math.min(end - 1, start + 60);
    let at = start + 19;
    while (at < stop && line[at] !== 0x20) at++;
    do at++;
    while (at < stop && (line[at] === 0x20 || isDigit(line[at])));
    return at < stop && line[at] === 0x5b && line[at - 1] === 0x20 && isDigit(line[at - 2]);
  },

  normalize(record) {
    if (putFirst(record, formats) === undefined) return false;
    // Its levels are Error, Warning, Note and System, of which the last two are no faults.
    if (record.numbers[C.severity] === 0) record.numbers[C.severity] = SEVERITY.info;
    return true;
  },
};

const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;
