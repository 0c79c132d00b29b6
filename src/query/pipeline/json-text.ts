/**
 * Reads JSON without building it: values keep their text (numbers as they were written), members
 * their order. Lenient where Loki's reader is: text behind the value is not looked at.
 */

export type JsonKind = 'string' | 'number' | 'boolean' | 'null' | 'object' | 'array';

/** Where a value stands in the text: `start` to `end`; strings with their quotes. */
export interface JsonValue {
  readonly kind: JsonKind;
  readonly start: number;
  readonly end: number;
}

/** Malformed JSON; its message becomes `__error_details__`. */
export class JsonFault extends Error {}

const NO_OBJECT = "Value looks like object, but can't find closing '}' symbol";
const NO_ARRAY = "Value is array, but can't find closing ']' symbol";
const NO_STRING = "Value is string, but can't find closing '\"' symbol";

const SPACE = /[ \t\r\n]*/y;
const STRING = /"[^"\\]*(?:\\[^][^"\\]*)*"/y;
const NUMBER = /-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
/** Everything up to what opens, closes or starts a string, to find the end of a nested value. */
const NEST = /[^"{}[\]]*/y;

const skip = (text: string, at: number): number => {
  SPACE.lastIndex = at;
  return at + (SPACE.exec(text)?.[0].length ?? 0);
};

const endOf = (form: RegExp, text: string, at: number, fault: string): number => {
  form.lastIndex = at;
  const found = form.exec(text)?.[0];
  if (found === undefined) throw new JsonFault(fault);
  return at + found.length;
};

/** The value that starts at `at`, after spaces. Throws `JsonFault`. */
export const jsonValueAt = (text: string, at: number): JsonValue => {
  const start = skip(text, at);
  switch (text.charAt(start)) {
    case '"':
      return { kind: 'string', start, end: endOf(STRING, text, start, NO_STRING) };
    case '{':
      return { kind: 'object', start, end: endOfNested(text, start, NO_OBJECT) };
    case '[':
      return { kind: 'array', start, end: endOfNested(text, start, NO_ARRAY) };
    case 't':
    case 'f':
    case 'n': {
      const end = endOf(WORD, text, start, 'Unknown value type');
      return { kind: text.charAt(start) === 'n' ? 'null' : 'boolean', start, end };
    }
    default:
      return { kind: 'number', start, end: endOf(NUMBER, text, start, 'Unknown value type') };
  }
};

/** The end of an object or array: brackets are counted, not matched by kind. */
const endOfNested = (text: string, start: number, fault: string): number => {
  let depth = 0;
  let at = start;
  for (;;) {
    at = endOf(NEST, text, at, fault);
    const char = text.charAt(at);
    if (char === '') throw new JsonFault(fault);
    if (char === '"') {
      at = endOf(STRING, text, at, NO_STRING);
      continue;
    }
    at++;
    depth += char === '{' || char === '[' ? 1 : -1;
    if (depth === 0) return at;
  }
};

/**
 * The members of the object at `at`, in order. Throws `JsonFault` where it is none, or at the
 * member that is malformed: those before it have been given.
 */
export function* jsonMembers(
  text: string,
  at: number,
): Generator<readonly [key: string, value: JsonValue], void, undefined> {
  let next = skip(text, at);
  if (text.charAt(next) !== '{') throw new JsonFault(NO_OBJECT);
  next = skip(text, next + 1);
  if (text.charAt(next) === '}') return;
  for (;;) {
    if (text.charAt(next) !== '"') throw new JsonFault(NO_OBJECT);
    const end = endOf(STRING, text, next, NO_STRING);
    const key = jsonText(text, { kind: 'string', start: next, end });
    next = skip(text, end);
    if (text.charAt(next) !== ':') throw new JsonFault('Key not followed by a value');
    const value = jsonValueAt(text, next + 1);
    yield [key, value];
    next = skip(text, value.end);
    const separator = text.charAt(next);
    if (separator === '}') return;
    if (separator !== ',') throw new JsonFault(NO_OBJECT);
    next = skip(text, next + 1);
  }
}

/** The elements of the array at `at`. Throws `JsonFault`. */
export function* jsonElements(text: string, at: number): Generator<JsonValue, void, undefined> {
  let next = skip(text, at);
  if (text.charAt(next) !== '[') throw new JsonFault(NO_ARRAY);
  next = skip(text, next + 1);
  if (text.charAt(next) === ']') return;
  for (;;) {
    const value = jsonValueAt(text, next);
    yield value;
    next = skip(text, value.end);
    const separator = text.charAt(next);
    if (separator === ']') return;
    if (separator !== ',') throw new JsonFault(NO_ARRAY);
    next = skip(text, next + 1);
  }
}

/**
 * A value as a label: strings unescaped, U+FFFD as a space, '' where an escape is broken; `null`
 * as ''; anything else as it is written.
 */
export const jsonText = (text: string, value: JsonValue): string => {
  const { kind, start, end } = value;
  if (kind === 'null') return '';
  if (kind !== 'string') return text.slice(start, end);
  const inner = text.slice(start + 1, end - 1);
  return cleaned(inner.includes('\\') ? unescape(inner) : inner);
};

/** Labels cannot hold the replacement character. */
export const cleaned = (value: string): string =>
  value.includes('\ufffd') ? value.replaceAll('\ufffd', ' ') : value;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Undoes JSON's escapes, and those in `more`; '' where one is broken or half of a pair. */
export const unescape = (inner: string, more = ''): string => {
  let faults = 0;
  const plain = inner.replaceAll(
    /\\(u([0-9a-fA-F]{4})|[^])/g,
    (_, escape: string, hex?: string) => {
      if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
      const char = ESCAPES[escape] ?? (more.includes(escape) ? escape : undefined);
      if (char === undefined) faults++;
      return char ?? '';
    },
  );
  return faults > 0 || !plain.isWellFormed() ? '' : plain;
};
