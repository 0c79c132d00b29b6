import { viewOf } from './bytes.ts';
import type { Scratch } from './record.ts';
import { LIMITS } from './limits.ts';

/**
 * The lexical half of JSON (RFC 8259) over bytes: strings, numbers, literals and whole values are
 * checked and measured in place. Every function takes the position of a token's first byte and
 * gives the position after it, or -1 where the bytes are not JSON.
 */

export const isSpace = (byte: number): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

export const skipSpace = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end && isSpace(buf[at] as number)) at++;
  return at;
};

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

/** Where a word of four bytes holds a quote, a backslash or a control character: their top bits. */
const stopsOf = (word: number): number =>
  ((word - 0x20202020) | ((word ^ 0x22222222) - 0x01010101) | ((word ^ 0x5c5c5c5c) - 0x01010101)) &
  ~word &
  -0x7f7f7f80;

/**
 * Which of four bytes comes first. A borrow can only spoil bytes above the first, so it is exact.
 */
const firstOf = (stops: number): number => (31 - Math.clz32(stops & -stops)) >> 3;

/**
 * First byte at or after `at` that a string cannot hold as it is: a quote, a backslash or a control
 * character; `end` where there is none. Reads eight bytes a turn: strings are most of a log line.
 */
export const stringStop = (view: DataView, at: number, end: number): number => {
  const last = end - 8;
  while (at <= last) {
    const near = stopsOf(view.getInt32(at, true));
    if (near !== 0) return at + firstOf(near);
    const far = stopsOf(view.getInt32(at + 4, true));
    if (far !== 0) return at + 4 + firstOf(far);
    at += 8;
  }
  while (at < end) {
    const byte = view.getUint8(at);
    if (byte === 0x22 || byte === 0x5c || byte < 0x20) return at;
    at++;
  }
  return end;
};

const hexDigit = (byte: number): number => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
};

/** The 16 bits of `\uXXXX` whose digits start at `at`; -1 where they are not four hex digits. */
const hex4 = (buf: Uint8Array, at: number, end: number): number => {
  if (at + 4 > end) return -1;
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const digit = hexDigit(buf[at + i] as number);
    if (digit < 0) return -1;
    value = (value << 4) | digit;
  }
  return value;
};

/**
 * Position of the closing quote of a string whose content starts at `at`; -1 where it is broken.
 */
export const stringEnd = (buf: Uint8Array, at: number, end: number): number => {
  const view = viewOf(buf);
  for (;;) {
    at = stringStop(view, at, end);
    if (at >= end) return -1;
    const byte = view.getUint8(at);
    if (byte === 0x22) return at;
    if (byte < 0x20 || at + 1 >= end) return -1;
    const kind = view.getUint8(at + 1);
    if (kind === 0x75) {
      if (hex4(buf, at + 2, end) < 0) return -1;
      at += 6;
    } else {
      if (ESCAPES[kind] === 0) return -1;
      at += 2;
    }
  }
};

const ESCAPES = new Uint8Array(256);
for (const [letter, byte] of [
  ['"', 0x22],
  ['\\', 0x5c],
  ['/', 0x2f],
  ['b', 8],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
] as const) {
  ESCAPES[letter.charCodeAt(0)] = byte;
}

/** Writes a code point as UTF-8 at `at`; gives the position after it. */
const putCodePoint = (out: Uint8Array, at: number, code: number): number => {
  if (code < 0x80) out[at++] = code;
  else if (code < 0x800) {
    out[at++] = 0xc0 | (code >> 6);
    out[at++] = 0x80 | (code & 0x3f);
  } else if (code < 0x10000) {
    out[at++] = 0xe0 | (code >> 12);
    out[at++] = 0x80 | ((code >> 6) & 0x3f);
    out[at++] = 0x80 | (code & 0x3f);
  } else {
    out[at++] = 0xf0 | (code >> 18);
    out[at++] = 0x80 | ((code >> 12) & 0x3f);
    out[at++] = 0x80 | ((code >> 6) & 0x3f);
    out[at++] = 0x80 | (code & 0x3f);
  }
  return at;
};

/**
 * Unescapes the content of a string that `stringEnd` has accepted into `out` at `at`, which must
 * have room for `end - start` bytes; gives the position after it. Surrogate pairs become one
 * character; a lone surrogate, which UTF-8 cannot hold, becomes U+FFFD.
 */
export const unescapeInto = (
  out: Uint8Array,
  at: number,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  let from = start;
  while (from < end) {
    const byte = buf[from] as number;
    if (byte !== 0x5c) {
      out[at++] = byte;
      from++;
      continue;
    }
    const kind = buf[from + 1] as number;
    if (kind !== 0x75) {
      out[at++] = ESCAPES[kind] as number;
      from += 2;
      continue;
    }
    let code = hex4(buf, from + 2, end);
    from += 6;
    if (code >= 0xd800 && code < 0xe000) {
      const paired = code < 0xdc00 && buf[from] === 0x5c && buf[from + 1] === 0x75;
      const low = paired ? hex4(buf, from + 2, end) : -1;
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        from += 6;
      } else code = 0xfffd;
    }
    at = putCodePoint(out, at, code);
  }
  return at;
};

/**
 * Unescapes into the scratch: the result is `scratch.buf` from the returned position to
 * `scratch.used`.
 */
export const unescape = (scratch: Scratch, buf: Uint8Array, start: number, end: number): number => {
  scratch.reserve(end - start);
  const at = scratch.used;
  scratch.used = unescapeInto(scratch.buf, at, buf, start, end);
  return at;
};

const skipDigits = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end && isDigit(buf[at] as number)) at++;
  return at;
};

export const skipNumber = (buf: Uint8Array, at: number, end: number): number => {
  if (buf[at] === 0x2d) at++;
  if (at >= end) return -1;
  const first = buf[at] as number;
  if (first === 0x30) at++;
  else if (first > 0x30 && first <= 0x39) at = skipDigits(buf, at + 1, end);
  else return -1;
  if (at < end && buf[at] === 0x2e) {
    const from = at + 1;
    at = skipDigits(buf, from, end);
    if (at === from) return -1;
  }
  if (at < end && ((buf[at] as number) | 0x20) === 0x65) {
    at++;
    if (at < end && (buf[at] === 0x2b || buf[at] === 0x2d)) at++;
    const from = at;
    at = skipDigits(buf, from, end);
    if (at === from) return -1;
  }
  return at;
};

const TRUE = [0x74, 0x72, 0x75, 0x65];
const FALSE = [0x66, 0x61, 0x6c, 0x73, 0x65];
const NULL = [0x6e, 0x75, 0x6c, 0x6c];

/** `true`, `false` or `null`. */
export const skipLiteral = (buf: Uint8Array, at: number, end: number): number => {
  const first = buf[at];
  const word = first === 0x74 ? TRUE : first === 0x66 ? FALSE : NULL;
  if (at + word.length > end) return -1;
  for (let i = 0; i < word.length; i++) if (buf[at + i] !== word[i]) return -1;
  return at + word.length;
};

/** Any value that is not an object or array. */
export const skipScalar = (buf: Uint8Array, at: number, end: number): number => {
  if (at >= end) return -1;
  const byte = buf[at] as number;
  if (byte === 0x22) {
    const quote = stringEnd(buf, at + 1, end);
    return quote < 0 ? -1 : quote + 1;
  }
  if (byte === 0x2d || isDigit(byte)) return skipNumber(buf, at, end);
  return skipLiteral(buf, at, end);
};

/** One bit a level: whether it is an object. */
const nesting = new Uint8Array(LIMITS.jsonSkipDepth + 1);

/** Position of the value after a member's name and colon; -1 where there is none. */
const skipName = (buf: Uint8Array, at: number, end: number): number => {
  if (at >= end || buf[at] !== 0x22) return -1;
  const quote = stringEnd(buf, at + 1, end);
  if (quote < 0) return -1;
  at = skipSpace(buf, quote + 1, end);
  return at < end && buf[at] === 0x3a ? skipSpace(buf, at + 1, end) : -1;
};

/**
 * Any value, checked whole and without recursion; containers nested deeper than
 * `LIMITS.jsonSkipDepth` are refused.
 */
export const skipValue = (buf: Uint8Array, at: number, end: number): number => {
  let depth = 0;
  for (;;) {
    const byte = at < end ? (buf[at] as number) : 0;
    if (byte === 0x7b || byte === 0x5b) {
      const inner = skipSpace(buf, at + 1, end);
      if (inner >= end) return -1;
      if (buf[inner] === byte + 2) at = inner + 1;
      else {
        if (depth >= LIMITS.jsonSkipDepth) return -1;
        nesting[depth++] = byte;
        at = byte === 0x7b ? skipName(buf, inner, end) : inner;
        if (at < 0) return -1;
        continue;
      }
    } else at = skipScalar(buf, at, end);
    if (at < 0) return -1;
    // After a value: close what ends here, or go on to the next member.
    while (depth > 0) {
      const open = nesting[depth - 1] as number;
      const next = skipSpace(buf, at, end);
      if (next >= end) return -1;
      if (buf[next] === open + 2) {
        depth--;
        at = next + 1;
        continue;
      }
      if (buf[next] !== 0x2c) return -1;
      at = skipSpace(buf, next + 1, end);
      if (open === 0x7b) at = skipName(buf, at, end);
      if (at < 0) return -1;
      break;
    }
    if (depth === 0) return at;
  }
};
