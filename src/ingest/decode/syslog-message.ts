import { C } from '../../model/columns.ts';
import { keys } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
import { severityOfLevel } from '../../model/severity.ts';
import type { EventSink } from './decode.ts';
import { readCisco } from './syslog-cisco.ts';
import { readStructured, setProcid, setStamp, skipMark } from './syslog-structured.ts';

/**
 * One syslog message into the record: RFC 5424, or RFC 3164 as it is found in the wild.
 *
 *   [space, BOM] ['<' PRI '>'] ── VERSION SP stamp ──► RFC 5424 header ──► MSG
 *                     │                                     │ broken
 *                     └──────────────► [stamp] ◄────────────┘
 *                                         │
 *            no stamp: [tag[pid]:] MSG ◄──┴──► [host] [tag[pid]:] MSG
 *
 * MSG is the line: in RFC 5424 the bytes behind the byte order mark (also the space that rsyslog's
 * template has in front), in RFC 3164 those behind `tag: `. A tag without colon names the service
 * and stays in the line, for it may be its first word as well. Without PRI the whole text is the
 * line, under PRI 13 (RFC 3164, 4.3.3). Stamps without zone are UTC; without year, of the year that
 * puts them nearest to the time of receipt.
 */
const FACILITY = keys.of('syslog.facility');
const encoder = new TextEncoder();
const words = (text: string): Uint8Array[] => text.split(' ').map((word) => encoder.encode(word));
/** RFC 5424, table 2; names as in syslog.h and the OpenTelemetry collector. */
const SEVERITIES = words('emerg alert crit err warning notice info debug');
/** RFC 5424, table 1. */
const FACILITIES = words(
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock ' +
    'local0 local1 local2 local3 local4 local5 local6 local7',
);
const DEFAULT_PRI = 13;

const SPACE = 0x20;
const COLON = 0x3a;
const OPEN = 0x5b;
const CLOSE = 0x5d;

/** Longest tag: RFC 3164 says 32, in practice program names are longer. */
const TAG_BYTES = 64;
const BARE_TAG_BYTES = 32;

/** What may stand in a tag before its colon: letters, digits and what program names are made of. */
const TAG = new Uint8Array(128);
/** What may stand in a tag without colon. */
const BARE = new Uint8Array(128);
for (let byte = 0x21; byte < 0x7f; byte++) {
  const letter = String.fromCharCode(byte);
  if (/[\w./@()+#~-]/.test(letter)) TAG[byte] = 1;
  if (/[\w./-]/.test(letter)) BARE[byte] = 1;
}

/** What was read in front of a tag. */
const NOTHING = 0;
const STAMP = 1;
const HOST = 2;

const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;

const isLetter = (byte = 0): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

/** Commits the message in `buf` from `start` to `end`, of which `cutBytes` were left out. */
export const putMessage = (
  sink: EventSink,
  buf: Uint8Array,
  start: number,
  end: number,
  cutBytes: number,
): void => {
  const record = sink.begin();
  readMessage(record, buf, start, end, sink.observedSec);
  record.cutBytes = cutBytes;
  sink.commit();
};

/** Sets line and envelope from the message in `buf` from `start` to `end`. */
export const readMessage = (
  record: LogRecord,
  buf: Uint8Array,
  start: number,
  end: number,
  observedSec: number,
): void => {
  const at = readPri(record, buf, skipGarbage(buf, start, end), end);
  if (at < 0) {
    setPri(record, DEFAULT_PRI);
    record.setLine(buf, start, end);
    return;
  }
  const structured = readStructured(record, buf, at, end);
  const line = structured >= 0 ? structured : readTraditional(record, buf, at, end, observedSec);
  record.setLine(buf, skipMark(buf, line, end), end);
};

/** Behind what some senders put in front of PRI: white space, a byte order mark. */
const skipGarbage = (buf: Uint8Array, at: number, end: number): number => {
  for (; at < end; at++) {
    const byte = buf[at] as number;
    if (byte > SPACE && byte !== 0xef && byte !== 0xbb && byte !== 0xbf) break;
  }
  return at;
};

/** Reads `<0>` to `<191>`; the position behind it, or -1. */
const readPri = (record: LogRecord, buf: Uint8Array, at: number, end: number): number => {
  if (at >= end || buf[at] !== 0x3c) return -1;
  let pri = 0;
  let next = at + 1;
  for (; next < end && next - at <= 3 && isDigit(buf[next]); next++)
    pri = pri * 10 + (buf[next] as number) - 0x30;
  if (next === at + 1 || next >= end || buf[next] !== 0x3e || pri > 191) return -1;
  setPri(record, pri);
  return next + 1;
};

const setPri = (record: LogRecord, pri: number): void => {
  const word = SEVERITIES[pri & 7] as Uint8Array;
  record.numbers[C.severity] = severityOfLevel(pri & 7);
  record.set(C.severity_text, word, 0, word.length);
  const facility = FACILITIES[pri >> 3] as Uint8Array;
  record.metadata.put(FACILITY, facility, 0, facility.length);
};

const tokenEnd = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end && buf[at] !== SPACE) at++;
  return at;
};

/** RFC 3164 behind PRI; the position of the line. */
const readTraditional = (
  record: LogRecord,
  buf: Uint8Array,
  start: number,
  end: number,
  observedSec: number,
): number => {
  let at = start;
  while (at < end && buf[at] === SPACE) at++;
  const cisco = readCisco(record, buf, at, end, observedSec);
  if (cisco >= 0) return cisco;
  // Cisco: `*` and `.` mean that the clock is not synchronised.
  const stamp = buf[at] === 0x2a || buf[at] === 0x2e ? at + 1 : at;
  const stop = stampEnd(buf, stamp, end);
  if (stop < 0) return readTag(record, buf, start, end, NOTHING);
  setStamp(record, buf, stamp, buf[stop - 1] === COLON ? stop - 1 : stop, observedSec);
  at = stop < end ? stop + 1 : end;
  const tokenStop = tokenEnd(buf, at, end);
  const last = buf[tokenStop - 1];
  const isTag = last === COLON || last === CLOSE || pidOpen(buf, at, tokenStop) > 0;
  if (tokenStop === end || tokenStop === at || isTag) return readTag(record, buf, at, end, STAMP);
  record.set(C.node, buf, at, tokenStop);
  at = tokenStop + 1;
  // Cisco ASA: `host : %ASA-...`.
  if (buf[at] === COLON && buf[at + 1] === SPACE && at + 1 < end) return at + 2;
  const relayed = readCisco(record, buf, at, end, observedSec);
  return relayed >= 0 ? relayed : readTag(record, buf, at, end, HOST);
};

/**
 * Where the stamp at `at` ends: `Nov 20 10:00:00`, with a year before or behind the time and with a
 * fraction, or ISO 8601 with `T` or a space; -1 where there is none.
 */
const stampEnd = (buf: Uint8Array, at: number, end: number): number => {
  const isIso = buf[at + 4] === 0x2d && buf[at + 7] === 0x2d && isDigit(buf[at]);
  if (isIso && end - at >= 16) {
    if (buf[at + 10] === SPACE) return buf[at + 13] === COLON ? tokenEnd(buf, at + 11, end) : -1;
    return (buf[at + 10] as number) === 0x54 ? tokenEnd(buf, at, end) : -1;
  }
  if (end - at < 15 || buf[at + 3] !== SPACE || !isMonth(buf, at)) return -1;
  let next = at + 4;
  if (buf[next] === SPACE) next++;
  if (!isDigit(buf[next])) return -1;
  next += isDigit(buf[next + 1]) ? 2 : 1;
  if (buf[next] !== SPACE) return -1;
  if (isYear(buf, next, end)) next += 5;
  if (next + 6 > end || !isDigit(buf[next + 1]) || buf[next + 3] !== COLON) return -1;
  const stop = tokenEnd(buf, next + 1, end);
  return isYear(buf, stop, end) ? stop + 5 : stop;
};

/** ` 2025 ` at `at`. */
const isYear = (buf: Uint8Array, at: number, end: number): boolean => {
  if (at + 5 >= end || buf[at] !== SPACE || buf[at + 5] !== SPACE) return false;
  for (let i = 1; i < 5; i++) if (!isDigit(buf[at + i])) return false;
  return buf[at + 1] === 0x31 || buf[at + 1] === 0x32;
};

const MONTHS = new Set(
  'jan feb mar apr may jun jul aug sep oct nov dec'
    .split(' ')
    .map((name) => (name.charCodeAt(0) << 16) | (name.charCodeAt(1) << 8) | name.charCodeAt(2)),
);

const isMonth = (buf: Uint8Array, at: number): boolean =>
  MONTHS.has(
    ((buf[at] as number) << 16) |
      ((buf[at + 1] as number) << 8) |
      (buf[at + 2] as number) |
      0x202020,
  );

/** The bracket of `tag[pid]` or `tag[pid]:` from `at` to `end`; -1 where the token is not that. */
const pidOpen = (buf: Uint8Array, at: number, end: number): number => {
  const stop = buf[end - 1] === COLON ? end - 2 : end - 1;
  if (stop <= at || buf[stop] !== CLOSE) return -1;
  let open = at;
  while (open < stop && TAG[buf[open] as number] === 1) open++;
  return open > at && open - at <= TAG_BYTES && buf[open] === OPEN ? open : -1;
};

/**
 * Reads a tag at `at`; the position of the line. Behind a host every form is a tag; elsewhere only
 * those that cannot be prose: `tag[pid]` and, behind a stamp, `tag:`.
 */
const readTag = (
  record: LogRecord,
  buf: Uint8Array,
  at: number,
  end: number,
  behind: typeof NOTHING | typeof STAMP | typeof HOST,
): number => {
  const stop = tokenEnd(buf, at, end);
  const open = pidOpen(buf, at, stop);
  if (open > 0) {
    record.set(C.service, buf, at, open);
    setProcid(record, buf, open + 1, buf[stop - 1] === COLON ? stop - 2 : stop - 1);
    return Math.min(stop + 1, end);
  }
  let name = at;
  while (name < stop && TAG[buf[name] as number] === 1) name++;
  if (name > at && name - at <= TAG_BYTES && buf[name] === COLON && name + 1 === stop) {
    if (behind === NOTHING) return at;
    record.set(C.service, buf, at, name);
    return Math.min(stop + 1, end);
  }
  if (behind !== HOST || stop - at > BARE_TAG_BYTES || !isLetter(buf[at])) return at;
  let bare = at;
  while (bare < stop && BARE[buf[bare] as number] === 1) bare++;
  if (bare === stop && bare > at) record.set(C.service, buf, at, stop);
  return at;
};
