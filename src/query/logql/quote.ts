/**
 * Go's string literals, which are LogQL's: `"..."` with escapes, and backtick strings without.
 */

/** A literal read, or Loki's words for what is wrong with it. */
export type Unquoted =
  { readonly value: string; readonly end: number } | { readonly wrong: string };

const utf8 = new TextEncoder();
const utf8Strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

/** Reads the literal that opens at `start` with `"`, `'` or a backtick. */
export const unquote = (text: string, start: number): Unquoted => {
  const quote = text.charAt(start);
  if (quote === '`') {
    const close = text.indexOf('`', start + 1);
    if (close < 0) return { wrong: 'literal not terminated' };
    return { value: text.slice(start + 1, close), end: close + 1 };
  }
  const parts = new Parts();
  const plain = quote === '"' ? /[^"\\\n]*/y : /[^'\\\n]*/y;
  let at = start + 1;
  for (;;) {
    plain.lastIndex = at;
    const run = plain.exec(text)?.[0] ?? '';
    parts.text(run);
    at += run.length;
    const next = text.charAt(at);
    if (next === quote) break;
    if (next !== '\\') return { wrong: 'literal not terminated' };
    const escape = readEscape(text, at + 1, quote);
    if (typeof escape === 'string') return { wrong: escape };
    if (escape.byte) parts.byte(escape.code);
    else parts.text(codePoint(escape.code));
    at = escape.end;
  }
  const value = parts.take();
  return value === null ? { wrong: 'invalid UTF-8 rune' } : { value, end: at + 1 };
};

interface Escape {
  readonly code: number;
  /** A byte of the text's UTF-8 rather than a character. */
  readonly byte: boolean;
  readonly end: number;
}

const INVALID_ESCAPE = 'invalid char escape';

/** Reads what follows a backslash at `at`. */
const readEscape = (text: string, at: number, quote: string): Escape | string => {
  const letter = text.charAt(at);
  if (letter === quote) return { code: quote.charCodeAt(0), byte: false, end: at + 1 };
  const simple = SIMPLE[letter];
  if (simple !== undefined) return { code: simple.charCodeAt(0), byte: false, end: at + 1 };
  const form = /(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3})/y;
  form.lastIndex = at;
  const digits = form.exec(text)?.[0];
  if (digits === undefined) return INVALID_ESCAPE;
  const octal = /^[0-7]/.test(digits);
  const code = octal ? parseInt(digits, 8) : parseInt(digits.slice(1), 16);
  const byte = octal || letter === 'x';
  if (code > (byte ? 0xff : 0x10ffff)) return 'invalid syntax';
  return { code, byte, end: at + digits.length };
};

/** Halves of surrogate pairs become the replacement character, as in Go. */
const codePoint = (code: number): string =>
  code >= 0xd800 && code <= 0xdfff ? '\ufffd' : String.fromCodePoint(code);

/** Collects text and escaped bytes; bytes must make up valid UTF-8. */
class Parts {
  private out = '';
  private bytes: number[] = [];
  private valid = true;

  text(run: string): void {
    if (run === '') return;
    this.flush();
    this.out += run;
  }

  byte(code: number): void {
    this.bytes.push(code);
  }

  take(): string | null {
    this.flush();
    return this.valid ? this.out : null;
  }

  private flush(): void {
    if (this.bytes.length === 0) return;
    try {
      this.out += utf8Strict.decode(Uint8Array.from(this.bytes));
    } catch {
      this.valid = false;
    }
    this.bytes = [];
  }
}

/** Number of bytes of a text in UTF-8. */
export const utf8Length = (text: string): number => utf8.encode(text).length;

const NAMED: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** The text as a double-quoted literal, as Go's `strconv.Quote` writes it. */
export const quote = (text: string): string =>
  `"${text.replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]|["\\]/gu, escapeChar)}"`;

const escapeChar = (char: string): string => {
  const named = NAMED[char];
  if (named !== undefined) return named;
  const code = char.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x20 || code === 0x7f) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
};
