import { VALUE, type ValueKind } from '../../model/fields.ts';
import { skipSpace, skipValue, stringEnd, unescape, unescapeInto } from '../../model/json-text.ts';
import { keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Scratch } from '../../model/record.ts';

/**
 * The members of one JSON object (RFC 8259), one level deep, where its end is not known beforehand:
 * envelopes whose parts are lines of their own (an HEC `event`, the items of an audit list). Values
 * are checked whole and kept as ranges; nested ones stay as they are written.
 */
export class Members {
  count = 0;
  readonly names: Key[] = [];
  readonly kinds: ValueKind[] = [];
  /** Of a string what stands between its quotes, still escaped. */
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  private buf: Uint8Array = EMPTY;
  private name = new Uint8Array(256);

  /** @returns the position after the object at `at`, or -1 where there is no whole one. */
  read(buf: Uint8Array, at: number, end: number): number {
    this.buf = buf;
    this.count = 0;
    if (at >= end || buf[at] !== 0x7b) return -1;
    at = skipSpace(buf, at + 1, end);
    if (at < end && buf[at] === 0x7d) return at + 1;
    for (;;) {
      if (at >= end || buf[at] !== 0x22) return -1;
      const quote = stringEnd(buf, at + 1, end);
      if (quote < 0) return -1;
      const key = this.keyOf(at + 1, quote);
      at = skipSpace(buf, quote + 1, end);
      if (at >= end || buf[at] !== 0x3a) return -1;
      at = skipSpace(buf, at + 1, end);
      const stop = skipValue(buf, at, end);
      if (stop < 0) return -1;
      this.add(key, at, stop);
      at = skipSpace(buf, stop, end);
      if (at >= end) return -1;
      if (buf[at] === 0x7d) return at + 1;
      if (buf[at] !== 0x2c) return -1;
      at = skipSpace(buf, at + 1, end);
    }
  }

  /** Which member has this name (the last one, as parsers have it); -1 where none has. */
  find(key: Key): number {
    for (let i = this.count - 1; i >= 0; i--) if (this.names[i] === key) return i;
    return -1;
  }

  /** A value's bytes, strings unescaped: into the scratch where they held escapes. */
  value(i: number, scratch: Scratch): { buf: Uint8Array; start: number; end: number } {
    const { buf } = this;
    const start = this.starts[i] as number;
    const end = this.ends[i] as number;
    range.buf = buf;
    range.start = start;
    range.end = end;
    if (this.kinds[i] !== VALUE.string) return range;
    for (let at = start; at < end; at++) {
      if (buf[at] !== 0x5c) continue;
      range.start = unescape(scratch, buf, start, end);
      range.buf = scratch.buf;
      range.end = scratch.used;
      break;
    }
    return range;
  }

  /** A value as text, '' where there is none: for rare paths. */
  text(key: Key, scratch: Scratch): string {
    const i = this.find(key);
    if (i < 0) return '';
    const { buf, start, end } = this.value(i, scratch);
    return decoder.decode(buf.subarray(start, end));
  }

  private add(key: Key, start: number, end: number): void {
    // What is hostile costs no memory: nobody reads so many.
    if (this.count >= LIMITS.metadataPerRecord) return;
    const i = this.count++;
    const kind = kindAt(this.buf, start);
    const inside = kind === VALUE.string ? 1 : 0;
    this.names[i] = key;
    this.kinds[i] = kind;
    this.starts[i] = start + inside;
    this.ends[i] = end - inside;
  }

  private keyOf(start: number, end: number): Key {
    const { buf } = this;
    for (let at = start; at < end; at++) {
      if (buf[at] !== 0x5c) continue;
      if (this.name.length < end - start) this.name = new Uint8Array((end - start) * 2);
      return keys.intern(this.name, 0, unescapeInto(this.name, 0, buf, start, end));
    }
    return keys.intern(buf, start, end);
  }
}

const EMPTY = new Uint8Array(0);
const decoder = new TextDecoder();

/** The range that `value` gave last; read it at once. */
const range: { buf: Uint8Array; start: number; end: number } = { buf: EMPTY, start: 0, end: 0 };

/** The kind of the value at `at`, which has been checked. */
export const kindAt = (buf: Uint8Array, at: number): ValueKind => {
  switch (buf[at]) {
    case 0x22:
      return VALUE.string;
    case 0x7b:
      return VALUE.object;
    case 0x5b:
      return VALUE.array;
    case 0x6e:
      return VALUE.null;
    case 0x74:
    case 0x66:
      return VALUE.boolean;
    default:
      return VALUE.number;
  }
};

/**
 * Where reading goes on behind an item that is no JSON: at the next brace that opens an object
 * where one may begin (behind a line's end, a comma, a bracket or another object); -1 where none
 * does.
 */
export const nextObject = (buf: Uint8Array, at: number, end: number): number => {
  for (at++; at < end; at++) {
    if (buf[at] !== 0x7b) continue;
    let before = at - 1;
    while (before > 0 && (buf[before] === 0x20 || buf[before] === 0x09)) before--;
    const byte = buf[before];
    if (byte !== 0x0a && byte !== 0x0d && byte !== 0x7d && byte !== 0x2c && byte !== 0x5b) continue;
    const name = skipSpace(buf, at + 1, end);
    if (name < end && buf[name] === 0x22) return at;
  }
  return -1;
};
