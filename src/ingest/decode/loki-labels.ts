import { keys } from '../../model/key.ts';
import type { Pairs } from '../../model/record.ts';

/**
 * A stream's labels as Loki's clients write them in protobuf: `{app="checkout", pod="a-1"}`. The
 * rules are those of Prometheus' metric syntax, which Loki uses: names bare or quoted, values in
 * double or single quotes with Go's escapes or in backticks, a trailing comma, a bare metric name
 * in front.
 */
export const parseLabels = (text: Uint8Array, into: Pairs): string | undefined => {
  const parser = new LabelParser(text, into);
  return parser.parse() ? undefined : parser.error;
};

const isNameStart = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) || byte === 0x5f;

const isNameByte = (byte: number): boolean => isNameStart(byte) || (byte >= 0x30 && byte <= 0x39);

/** Whether a name is one that Loki takes without quotes. */
export const isLabelName = (bytes: Uint8Array, start: number, end: number): boolean => {
  if (start >= end || !isNameStart(bytes[start] as number)) return false;
  for (let i = start + 1; i < end; i++) if (!isNameByte(bytes[i] as number)) return false;
  return true;
};

const COLON = 0x3a;
const METRIC_NAME = '__name__';
/** Letters of one-byte escapes and what they mean; quotes are checked apart. */
const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 0x5c,
};

/** Unescapes in place: no escape is shorter than what it stands for. */
class LabelParser {
  error = '';
  private readonly text: Uint8Array;
  private readonly into: Pairs;
  private at = 0;
  /** The string read last. */
  private start = 0;
  private end = 0;

  constructor(text: Uint8Array, into: Pairs) {
    this.text = text;
    this.into = into;
  }

  parse(): boolean {
    const { text } = this;
    this.space();
    if (this.at < text.length && text[this.at] !== 0x7b) {
      const start = this.at;
      while (isNameByte(text[this.at] as number) || text[this.at] === COLON) this.at++;
      if (this.at === start) return this.fail(`unexpected ${this.here()}`);
      this.into.put(keys.of(METRIC_NAME), text, start, this.at);
      this.space();
    }
    if (this.at >= text.length) return true;
    if (text[this.at++] !== 0x7b) return this.fail(`unexpected ${this.here(-1)}`);
    this.space();
    while (text[this.at] !== 0x7d) {
      if (!this.item()) return false;
      this.space();
      if (text[this.at] === 0x2c) {
        this.at++;
        this.space();
      } else if (text[this.at] !== 0x7d) {
        return this.fail(`unexpected ${this.here()} in label set, expected "," or "}"`);
      }
    }
    this.at++;
    this.space();
    return this.at === text.length || this.fail(`unexpected ${this.here()}`);
  }

  private item(): boolean {
    const { text } = this;
    const start = this.at;
    let key;
    if (this.isQuote()) {
      if (!this.quoted()) return false;
      key = keys.intern(text, this.start, this.end);
      this.space();
      if (text[this.at] === 0x2c || text[this.at] === 0x7d) {
        this.into.put(keys.of(METRIC_NAME), text, this.start, this.end);
        return true;
      }
    } else {
      if (!isNameStart(text[start] as number)) {
        return this.fail(`unexpected ${this.here()} in label set, expected identifier or "}"`);
      }
      while (isNameByte(text[this.at] as number)) this.at++;
      key = keys.intern(text, start, this.at);
      this.space();
    }
    if (text[this.at] !== 0x3d) {
      return this.fail(`unexpected ${this.here()} in label set, expected "="`);
    }
    this.at++;
    this.space();
    if (!this.isQuote()) {
      return this.fail(`unexpected ${this.here()} in label set, expected string`);
    }
    if (!this.quoted()) return false;
    this.into.put(key, text, this.start, this.end);
    return true;
  }

  private isQuote(): boolean {
    const byte = this.text[this.at];
    return byte === 0x22 || byte === 0x27 || byte === 0x60;
  }

  private quoted(): boolean {
    const { text } = this;
    const open = this.at;
    const quote = text[this.at++] as number;
    this.start = this.at;
    let to = this.at;
    while (this.at < text.length) {
      const byte = text[this.at] as number;
      if (byte === quote) {
        this.end = to;
        this.at++;
        return true;
      }
      if (byte === 0x0a && quote !== 0x60) break;
      if (byte === 0x5c && quote !== 0x60) {
        to = this.escape(to, quote);
        if (to < 0) return false;
      } else {
        text[to++] = byte;
        this.at++;
      }
    }
    this.at = open;
    return this.fail('unterminated quoted string');
  }

  /**
   * One escape, from `at` to `to`; gives the position after what was written, -1 where it is none.
   */
  private escape(to: number, quote: number): number {
    const { text } = this;
    const letter = text[this.at + 1] as number;
    const char = String.fromCharCode(letter);
    const simple = letter === quote ? quote : ESCAPES[char];
    if (simple !== undefined) {
      text[to] = simple;
      this.at += 2;
      return to + 1;
    }
    let digits = 0;
    let base = 16;
    let from = this.at + 2;
    if (char === 'x') digits = 2;
    else if (char === 'u') digits = 4;
    else if (char === 'U') digits = 8;
    else if (letter >= 0x30 && letter <= 0x37) {
      digits = 3;
      base = 8;
      from--;
    }
    const code = digits === 0 ? -1 : this.digits(from, digits, base);
    if (code < 0 || code > 0x10ffff || (base === 8 && code > 255)) {
      this.fail('invalid syntax in quoted string');
      return -1;
    }
    this.at = from + digits;
    if (char !== 'u' && char !== 'U') {
      text[to] = code;
      return to + 1;
    }
    const bytes = encoder.encode(String.fromCodePoint(code));
    text.set(bytes, to);
    return to + bytes.length;
  }

  private digits(from: number, count: number, base: number): number {
    let value = 0;
    for (let i = from; i < from + count; i++) {
      const digit = parseInt(String.fromCharCode(this.text[i] ?? 0x20), base);
      if (Number.isNaN(digit)) return -1;
      value = value * base + digit;
    }
    return value;
  }

  private space(): void {
    const { text } = this;
    for (;;) {
      const byte = text[this.at];
      if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return;
      this.at++;
    }
  }

  private here(offset = 0): string {
    const byte = this.text[this.at + offset];
    if (byte === undefined) return 'end of input';
    const printable = byte > 0x20 && byte < 0x7f;
    return printable
      ? `"${String.fromCharCode(byte)}"`
      : `character U+${byte.toString(16).padStart(4, '0')}`;
  }

  private fail(what: string): boolean {
    this.error = `1:${this.at + 1}: parse error: ${what}`;
    return false;
  }
}

const encoder = new TextEncoder();
