import { C } from '../../model/columns.ts';
import { dashPlace, putDuration, putField, VALUE, type PutField } from '../../model/fields.ts';
import { putRest } from '../../model/fields-put.ts';
import { fixedGap, type Gap } from '../../model/gap.ts';
import { keys, type Key } from '../../model/key.ts';
import { PLACE, REST } from '../../model/placement.ts';
import type { LogRecord } from '../../model/record.ts';

/**
 * How a token stands in a line:
 * - `bare` up to the next space
 * - `quoted` in double quotes, ended by a quote before what begins the next token, because proxies
 *   write a quote inside a header as it came
 * - `bracketed` in square brackets
 * - `request` quoted: method, path and protocol
 * - `list` bare values joined by `, ` or ` : ` (NGINX's upstreams)
 */
export type Shape = 'bare' | 'quoted' | 'bracketed' | 'request' | 'list';

export interface Token {
  /** The field's name, which says its column (see fields-names.ts). */
  readonly name: string;
  readonly shape: Shape;
  /** Nanoseconds of one, for durations whose name does not tell the unit. */
  readonly unit?: number;
  /** Column of such a duration. */
  readonly column?: number;
  /** Puts the value, the dash too, where the format has a meaning of its own for the name. */
  readonly put?: PutField;
  /** `-` is kept where it is a value of its own (no response flags) rather than nothing. */
  readonly dash?: true;
}

interface Field extends Token {
  readonly key: Key;
  /** What stands before the token: the end of the one before, a space, its own opening. */
  readonly gap: Gap;
  /** What stands after it where it is the line's last. */
  readonly end: Gap;
}

const OPENINGS: Readonly<Record<Shape, string>> = {
  bare: '',
  list: '',
  quoted: '"',
  request: '"',
  bracketed: '[',
};
const CLOSINGS: Readonly<Record<Shape, string>> = { ...OPENINGS, bracketed: ']' };

const METHOD = keys.of('method');
const PATH = keys.of('path');
const PROTOCOL = keys.of('protocol');
const REQUEST = keys.of('request');
const MOST_TOKENS = 32;

const SPACE = 0x20;
const QUOTE = 0x22;
const DASH = 0x2d;

/** A line of tokens in fixed order, one space between them. */
export class TextFormat {
  private readonly fields: readonly Field[];
  private readonly required: number;
  private readonly starts = new Int32Array(MOST_TOKENS);
  private readonly ends = new Int32Array(MOST_TOKENS);
  private found = 0;

  /** Tokens from `required` on may be missing from the end of the line. */
  constructor(tokens: readonly Token[], required: number = tokens.length) {
    this.fields = tokens.map((token, i) => {
      const before = tokens[i - 1];
      const between = before === undefined ? '' : `${CLOSINGS[before.shape]} `;
      return {
        ...token,
        key: keys.of(token.name),
        gap: fixedGap(`${between}${OPENINGS[token.shape]}`, token.name),
        end: fixedGap(CLOSINGS[token.shape]),
      };
    });
    this.required = required;
  }

  /** Whether the line is in this format; its tokens are remembered for `put`. */
  match(buf: Uint8Array, start: number, end: number): boolean {
    const { fields } = this;
    this.found = 0;
    let at = start;
    for (let i = 0; i < fields.length; i++) {
      if (i > 0) {
        if (at === end && i >= this.required) break;
        if (at >= end || buf[at] !== SPACE) return false;
        at++;
      }
      at = this.token(i, buf, at, end);
      if (at < 0) return false;
      this.found = i + 1;
    }
    return at === end;
  }

  /** Measures the token at `at`; gives the position after it, -1 where it does not fit. */
  private token(i: number, buf: Uint8Array, at: number, end: number): number {
    const { shape } = this.fields[i] as Field;
    let stop = at;
    if (shape === 'bare' || shape === 'list') {
      stop = bareEnd(buf, at, end);
      if (shape === 'list') stop = listEnd(buf, stop, end);
      if (stop === at || buf[at] === QUOTE) return -1;
      this.starts[i] = at;
      this.ends[i] = stop;
      return stop;
    }
    const open = shape === 'bracketed' ? 0x5b : QUOTE;
    const close = shape === 'bracketed' ? 0x5d : QUOTE;
    if (at >= end || buf[at] !== open) return -1;
    stop = at + 1;
    while (stop < end && !(buf[stop] === close && this.closes(i, buf, stop + 1, end))) stop++;
    if (stop >= end) return -1;
    this.starts[i] = at + 1;
    this.ends[i] = stop;
    return stop + 1;
  }

  /** Whether token `i` can end before `at`: the next one begins there, or the line ends. */
  private closes(i: number, buf: Uint8Array, at: number, end: number): boolean {
    if (at === end) return i + 1 >= this.required;
    const next = this.fields[i + 1];
    if (next === undefined || buf[at] !== SPACE || at + 1 >= end) return false;
    const opener = buf[at + 1];
    if (next.shape === 'bracketed') return opener === 0x5b;
    return (next.shape === 'quoted' || next.shape === 'request') === (opener === QUOTE);
  }

  start(i: number): number {
    return i < this.found ? (this.starts[i] as number) : 0;
  }

  end(i: number): number {
    return i < this.found ? (this.ends[i] as number) : 0;
  }

  /** Puts the matched tokens into the record, and the way through the line. */
  put(record: LogRecord): void {
    const buf = record.lineBuf;
    for (let i = 0; i < this.found; i++) {
      const field = this.fields[i] as Field;
      const start = this.starts[i] as number;
      const end = this.ends[i] as number;
      if (field.shape === 'request') putRequest(record, field.gap, buf, start, end);
      else record.step(field.gap, putToken(record, field, buf, start, end));
    }
    record.tail = (this.fields[this.found - 1] as Field).end;
  }
}

/** Puts one token's value; gives its place. */
export const putToken = (
  record: LogRecord,
  field: Pick<Field, 'key' | 'unit' | 'column' | 'dash' | 'put'>,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  if (start === end) return PLACE.empty;
  if (field.put !== undefined)
    return field.put(record, 'line', field.key, VALUE.string, buf, start, end);
  if (end - start === 1 && buf[start] === DASH && field.dash === undefined)
    return dashPlace(record, field.key);
  if (field.unit === undefined)
    return putField(record, 'line', field.key, VALUE.string, buf, start, end);
  const column = field.column ?? C.duration_ns;
  const place = putDuration(record, column, field.unit, buf, start, end);
  return place === REST ? putRest(record, 'line', field.key, buf, start, end) : place;
};

const bareEnd = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end && buf[at] !== SPACE) at++;
  return at;
};

const listEnd = (buf: Uint8Array, at: number, end: number): number => {
  for (;;) {
    if (at + 1 < end && buf[at - 1] === 0x2c && buf[at] === SPACE) at = bareEnd(buf, at + 1, end);
    else if (at + 3 < end && buf[at + 1] === 0x3a && buf[at] === SPACE && buf[at + 2] === SPACE)
      at = bareEnd(buf, at + 3, end);
    else return at;
  }
};

const PATH_GAP = fixedGap(' ', 'path');
const PROTOCOL_GAP = fixedGap(' ', 'protocol');

/** The gaps before a request's method and before what is no request, by the gap of its token. */
const requestGaps = new Map<Gap, readonly [method: Gap, other: Gap, connection: Gap]>();

const gapsOfRequest = (gap: Gap): readonly [Gap, Gap, Gap] => {
  let found = requestGaps.get(gap);
  if (found === undefined) {
    const { bytes } = gap;
    const none = new Uint8Array([...bytes, ...NO_REQUEST]);
    const gapTo = (start: Uint8Array, key: Key): Gap => ({
      bytes: start,
      key,
      isKept: true,
      way: undefined,
    });
    found = [gapTo(bytes, METHOD), gapTo(bytes, REQUEST), gapTo(none, REQUEST)];
    requestGaps.set(gap, found);
  }
  return found;
};

const NO_REQUEST = new TextEncoder().encode('- - -');

/**
 * `GET /path HTTP/1.1`, `- - -` of a connection without a request, or what a client sent instead.
 * `gap` is one of few that are kept.
 */
export const putRequest = (
  record: LogRecord,
  gap: Gap,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  const [methodGap, otherGap, noneGap] = gapsOfRequest(gap);
  const first = bareEnd(buf, start, end);
  let last = end;
  while (last > first && buf[last - 1] !== SPACE) last--;
  if (first >= last - 1 || !isMethod(buf, start, first)) {
    if (isNoRequest(buf, start, end)) record.step(noneGap, PLACE.empty);
    else if (end === start) record.step(otherGap, PLACE.empty);
    else record.step(otherGap, putRest(record, 'line', REQUEST, buf, start, end));
    return;
  }
  record.step(methodGap, putField(record, 'line', METHOD, VALUE.string, buf, start, first));
  // `CONNECT - HTTP/2`: a tunnel has no path.
  const isNone = last - 2 - first === 1 && buf[first + 1] === DASH;
  const path = isNone
    ? dashPlace(record, PATH)
    : putField(record, 'line', PATH, VALUE.string, buf, first + 1, last - 1);
  record.step(PATH_GAP, path);
  record.step(PROTOCOL_GAP, putField(record, 'line', PROTOCOL, VALUE.string, buf, last, end));
};

const isNoRequest = (buf: Uint8Array, start: number, end: number): boolean => {
  if (end - start !== NO_REQUEST.length) return false;
  for (let i = 0; i < NO_REQUEST.length; i++) if (buf[start + i] !== NO_REQUEST[i]) return false;
  return true;
};

/** A method as RFC 9110 lets it be, which is a token; in practice capital letters. */
const isMethod = (buf: Uint8Array, start: number, end: number): boolean => {
  if (end === start || end - start > 32) return false;
  for (let at = start; at < end; at++) {
    const byte = buf[at] as number;
    if (!((byte >= 0x41 && byte <= 0x5a) || byte === DASH || byte === 0x5f)) return false;
  }
  return buf[start] !== DASH;
};

/** Numbers told by `isNumeric` are digits, or the dash that stands for none. */
export const isNumeric = (buf: Uint8Array, start: number, end: number): boolean => {
  if (end - start === 1 && buf[start] === DASH) return true;
  for (let at = start; at < end; at++) {
    const byte = buf[at] as number;
    if (byte < 0x30 || byte > 0x39) return false;
  }
  return end > start;
};
