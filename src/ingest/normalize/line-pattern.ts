import { putText } from '../../model/fields-put.ts';
import { fixedGap, gapOf, NO_GAP, type Gap } from '../../model/gap.ts';
import { keys, type Key } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
import { severityOfWord } from '../../model/severity.ts';
import { parsed, parseTime } from '../../model/time.ts';
import { putRequest, putToken } from './text-format.ts';

/**
 * What a hole of a pattern takes:
 * - `word` up to what stands behind it in the pattern, or a space; one byte at least
 * - `number` digits with or without a sign, or `-`
 * - `level` letters that are a severity's word
 * - `time` a time that begins with its date (`2025-11-20 10:00:00,123`), as far as it goes
 * - `stamp` a time in any form, up to what stands behind it
 * - `syslog` the 15 bytes of RFC 3164's time
 * - `text` up to what stands behind it, the line's end for the last; may be empty
 * - `request` the same: method, path and protocol
 */
export type Take = 'word' | 'number' | 'level' | 'time' | 'stamp' | 'syslog' | 'text' | 'request';

/** How a value is put where its name does not say so. */
export interface Putting {
  /** Nanoseconds of one, for durations. */
  readonly unit?: number;
  /** Column of such a duration; `duration_ns` where it is left out. */
  readonly column?: number;
  /** Column of text under a name that elsewhere means something else. */
  readonly text?: number;
  /** `-` is a value of its own. */
  readonly dash?: true;
}

interface Part extends Putting {
  readonly before: Uint8Array;
  readonly take: Take;
  readonly key: Key;
  /** What closes it where it may be followed by something that is not always there. */
  after: Uint8Array;
  readonly isOptional: boolean;
  /** First byte behind it, and all of them; none for a value that ends the line. */
  follow: Uint8Array;
  /** The gap that stood before it last: lines of one look have the same. */
  gap: Gap;
}

const encoder = new TextEncoder();
const SPACE = 0x20;
/** Stand for one space or more in a literal, and for any number of them. */
const SPACES = 0x00;
const ANY_SPACES = 0x01;
/** Longest text of a time. */
const TIME_BYTES = 40;
const MOST_DIGITS = 20;

const literalOf = (text: string): Uint8Array =>
  encoder.encode(text.replaceAll(/ {2,}/g, '\0').replaceAll('~', '\u0001'));

/**
 * A line's look in one string: literals, and holes as `<name>` or `<name:take>`. Two spaces stand
 * for one or more, `~` for any number. `(?...)` around a hole and its literals: may be missing.
 * Names say their column (see fields-names.ts). There is no way back: each value ends where the
 * first thing behind it stands, so that a match costs no more than the line's length.
 */
export class LinePattern {
  private readonly parts: readonly Part[];
  private readonly tail: Uint8Array;
  private readonly isOpen: boolean;
  private readonly starts: Int32Array;
  private readonly ends: Int32Array;
  private tailGap: Gap = NO_GAP;

  /** `isOpen`: of the line's beginning only, what comes behind it is another pattern's. */
  constructor(template: string, putting: Readonly<Record<string, Putting>> = {}, isOpen = false) {
    const [parts, tail] = partsOf(template, putting);
    this.parts = parts;
    this.tail = tail;
    this.isOpen = isOpen;
    this.starts = new Int32Array(parts.length);
    this.ends = new Int32Array(parts.length);
  }

  /**
   * Whether the line is of this look; its values are remembered for `put`.
   * @param referenceSec near which a time without a year lies, see `parseTime`
   * @returns the position behind it, which is the line's end unless the pattern is open; -1 where
   * it does not fit
   */
  match(buf: Uint8Array, start: number, end: number, referenceSec = 0): number {
    const { parts, starts, ends } = this;
    let at = start;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as Part;
      const value = behind(part.before, buf, at, end);
      const stop = value < 0 ? -1 : this.valueEnd(i, buf, value, end, referenceSec);
      const close = stop < 0 ? -1 : behind(part.after, buf, stop, end);
      starts[i] = close < 0 ? -1 : value;
      ends[i] = stop;
      if (close >= 0) at = close;
      else if (!part.isOptional) return -1;
    }
    at = behind(this.tail, buf, at, end);
    return at === end || this.isOpen ? at : -1;
  }

  private valueEnd(
    i: number,
    buf: Uint8Array,
    at: number,
    end: number,
    referenceSec: number,
  ): number {
    const { take, follow } = this.parts[i] as Part;
    switch (take) {
      case 'word':
        return wordEnd(buf, at, end, follow);
      case 'number':
        return numberEnd(buf, at, end);
      case 'level':
        return levelEnd(buf, at, end);
      case 'time':
        return timeEnd(buf, at, end);
      case 'syslog':
        return parseTime(buf, at, Math.min(end, at + 15), referenceSec) ? at + 15 : -1;
      case 'stamp': {
        const stop = find(follow, buf, at, Math.min(end, at + TIME_BYTES + follow.length));
        return stop >= 0 && parseTime(buf, at, stop, referenceSec) ? stop : -1;
      }
      default:
        if (i + 1 === this.parts.length && follow === this.tail) return this.lastEnd(buf, at, end);
        return find(follow, buf, at, end);
    }
  }

  /** The line's last value ends where only the pattern's tail is left. */
  private lastEnd(buf: Uint8Array, at: number, end: number): number {
    const stop = end - this.tail.length;
    return stop >= at && behind(this.tail, buf, stop, end) === end ? stop : -1;
  }

  /** The first byte and the end of a hole's value, by its place; -1 where it is missing. */
  start(i: number): number {
    return this.starts[i] as number;
  }

  end(i: number): number {
    return this.ends[i] as number;
  }

  /**
   * Puts the matched values into the record, and the way through them from `before`, where the
   * step before ended.
   * @returns where the last value ended
   */
  put(record: LogRecord, before: number): number {
    const { parts, starts, ends } = this;
    const buf = record.lineBuf;
    for (let i = 0; i < parts.length; i++) {
      const start = starts[i] as number;
      if (start < 0) continue;
      const part = parts[i] as Part;
      const end = ends[i] as number;
      if (!isGap(part.gap, buf, before, start)) part.gap = gapOf(buf, before, start, part.key);
      if (part.take === 'request') putRequest(record, part.gap, buf, start, end);
      else record.step(part.gap, putValue(record, part, buf, start, end));
      before = end;
    }
    if (this.isOpen) return before;
    const { lineEnd } = record;
    if (!isGap(this.tailGap, buf, before, lineEnd))
      this.tailGap = gapOf(buf, before, lineEnd, NO_GAP.key);
    record.tail = this.tailGap;
    return before;
  }
}

/** Puts the first of the patterns that fits the record's line; undefined where none does. */
export const putFirst = (
  record: LogRecord,
  patterns: readonly LinePattern[],
): LinePattern | undefined => {
  const { lineBuf, lineStart, lineEnd, observedSec } = record;
  for (const pattern of patterns) {
    if (pattern.match(lineBuf, lineStart, lineEnd, observedSec) < 0) continue;
    pattern.put(record, lineStart);
    record.structured = true;
    return pattern;
  }
  return undefined;
};

/** Whether a line begins with a date and a time: `2025-11-20 10:00:00`, or with `T` between. */
export const isDated = (line: Uint8Array, start: number): boolean =>
  line[start + 4] === 0x2d &&
  line[start + 7] === 0x2d &&
  line[start + 13] === 0x3a &&
  line[start + 16] === 0x3a;

/** Position of the first space within `most` bytes, -1 where there is none. */
export const firstSpace = (line: Uint8Array, start: number, end: number, most = 80): number => {
  const stop = Math.min(end, start + most);
  let at = start;
  while (at < stop && line[at] !== SPACE) at++;
  return at < stop ? at : -1;
};

/** Whether `:` and digits stand before `at`: a port. */
export const endsWithPort = (line: Uint8Array, start: number, at: number): boolean => {
  let from = at;
  while (from > start && isDigit(line[from - 1])) from--;
  return from < at && from > start + 1 && line[from - 1] === 0x3a;
};

const putValue = (
  record: LogRecord,
  part: Part,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  const { text, key } = part;
  const isDash = end === start + 1 && buf[start] === 0x2d;
  return text === undefined || isDash
    ? putToken(record, part, buf, start, end)
    : putText(record, 'line', text, key, buf, start, end);
};

const isGap = ({ bytes, isKept }: Gap, buf: Uint8Array, start: number, end: number): boolean => {
  if (bytes.length !== end - start || !isKept) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== buf[start + i]) return false;
  return true;
};

/** Position behind a literal that stands at `at`, -1 where it does not. */
const behind = (literal: Uint8Array, buf: Uint8Array, at: number, end: number): number => {
  for (let i = 0; i < literal.length; i++) {
    const byte = literal[i] as number;
    if (byte === ANY_SPACES) {
      while (at < end && buf[at] === SPACE) at++;
      continue;
    }
    if (at >= end) return -1;
    if (byte === SPACES) {
      if (buf[at] !== SPACE) return -1;
      while (at < end && buf[at] === SPACE) at++;
    } else if (buf[at++] !== byte) return -1;
  }
  return at;
};

/** Where a literal stands next from `at` on, -1 where it does not. */
const find = (literal: Uint8Array, buf: Uint8Array, at: number, end: number): number => {
  const first = literal[0] === SPACES ? SPACE : literal[0];
  for (; at < end; at++) if (buf[at] === first && behind(literal, buf, at, end) >= 0) return at;
  return -1;
};

const wordEnd = (buf: Uint8Array, at: number, end: number, follow: Uint8Array): number => {
  const start = at;
  const first = follow[0];
  while (at < end && (buf[at] as number) > SPACE) {
    if (buf[at] === first && behind(follow, buf, at, end) >= 0) break;
    at++;
  }
  return at > start ? at : -1;
};

const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;

const numberEnd = (buf: Uint8Array, start: number, end: number): number => {
  const isSigned = start < end && (buf[start] === 0x2d || buf[start] === 0x2b);
  const from = isSigned ? start + 1 : start;
  let at = from;
  while (at < end && isDigit(buf[at])) at++;
  if (at - from > MOST_DIGITS) return -1;
  return at > from || (isSigned && buf[start] === 0x2d) ? at : -1;
};

const levelEnd = (buf: Uint8Array, start: number, end: number): number => {
  let at = start;
  while (at < end && isLevelByte(buf[at] as number)) at++;
  return severityOfWord(buf, start, at) > 0 ? at : -1;
};

/** PostgreSQL's finer words have digits (`DEBUG1`). */
const isLevelByte = (byte: number): boolean =>
  ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) || (byte >= 0x31 && byte <= 0x35);

/** `2025-11-20T10:00:00.123Z`, `2025/11/20 10:00:00`; a zone after a space is not its own. */
const timeEnd = (buf: Uint8Array, start: number, end: number): number => {
  const dash = buf[start + 4];
  if (end - start < 19 || (dash !== 0x2d && dash !== 0x2f) || buf[start + 13] !== 0x3a) return -1;
  let at = start + 11;
  const stop = Math.min(end, start + TIME_BYTES);
  while (at < stop && isTimeByte(buf[at] as number)) at++;
  while (at > start + 19 && (buf[at - 1] === 0x2c || buf[at - 1] === 0x3a)) at--;
  return parseTime(buf, start, at) && parsed.sec >= 0 ? at : -1;
};

/** Digits, `:`, `+`, `,`, `-`, `.` and `Z`. */
const isTimeByte = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x3a) || (byte >= 0x2b && byte <= 0x2e) || byte === 0x5a;

const HOLE = /\(\?(.*?)<(\w+)(?::(\w+))?>(.*?)\)|<(\w+)(?::(\w+))?>/g;

/** The parts of a template, and what stands behind the last. */
const partsOf = (
  template: string,
  putting: Readonly<Record<string, Putting>>,
): readonly [Part[], Uint8Array] => {
  const parts: Part[] = [];
  let from = 0;
  for (const hole of template.matchAll(HOLE)) {
    const isOptional = hole[2] !== undefined;
    const between = literalOf(template.slice(from, hole.index));
    const last = parts.at(-1);
    // What stands before something that may be missing is there without it too.
    if (isOptional && between.length > 0 && last !== undefined) last.after = between;
    const name = hole[2] ?? hole[5] ?? '';
    parts.push({
      ...putting[name],
      before: isOptional ? literalOf(hole[1] ?? '') : between,
      take: (hole[3] ?? hole[6] ?? 'word') as Take,
      key: keys.of(name),
      after: literalOf(isOptional ? (hole[4] ?? '') : ''),
      isOptional,
      follow: NO_BYTES,
      gap: fixedGap('', name),
    });
    from = hole.index + hole[0].length;
  }
  const tail = literalOf(template.slice(from));
  for (const [i, part] of parts.entries()) {
    const next = parts.slice(i + 1).find(({ isOptional }) => !isOptional);
    part.follow = part.after.length > 0 ? part.after : (next?.before ?? tail);
  }
  return [parts, tail];
};

const NO_BYTES = new Uint8Array(0);
