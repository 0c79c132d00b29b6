import { parsed, parseTime } from '../../model/time.ts';

/**
 * One line of a container runtime's file, read into `found`.
 *
 *     CRI     2026-11-21T10:00:00.123456789Z stdout F text       (P: the text goes on)
 *     Docker  {"log":"text\n","stream":"stdout","time":"..."}    (no \n: the text goes on)
 */
export const found = {
  /** 1 stdout, 2 stderr, 0 where the line is in no wrapper. */
  stdio: 0,
  goesOn: false,
  /** The text, escaped where `isEscaped` (Docker: the inside of a JSON string). */
  start: 0,
  end: 0,
  isEscaped: false,
  seconds: -1,
  nanos: 0,
};

export type Runtime = 'auto' | 'cri' | 'docker';

const SPACE = 0x20;
const BRACE = 0x7b;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LOG = Buffer.from('{"log":"');
const STREAM = Buffer.from('"stream":"std');
const TIME = Buffer.from('"time":"');
/** Longest RFC 3339 time with nanoseconds and zone. */
const TIME_BYTES = 35;

/** Reads `buf[start..end)`; what is in no wrapper that we know is text as it stands. */
export const readContainerLine = (
  buf: Buffer,
  start: number,
  end: number,
  runtime: Runtime,
): void => {
  found.isEscaped = false;
  const isDocker = runtime === 'docker' || (runtime === 'auto' && buf[start] === BRACE);
  if (isDocker ? readDocker(buf, start, end) : readCri(buf, start, end)) return;
  found.stdio = 0;
  found.goesOn = false;
  found.start = start;
  found.end = end;
  found.isEscaped = false;
  found.seconds = -1;
  found.nanos = 0;
};

const readCri = (buf: Buffer, start: number, end: number): boolean => {
  let at = start + 19;
  const stop = Math.min(end, start + TIME_BYTES + 1);
  while (at < stop && buf[at] !== SPACE) at++;
  // ` stdout F`: the blank in front stands at `at`, the tag eight bytes behind it.
  const tag = at + 8;
  if (at >= stop || tag >= end || buf[at + 7] !== SPACE) return false;
  if (buf[at + 1] !== 0x73 || buf[at + 2] !== 0x74 || buf[at + 3] !== 0x64) return false;
  const isOut = buf[at + 4] === 0x6f;
  if (!isOut && buf[at + 4] !== 0x65) return false;
  if (!readTime(buf, start, at)) return false;
  found.stdio = isOut ? 1 : 2;
  found.goesOn = buf[tag] === 0x50;
  // Tags are parted by colons: `P:x` may come one day. The text is behind the next blank.
  let text = tag + 1;
  while (text < end && buf[text] !== SPACE) text++;
  found.start = Math.min(end, text + 1);
  found.end = end;
  return true;
};

const readDocker = (buf: Buffer, start: number, end: number): boolean => {
  const text = start + LOG.length;
  if (end - start < 40 || buf.compare(LOG, 0, LOG.length, start, text) !== 0) return false;
  let quote = text;
  for (;;) {
    quote = buf.indexOf(QUOTE, quote);
    if (quote < 0 || quote >= end) return false;
    let back = quote - 1;
    while (back >= text && buf[back] === BACKSLASH) back--;
    if ((quote - back) % 2 === 1) break;
    quote++;
  }
  const stream = buf.indexOf(STREAM, quote) + STREAM.length;
  const time = buf.indexOf(TIME, quote) + TIME.length;
  if (stream < quote || stream >= end || time < quote || time >= end) return false;
  const timeEnd = buf.indexOf(QUOTE, time);
  if (timeEnd < 0 || timeEnd >= end || !readTime(buf, time, timeEnd)) return false;
  const isFed = quote - 2 >= text && buf[quote - 2] === BACKSLASH && buf[quote - 1] === 0x6e;
  const escape = buf.indexOf(BACKSLASH, text);
  // A backslash before the n may be escaped itself: then all is unescaped before it is judged.
  const isPlain = escape < 0 || escape >= quote || (isFed && escape === quote - 2);
  found.stdio = buf[stream] === 0x65 ? 2 : 1;
  found.start = text;
  found.end = isPlain && isFed ? quote - 2 : quote;
  found.isEscaped = !isPlain;
  found.goesOn = isPlain && !isFed;
  return true;
};

const readTime = (buf: Buffer, start: number, end: number): boolean => {
  if (!parseTime(buf, start, end)) return false;
  found.seconds = parsed.sec;
  found.nanos = parsed.nano;
  return true;
};

/** The text of an escaped line; undefined where it is no JSON string. Sets `found.goesOn`. */
export const unescapeText = (buf: Buffer): Buffer | undefined => {
  try {
    const text: unknown = JSON.parse(`"${buf.toString('utf8', found.start, found.end)}"`);
    if (typeof text !== 'string') return undefined;
    found.goesOn = !text.endsWith('\n');
    return Buffer.from(found.goesOn ? text : text.slice(0, text.endsWith('\r\n') ? -2 : -1));
  } catch {
    return undefined;
  }
};
