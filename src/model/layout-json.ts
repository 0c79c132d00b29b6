/**
 * The dialects in which JSON writers escape strings. A value is kept unescaped; escaping it again
 * in its writer's dialect must give the bytes that came, so a dialect is a set of habits:
 *
 * - `a`  everything beyond ASCII as `\uXXXX`, pairs of surrogates where needed (Python, PHP)
 * - `d`  DEL as `\u007f`
 * - `h`  `<`, `>` and `&` as `\u003c` ... (Go, and others that think of HTML)
 * - `l`  U+2028 and U+2029 as `\u2028` ... (Go, JavaScript embedded in pages)
 * - `q`  `'` as `\u0027`;  `e`  `=` as `\u003d` (Gson)
 * - `s`  `/` as `\/` (PHP, ClickHouse)
 * - `b`  backspace and form feed as `\u0008`, `\u000c` (Go before 1.22)
 * - `t`  tab, line feed and carriage return as `\u0009` ...
 * - `u`  hexadecimal digits in capitals (Jackson, RapidJSON)
 *
 * None of them is the minimal dialect: `\"`, `\\`, `\b`, `\f`, `\n`, `\r`, `\t`, other control
 * characters as `\u00xx`, everything else as it is (ECMA-262's `JSON.stringify` of well-formed
 * strings). Bytes that are not UTF-8 are as they are in all dialects but `a`, which has no way to
 * write them.
 */
export const DIALECT = {
  minimal: 0,
  ascii: 1,
  del: 2,
  html: 4,
  lines: 8,
  quote: 16,
  equals: 32,
  slash: 64,
  backspace: 128,
  tab: 256,
  capitals: 512,
} as const;

const LETTERS = Array.from('adhlqesbtu');

/** The dialect's letters, in the order of their bits. */
export const dialectText = (dialect: number): string =>
  LETTERS.filter((_, bit) => (dialect & (1 << bit)) !== 0).join('');

/** The dialect of these letters; -1 where one is unknown. */
export const parseDialect = (letters: string): number => {
  let dialect = 0;
  for (const letter of letters) {
    const bit = LETTERS.indexOf(letter);
    if (bit < 0) return -1;
    dialect |= 1 << bit;
  }
  return dialect;
};

/** Escapes of control characters by their letter. */
const SHORT = new Uint8Array(128);
for (const [byte, letter] of [
  [0x08, 'b'],
  [0x09, 't'],
  [0x0a, 'n'],
  [0x0c, 'f'],
  [0x0d, 'r'],
  [0x22, '"'],
  [0x5c, '\\'],
] as const) {
  SHORT[byte] = letter.charCodeAt(0);
}

/** The bit of a dialect that has an ASCII character escaped as `\uXXXX`; 0 where none has. */
const UNICODE_BIT = new Uint16Array(128);
for (const character of '<>&') UNICODE_BIT[character.charCodeAt(0)] = DIALECT.html;
UNICODE_BIT[0x27] = DIALECT.quote;
UNICODE_BIT[0x3d] = DIALECT.equals;
UNICODE_BIT[0x7f] = DIALECT.del;
for (const byte of [0x08, 0x0c]) UNICODE_BIT[byte] = DIALECT.backspace;
for (const byte of [0x09, 0x0a, 0x0d]) UNICODE_BIT[byte] = DIALECT.tab;

/** The code point whose UTF-8 form starts at `at`, and its length; `size` 0 where there is none. */
const character = { code: 0, size: 0 };

const readCharacter = (value: Uint8Array, at: number): void => {
  const first = value[at] as number;
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  character.size = 0;
  if (first < 0xc2 || first > 0xf4 || at + size > value.length) return;
  let code = first & (0xff >> (size + 1));
  for (let i = 1; i < size; i++) {
    const byte = value[at + i] as number;
    if ((byte & 0xc0) !== 0x80) return;
    code = (code << 6) | (byte & 0x3f);
  }
  const least = size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000;
  if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return;
  character.code = code;
  character.size = size;
};

/** Whether any byte of the value is written otherwise in a JSON string of the dialect. */
export const escapesJson = (value: Uint8Array, dialect: number): boolean => {
  for (let at = 0; at < value.length; at++) {
    const byte = value[at] as number;
    if (byte < 0x20 || byte === 0x22 || byte === 0x5c) return true;
    if (dialect === 0) continue;
    if (byte < 0x80) {
      if ((dialect & (UNICODE_BIT[byte] as number)) !== 0) return true;
      if (byte === 0x2f && (dialect & DIALECT.slash) !== 0) return true;
    } else if ((dialect & DIALECT.ascii) !== 0) return true;
    else if (byte === 0xe2 && (dialect & DIALECT.lines) !== 0 && isLineEnd(value, at)) return true;
  }
  return false;
};

/** U+2028 or U+2029. */
const isLineEnd = (value: Uint8Array, at: number): boolean =>
  value[at + 1] === 0x80 && ((value[at + 2] as number) & 0xfe) === 0xa8;

/** The bytes of a value inside a JSON string of the dialect, without quotes. */
export const escapeJson = (value: Uint8Array, dialect: number): Uint8Array => {
  const out = new Uint8Array(value.length * 6);
  const digits = (dialect & DIALECT.capitals) !== 0 ? CAPITALS : SMALL;
  let size = 0;
  const unicode = (code: number): void => {
    out[size] = 0x5c;
    out[size + 1] = 0x75;
    for (let i = 0; i < 4; i++) out[size + 2 + i] = digits[(code >> (12 - 4 * i)) & 15] as number;
    size += 6;
  };
  for (let at = 0; at < value.length; at++) {
    const byte = value[at] as number;
    if (byte < 0x80) {
      const short = SHORT[byte] as number;
      const inUnicode = (dialect & (UNICODE_BIT[byte] as number)) !== 0;
      if (short > 0 && !inUnicode) {
        out[size++] = 0x5c;
        out[size++] = short;
      } else if (byte < 0x20 || inUnicode) unicode(byte);
      else {
        if (byte === 0x2f && (dialect & DIALECT.slash) !== 0) out[size++] = 0x5c;
        out[size++] = byte;
      }
      continue;
    }
    const wanted =
      (dialect & DIALECT.ascii) !== 0 ||
      (byte === 0xe2 && (dialect & DIALECT.lines) !== 0 && isLineEnd(value, at));
    if (wanted) readCharacter(value, at);
    if (!wanted || character.size === 0) {
      out[size++] = byte;
      continue;
    }
    const { code } = character;
    if (code < 0x10000) unicode(code);
    else {
      unicode(0xd800 + ((code - 0x10000) >> 10));
      unicode(0xdc00 + ((code - 0x10000) & 0x3ff));
    }
    at += character.size - 1;
  }
  return out.subarray(0, size);
};

const encoder = new TextEncoder();
const SMALL = encoder.encode('0123456789abcdef');
const CAPITALS = encoder.encode('0123456789ABCDEF');

const hexValue = (byte: number): number =>
  byte < 0x3a ? byte - 0x30 : ((byte | 0x20) - 0x57) & 15;

/** Whether all escapes are those of the minimal dialect, which then need not be tried. */
const isMinimal = (raw: Uint8Array, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) {
    if (raw[at] !== 0x5c) continue;
    const kind = raw[++at];
    if (kind === 0x75 || kind === 0x2f) return false;
  }
  return true;
};

/** The dialect that the escapes of a string's content tell of; a guess, to be tried. */
const guessDialect = (raw: Uint8Array, start: number, end: number): number => {
  let dialect = 0;
  for (let at = start; at < end; at++) {
    if (raw[at] !== 0x5c) continue;
    const kind = raw[++at] as number;
    if (kind === 0x2f) dialect |= DIALECT.slash;
    if (kind !== 0x75) continue;
    let code = 0;
    for (let i = 1; i <= 4; i++) {
      const digit = raw[at + i] as number;
      code = (code << 4) | hexValue(digit);
      if (digit >= 0x41 && digit <= 0x46) dialect |= DIALECT.capitals;
    }
    at += 4;
    if (code < 0x80) dialect |= UNICODE_BIT[code] as number;
    else dialect |= code === 0x2028 || code === 0x2029 ? DIALECT.lines : DIALECT.ascii;
  }
  return dialect;
};

/**
 * The dialect in which `value` is written as the string content from `start` to `end`, which is
 * that value escaped; -1 where it is in none: mixed habits, unpaired surrogates.
 */
export const dialectOf = (
  raw: Uint8Array,
  start: number,
  end: number,
  value: Uint8Array,
): number => {
  if (isMinimal(raw, start, end)) return DIALECT.minimal;
  const dialect = guessDialect(raw, start, end);
  const again = escapeJson(value, dialect);
  if (again.length !== end - start) return -1;
  for (let i = 0; i < again.length; i++) if (again[i] !== raw[start + i]) return -1;
  return dialect;
};
