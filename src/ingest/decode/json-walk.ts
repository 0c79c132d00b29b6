import { skipSpace, skipValue, stringEnd, unescapeInto } from '../../model/json-text.ts';

/**
 * A walk over JSON that `checkJson` has accepted as a whole: no byte is judged again, and nothing
 * is made per value. Positions are those of a value's first byte.
 */

/** Where the one value of `buf` starts; -1 where `buf` is anything but one JSON value. */
export const checkJson = (buf: Uint8Array): number => {
  const at = skipSpace(buf, 0, buf.length);
  const end = skipValue(buf, at, buf.length);
  return end >= 0 && skipSpace(buf, end, buf.length) === buf.length ? at : -1;
};

/** Takes a member's value and gives the position after it, or -1 to have it skipped. */
export type VisitMember = (name: JsonName, at: number) => number;

/** A member's name: a range over the text, or over a copy where it held escapes. */
export class JsonName {
  buf: Uint8Array = EMPTY;
  start = 0;
  end = 0;

  set(buf: Uint8Array, start: number, end: number): void {
    this.buf = buf;
    this.start = start;
    this.end = end;
    for (let i = start; i < end; i++) {
      if (buf[i] !== 0x5c) continue;
      this.buf = new Uint8Array(end - start);
      this.start = 0;
      this.end = unescapeInto(this.buf, 0, buf, start, end);
      return;
    }
  }

  is(word: Uint8Array): boolean {
    const { buf, start } = this;
    if (this.end - start !== word.length) return false;
    for (let i = 0; i < word.length; i++) if (buf[start + i] !== word[i]) return false;
    return true;
  }
}

const EMPTY = new Uint8Array(0);

/** Visits the members of the object at `at`; gives the position after it. */
export const walkObject = (buf: Uint8Array, at: number, visit: VisitMember): number => {
  const { length } = buf;
  const name = new JsonName();
  at = skipSpace(buf, at + 1, length);
  while (at < length && buf[at] !== 0x7d) {
    if (buf[at] === 0x2c) at = skipSpace(buf, at + 1, length);
    const quote = stringEnd(buf, at + 1, length);
    name.set(buf, at + 1, quote);
    // the colon
    at = skipSpace(buf, skipSpace(buf, quote + 1, length) + 1, length);
    const end = visit(name, at);
    at = skipSpace(buf, end < 0 ? skipValue(buf, at, length) : end, length);
  }
  return at + 1;
};

/** Visits the items of the array at `at`; gives the position after it. */
export const walkArray = (
  buf: Uint8Array,
  at: number,
  visit: (at: number, index: number) => number,
): number => {
  const { length } = buf;
  at = skipSpace(buf, at + 1, length);
  for (let index = 0; at < length && buf[at] !== 0x5d; index++) {
    if (buf[at] === 0x2c) at = skipSpace(buf, at + 1, length);
    const end = visit(at, index);
    at = skipSpace(buf, end < 0 ? skipValue(buf, at, length) : end, length);
  }
  return at + 1;
};

export const isObject = (buf: Uint8Array, at: number): boolean => buf[at] === 0x7b;
export const isArray = (buf: Uint8Array, at: number): boolean => buf[at] === 0x5b;
export const isString = (buf: Uint8Array, at: number): boolean => buf[at] === 0x22;
export const isNull = (buf: Uint8Array, at: number): boolean => buf[at] === 0x6e;
