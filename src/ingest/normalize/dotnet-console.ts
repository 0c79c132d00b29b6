import { C } from '../../model/columns.ts';
import { SEVERITY } from '../../model/severity.ts';
import { LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

/** The message stands in lines of its own, indented; collectors that do not join give the head. */
const formats = [
  '<level>: <logger>[<event_id:number>]\n  <msg:text>',
  '<level>: <logger>[<event_id:number>]',
].map((template) => new LinePattern(template));

/** The words of SimpleConsoleFormatter; those that are nobody else's have their severity here. */
const LEVELS = ['trce', 'dbug', 'info', 'warn', 'fail', 'crit'].map((word) =>
  new TextEncoder().encode(`${word}: `),
);
const SEVERITIES = [SEVERITY.trace, SEVERITY.debug, SEVERITY.info, SEVERITY.warn, SEVERITY.error];

const levelAt = (line: Uint8Array, start: number): number =>
  line[start + 4] !== 0x3a
    ? -1
    : LEVELS.findIndex((word) => word.every((byte, i) => line[start + i] === byte));

/**
 * .NET's console (Microsoft.Extensions.Logging.Console, the simple formatter): `info: Category[0]`
 * and the message in the next line.
 */
export const dotnetConsole: Normalizer = {
  name: 'dotnet-console',
  opens: 'tdiwfc',

  recognises: (line, start) => levelAt(line, start) >= 0,

  normalize(record) {
    const level = levelAt(record.lineBuf, record.lineStart);
    if (level < 0 || putFirst(record, formats) === undefined) return false;
    if (record.numbers[C.severity] === 0)
      record.numbers[C.severity] = SEVERITIES[level] ?? SEVERITY.critical;
    return true;
  },
};
