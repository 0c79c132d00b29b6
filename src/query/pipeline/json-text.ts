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

const NUMBER = /-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
/** Everything up to what opens, closes or starts a string, to find the end of a nested value. */
const NEST = /[^"{}[\]]*/y;

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [OPEN, CLOSE, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Takes a member; objects are given by where they start, and say where they end. */
export interface MemberVisitor {
  value(key: string, value: JsonValue): void;
  /** The end of the object at `start`; `undefined` where it was not read. */
  object(key: string, start: number): number | undefined;
}

/** One text, read forward. All methods throw `JsonFault` where it is malformed. */
export class JsonText {
  readonly text: string;
  private readonly plain: boolean;

  constructor(text: string) {
    this.text = text;
    this.plain = !text.includes('\\');
  }

  /** The value that starts at `at`, after spaces. */
  valueAt(at: number): JsonValue {
    const start = this.skip(at);
    switch (this.text.charCodeAt(start)) {
      case QUOTE:
        return { kind: 'string', start, end: this.endOfString(start) };
      case OPEN:
        return { kind: 'object', start, end: this.endOfNested(start, NO_OBJECT) };
      case OPEN_ARRAY:
        return { kind: 'array', start, end: this.endOfNested(start, NO_ARRAY) };
      case 0x74: // true
      case 0x66: // false
        return { kind: 'boolean', start, end: this.endOf(WORD, start) };
      case 0x6e: // null
        return { kind: 'null', start, end: this.endOf(WORD, start) };
      default:
        return { kind: 'number', start, end: this.endOf(NUMBER, start) };
    }
  }

  /** Visits the members of the object at `at`, in order; gives its end. */
  members(at: number, visitor: MemberVisitor): number {
    const { text } = this;
    let next = this.skip(at);
    if (text.charCodeAt(next) !== OPEN) throw new JsonFault(NO_OBJECT);
    next = this.skip(next + 1);
    if (text.charCodeAt(next) === CLOSE) return next + 1;
    for (;;) {
      if (text.charCodeAt(next) !== QUOTE) throw new JsonFault(NO_OBJECT);
      const end = this.endOfString(next);
      const key = this.stringText(next, end);
      next = this.skip(end);
      if (text.charCodeAt(next) !== COLON) throw new JsonFault('Key not followed by a value');
      next = this.skip(this.visit(key, this.skip(next + 1), visitor));
      const separator = text.charCodeAt(next);
      if (separator === CLOSE) return next + 1;
      if (separator !== COMMA) throw new JsonFault(NO_OBJECT);
      next = this.skip(next + 1);
    }
  }

  private visit(key: string, start: number, visitor: MemberVisitor): number {
    if (this.text.charCodeAt(start) === OPEN) {
      return visitor.object(key, start) ?? this.endOfNested(start, NO_OBJECT);
    }
    const value = this.valueAt(start);
    visitor.value(key, value);
    return value.end;
  }

  /** The member of that name of the object at `at`, the first of several. */
  member(at: number, name: string): JsonValue | undefined {
    let found: JsonValue | undefined;
    const take = (key: string, start: number): void => {
      if (key === name) found ??= this.valueAt(start);
    };
    this.members(at, {
      value: (key, { start }) => take(key, start),
      object: (key, start) => {
        take(key, start);
        return undefined;
      },
    });
    return found;
  }

  /** The element with that number of the array at `at`. */
  element(at: number, index: number): JsonValue | undefined {
    let next = this.skip(this.skip(at) + 1);
    if (this.text.charCodeAt(next) === CLOSE_ARRAY) return undefined;
    for (let i = 0; ; i++) {
      const value = this.valueAt(next);
      if (i === index) return value;
      next = this.skip(value.end);
      const separator = this.text.charCodeAt(next);
      if (separator === CLOSE_ARRAY) return undefined;
      if (separator !== COMMA) throw new JsonFault(NO_ARRAY);
      next = this.skip(next + 1);
    }
  }

  /**
   * A value as a label: strings unescaped, U+FFFD as a space, '' where an escape is broken;
   * `null` as ''; anything else as it is written.
   */
  label({ kind, start, end }: JsonValue): string {
    if (kind === 'string') return cleaned(this.stringText(start, end));
    return kind === 'null' ? '' : this.text.slice(start, end);
  }

  private stringText(start: number, end: number): string {
    const inner = this.text.slice(start + 1, end - 1);
    return this.plain || !inner.includes('\\') ? inner : unescape(inner);
  }

  private skip(at: number): number {
    const { text } = this;
    let next = at;
    for (;;) {
      const char = text.charCodeAt(next);
      if (char !== 0x20 && char !== 0x09 && char !== 0x0a && char !== 0x0d) return next;
      next++;
    }
  }

  private endOf(form: RegExp, at: number): number {
    form.lastIndex = at;
    const found = form.exec(this.text)?.[0];
    if (found === undefined) throw new JsonFault('Unknown value type');
    return at + found.length;
  }

  private endOfString(start: number): number {
    const { text } = this;
    let end = text.indexOf('"', start + 1);
    while (end >= 0 && !this.plain && this.isEscaped(start, end)) end = text.indexOf('"', end + 1);
    if (end < 0) throw new JsonFault(NO_STRING);
    return end + 1;
  }

  /** Whether an odd number of backslashes stands before the quote at `end`. */
  private isEscaped(start: number, end: number): boolean {
    let at = end - 1;
    while (at > start && this.text.charCodeAt(at) === BACKSLASH) at--;
    return (end - at) % 2 === 0;
  }

  /** The end of an object or array: brackets are counted, not matched by kind. */
  private endOfNested(start: number, fault: string): number {
    const { text } = this;
    let depth = 0;
    let at = start;
    for (;;) {
      NEST.lastIndex = at;
      at += NEST.exec(text)?.[0].length ?? 0;
      const char = text.charCodeAt(at);
      if (Number.isNaN(char)) throw new JsonFault(fault);
      if (char === QUOTE) {
        at = this.endOfString(at);
        continue;
      }
      at++;
      depth += char === OPEN || char === OPEN_ARRAY ? 1 : -1;
      if (depth === 0) return at;
    }
  }
}

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
