import { parseBytes } from './bytes.ts';
import { parseDuration, parsePrometheusDuration } from './duration.ts';
import { Refusal } from './errors.ts';
import { unquote } from './quote.ts';
import type { Token, TokenKind } from './token.ts';
import { functions, keywords, punctuation } from './token.ts';

/**
 * The token at or after `from`, blanks and comments (`#`, `//`, C's) skipped; `$end` behind the
 * text. Follows Loki's scanner, which is Go's: what it does not know is an IDENTIFIER, as is a
 * literal in single quotes. Throws `Refusal` for malformed literals.
 */
export const lexToken = (text: string, from: number): Token => {
  const pos = skipBlanks(text, from);
  const char = text.charAt(pos);
  if (char === '') return token('$end', '', pos, pos);
  if (/[0-9]/.test(char) || (char === '.' && /[0-9]/.test(text.charAt(pos + 1)))) {
    return lexNumber(text, pos);
  }
  switch (char) {
    case '"':
    case '`':
    case "'":
      return lexString(text, pos);
    case '[':
      return lexRange(text, pos);
    case '-':
      return lexDash(text, pos);
    default:
      return lexWord(text, pos) ?? lexPunctuation(text, pos);
  }
};

const token = (kind: TokenKind, text: string, pos: number, end: number, amount = 0n): Token => ({
  kind,
  text,
  amount,
  pos,
  end,
});

/** The match of a sticky expression at `at`, or the empty text. */
const take = (form: RegExp, text: string, at: number): string => {
  form.lastIndex = at;
  return form.exec(text)?.[0] ?? '';
};

const refuse = (reason: string, pos: number): never => {
  throw new Refusal({ reason, pos, place: 'exact' });
};

/** Go ignores a byte order mark at the very beginning. */
const skipBlanks = (text: string, from: number): number => {
  let at = from === 0 && text.startsWith('\ufeff') ? 1 : from;
  for (;;) {
    const blank = take(/[ \t\r\n]+|#[^\n]*|\/\/[^\n]*/y, text, at);
    if (blank !== '') {
      at += blank.length;
    } else if (text.startsWith('/*', at)) {
      const close = text.indexOf('*/', at + 2);
      if (close < 0) return refuse('comment not terminated', at);
      at = close + 2;
    } else {
      return at;
    }
  }
};

const lexString = (text: string, pos: number): Token => {
  const literal = unquote(text, pos);
  if ('wrong' in literal) return refuse(literal.wrong, pos);
  if (text.charAt(pos) !== "'") return token('STRING', literal.value, pos, literal.end);
  if (Array.from(literal.value).length !== 1) return refuse('invalid char literal', pos);
  return token('IDENTIFIER', text.slice(pos, literal.end), pos, literal.end);
};

/** `[5m]` is one token. */
const lexRange = (text: string, pos: number): Token => {
  const close = text.indexOf(']', pos);
  const amount =
    close < 0
      ? "missing closing ']' in duration"
      : parsePrometheusDuration(text.slice(pos + 1, close));
  if (typeof amount === 'string') {
    throw new Refusal({ reason: amount, pos, place: 'lost' });
  }
  return token('RANGE', text.slice(pos, close + 1), pos, close + 1, amount);
};

const FLAGS: readonly string[] = ['--strict', '--keep-empty'];
const DURATION_CHARS = /[\p{N}nuµmshdwy.]+/uy;
const BYTES_CHARS = /[\p{N}BikKMGTP.]+/uy;

/** A flag, a negative duration, or the operator. */
const lexDash = (text: string, pos: number): Token => {
  const flag = take(/--[-\p{L}]+/uy, text, pos);
  if (FLAGS.includes(flag)) return token('FUNCTION_FLAG', flag, pos, pos + flag.length);
  return lexDuration(text, pos, pos + 1) ?? token('-', '-', pos, pos + 1);
};

/** A duration that begins at `pos`, its first part known to reach to `known`. */
const lexDuration = (text: string, pos: number, known: number): Token | null => {
  const rest = take(DURATION_CHARS, text, known);
  if (rest === '') return null;
  const end = known + rest.length;
  const amount = parseDuration(text.slice(pos, end));
  return amount === null ? null : token('DURATION', text.slice(pos, end), pos, end, amount);
};

const lexNumber = (text: string, pos: number): Token => {
  const number = scanNumber(text, pos);
  const end = pos + number.length;
  const duration = lexDuration(text, pos, end);
  if (duration !== null) return duration;
  const rest = take(BYTES_CHARS, text, end);
  const amount = rest === '' ? null : parseBytes(number + rest);
  if (amount === null) return token('NUMBER', number, pos, end);
  return token('BYTES', number + rest, pos, end + rest.length, amount);
};

/** A numeric literal in Go's syntax; `_` and prefixes pass here and fail as floats later. */
const scanNumber = (text: string, pos: number): string => {
  const based = take(/0(?:[xX][0-9a-fA-F_]*|[oO][0-9_]*|[bB](?=[01])[0-9_]*)/y, text, pos);
  const number = based === '' ? scanDecimal(text, pos) : scanBased(text, pos, based);
  if (/_(?![0-9a-f])|(?<![0-9a-fxob])_/i.test(number)) {
    return refuse("'_' must separate successive digits", pos);
  }
  return number;
};

const scanDecimal = (text: string, pos: number): string => {
  const mantissa = take(/[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9_]+/y, text, pos);
  const exponent = take(/[eE][+-]?[0-9_]*/y, text, pos + mantissa.length);
  if (exponent !== '' && !/[0-9]/.test(exponent)) return refuse('exponent has no digits', pos);
  if (exponent === '' && /^0[0-9_]*$/.test(mantissa)) refuseDigit(/[89]/, mantissa, 'octal', pos);
  return mantissa + exponent;
};

const BASES: Readonly<Record<string, string>> = { x: 'hexadecimal', o: 'octal', b: 'binary' };

const scanBased = (text: string, pos: number, prefixed: string): string => {
  const prefix = prefixed.charAt(1).toLowerCase();
  const base = BASES[prefix] ?? '';
  const hex = prefix === 'x';
  const digits = hex ? /\.[0-9a-fA-F_]*/y : /\.[0-9_]*/y;
  const fraction = take(digits, text, pos + prefixed.length);
  const mantissa = prefixed + fraction;
  if (!hex && fraction !== '') return refuse(`invalid radix point in ${base} literal`, pos);
  if (!/[0-9a-f]/i.test(mantissa.slice(2))) return refuse(`${base} literal has no digits`, pos);
  if (prefix === 'o') refuseDigit(/[89]/, mantissa.slice(2), base, pos);
  if (prefix === 'b') refuseDigit(/[2-9]/, mantissa.slice(2), base, pos);
  const mark = hex ? /[pP][+-]?[0-9_]*/y : /[eE][+-]?[0-9_]*/y;
  const exponent = take(mark, text, pos + mantissa.length);
  if (exponent === '') {
    if (fraction !== '') return refuse("hexadecimal mantissa requires a 'p' exponent", pos);
    return mantissa;
  }
  if (!hex) return refuse(`'${exponent.charAt(0)}' exponent requires decimal mantissa`, pos);
  if (!/[0-9]/.test(exponent)) return refuse('exponent has no digits', pos);
  return mantissa + exponent;
};

const refuseDigit = (wrong: RegExp, digits: string, base: string, pos: number): void => {
  const digit = wrong.exec(digits)?.[0];
  if (digit !== undefined) refuse(`invalid digit '${digit}' in ${base} literal`, pos);
};

/** Keywords and functions know no case. */
const lexWord = (text: string, pos: number): Token | null => {
  const word = take(/[_\p{L}][_\p{L}\p{Nd}]*/uy, text, pos);
  if (word === '') return null;
  const end = pos + word.length;
  const lower = word.toLowerCase();
  const known = functions.get(lower);
  if (known !== undefined) {
    const called = take(/\s*(?:\(|(?:by|without)\s*\()/iy, text, end) !== '';
    return called ? token(known, lower, pos, end) : token('IDENTIFIER', word, pos, end);
  }
  return token(keywords.get(lower) ?? 'IDENTIFIER', word, pos, end);
};

const lexPunctuation = (text: string, pos: number): Token => {
  const two = text.slice(pos, pos + 2);
  const one = String.fromCodePoint(text.codePointAt(pos) ?? 0);
  const mark = two.length === 2 && punctuation.has(two) ? two : one;
  const kind = punctuation.has(mark) ? (mark as TokenKind) : 'IDENTIFIER';
  return token(kind, mark, pos, pos + mark.length);
};
