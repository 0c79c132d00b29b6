import { C } from '../../model/columns.ts';
import type { LogRecord } from '../../model/record.ts';
import { setStamp } from './syslog-structured.ts';

/**
 * Cisco's IOS, IOS XE and NX-OS, whose header is none of RFC 3164:
 *
 *   [: ] [sequence: ] [host: ] [*|.]stamp [zone]: %FACILITY-SEVERITY-MNEMONIC: text
 *
 * as in `000035: router1: *Nov 20 10:00:00.123 UTC: %SYS-5-CONFIG_I: ...` and
 * `: 2025 Nov 20 10:00:00 UTC: %ETHPORT-5-IF_UP: ...`. The line begins at `%`.
 */
const MOST_HEADER = 128;
const FORM = new RegExp(
  '^(?:: ?)?(?:(\\d{1,10}): )?(?:([A-Za-z0-9][\\w.:-]*): )?' +
    '[*.]?((?:\\d{4} )?[A-Z][a-z]{2} [ \\d]\\d?(?: \\d{4})? \\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?)' +
    '( [A-Z]{2,5})?: $',
);
const FACILITY = /^%[A-Z][A-Z0-9_]*(?:-[A-Z0-9_]+)*-[0-7]-[A-Z0-9_]+:/;
const PERCENT = 0x25;

/** Reads the header at `at`; the position of the line, or -1, with nothing set. */
export const readCisco = (
  record: LogRecord,
  buf: Uint8Array,
  at: number,
  end: number,
  observedSec: number,
): number => {
  const last = Math.min(end, at + MOST_HEADER);
  let line = at;
  while (line < last && buf[line] !== PERCENT) line++;
  if (line === last || line < at + 2 || buf[line - 1] !== 0x20 || buf[line - 2] !== 0x3a) return -1;
  const bytes = Buffer.from(buf.buffer, buf.byteOffset, buf.length);
  const head = FORM.exec(bytes.toString('latin1', at, line));
  if (head === null || !FACILITY.test(bytes.toString('latin1', line, Math.min(end, line + 64)))) {
    return -1;
  }
  const [, sequence, host, stamp = '', zone = ''] = head;
  if (sequence !== undefined) record.metadata.putText('syslog.sequence', sequence);
  if (host !== undefined && !record.has(C.node)) record.setText(C.node, host);
  if (record.timeSec < 0) {
    // NX-OS has the year in front.
    const turned = stamp.replace(/^(\d{4}) (\w{3} [ \d]\d?)/, '$2 $1');
    // Of other zones only the name is known: the text is kept.
    const isUtc = zone === '' || zone === ' UTC' || zone === ' GMT';
    const text = encoder.encode(isUtc ? turned : turned + zone);
    setStamp(record, text, 0, text.length, observedSec);
  }
  return line;
};

const encoder = new TextEncoder();
