import { fixedGap, type Gap } from '../../model/gap.ts';
import { keys, type Key } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
import { putRequest } from '../normalize/text-format.ts';
import type { FieldValues } from './compiled.ts';
import { formatFault } from './fault.ts';
import type { Field } from './field.ts';
import { isNone, putValue } from './put-value.ts';

/** A definition in its parts: what stands in every line, and values. */
export type Piece = string | Field;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Puts texts that follow each other together, so that there is one between any two fields. */
const merge = (pieces: readonly Piece[]): { literals: string[]; fields: Field[] } => {
  const literals = [''];
  const fields: Field[] = [];
  for (const piece of pieces) {
    if (typeof piece === 'string') literals.push((literals.pop() ?? '') + piece);
    else {
      fields.push(piece);
      literals.push('');
    }
  }
  return { literals, fields };
};

const BLANKS = new Set([0x20, 0x09]);
/** Bytes looked at for one line, at most this many times its length: reading stays linear. */
const MOST_LOOKS = 32;

/** What the search for a line has found: `why` tells it. */
interface Furthest {
  field: number;
  at: number;
}

/**
 * A line of values with fixed texts between them.
 *
 * A value ends where the text behind it stands first and its shape holds; where the rest of the
 * line does not fit then, the next such place is tried, the last value first.
 */
export class Pattern {
  readonly fields: readonly Field[];
  private readonly literals: readonly Uint8Array[];
  private readonly keyed: readonly { readonly key: Key; readonly gap: Gap }[];
  private readonly tail: Gap;
  private readonly starts: Int32Array;
  private readonly ends: Int32Array;
  private looks = 0;
  private readonly furthest: Furthest = { field: 0, at: 0 };

  /** Throws MeshtrailError `format_invalid` where a value's end cannot be told. */
  constructor(definition: string, pieces: readonly Piece[]) {
    const { literals, fields: unnamed } = merge(pieces);
    const fields = named(unnamed);
    this.literals = literals.map((text) => encoder.encode(text));
    this.fields = fields;
    checkEnds(definition, literals, fields);
    this.keyed = fields.map(({ name }, i) => ({
      key: keys.of(name),
      gap: fixedGap(literals[i] as string, name),
    }));
    this.tail = fixedGap(literals.at(-1) as string);
    this.starts = new Int32Array(fields.length);
    this.ends = new Int32Array(fields.length);
  }

  /** Whether the line is in this format; its values are remembered for `put` and `read`. */
  match(buf: Uint8Array, start: number, end: number): boolean {
    const { fields, literals, starts, ends, furthest } = this;
    this.looks = MOST_LOOKS * (end - start + 64);
    furthest.field = 0;
    furthest.at = start;
    const first = literals[0] as Uint8Array;
    if (!standsAt(buf, start, end, first)) return false;
    let from = start + first.length;
    starts[0] = from;
    for (let i = 0; ;) {
      const stop = this.stopOf(i, buf, from, end);
      if (stop >= 0) {
        ends[i] = stop;
        if (++i === fields.length) return true;
        from = stop + (literals[i] as Uint8Array).length;
        starts[i] = from;
        if (i > furthest.field || (i === furthest.field && from > furthest.at)) {
          furthest.field = i;
          furthest.at = from;
        }
        continue;
      }
      // Back to a value that may go on behind where it was thought to end.
      do if (--i < 0 || this.looks < 0) return false;
      while (!this.goesOn(i, buf, end));
      from = (ends[i] as number) + 1;
    }
  }

  /** Whether value `i` may have the byte at its end. */
  private goesOn(i: number, buf: Uint8Array, end: number): boolean {
    const at = this.ends[i] as number;
    const field = this.fields[i] as Field;
    return at < end && field.time === undefined && allows(field, buf[at] as number);
  }

  /** The first place at or behind `from` where value `i` can end, -1 where there is none. */
  private stopOf(i: number, buf: Uint8Array, from: number, end: number): number {
    const field = this.fields[i] as Field;
    const literal = this.literals[i + 1] as Uint8Array;
    const start = this.starts[i] as number;
    const isLast = i + 1 === this.fields.length;
    const fits = (at: number): boolean =>
      standsAt(buf, at, end, literal) &&
      (!isLast || at + literal.length === end) &&
      this.suits(field, buf, start, at);
    if (field.time !== undefined) {
      const stop = field.time.measure(buf, start, end);
      if (stop >= from && fits(stop)) return stop;
      return from <= start + 1 && buf[start] === 0x2d && fits(start + 1) ? start + 1 : -1;
    }
    const last = end - literal.length;
    let at = from;
    if (isLast && (field.shape === 'any' || field.shape === 'request')) at = Math.max(at, last);
    for (; at <= last; at++) {
      if (--this.looks < 0) return -1;
      if (fits(at)) return at;
      if (at < end && !allows(field, buf[at] as number)) return -1;
    }
    return -1;
  }

  private suits(field: Field, buf: Uint8Array, start: number, end: number): boolean {
    const { shape } = field;
    if (shape === 'any' || shape === 'request') return true;
    if (start === end) return field.blank === true;
    if (shape !== 'list') return true;
    return isList(buf, start, end);
  }

  /** Puts the matched values into the record, and the way through the line. */
  put(record: LogRecord): void {
    const { fields, keyed, starts, ends } = this;
    const buf = record.lineBuf;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i] as Field;
      const { key, gap } = keyed[i] as { key: Key; gap: Gap };
      const start = starts[i] as number;
      const end = ends[i] as number;
      if (field.shape === 'request' && !isNone(field, buf, start, end))
        putRequest(record, gap, buf, start, end);
      else record.step(gap, putValue(record, field, key, buf, start, end));
    }
    record.tail = this.tail;
  }

  /** The texts of the matched values. */
  values(buf: Uint8Array): FieldValues {
    return this.fields.map((field, i) => {
      const start = this.starts[i] as number;
      const end = this.ends[i] as number;
      if (isNone(field, buf, start, end)) return undefined;
      const text = decoder.decode(buf.subarray(start, end));
      return field.escaped === true ? unescaped(text) : text;
    });
  }

  print(values: FieldValues): Uint8Array {
    let line = '';
    this.literals.forEach((literal, i) => {
      line += decoder.decode(literal);
      const field = this.fields[i];
      if (field === undefined) return;
      const value = values[i] ?? (field.blank === true ? '' : '-');
      line += field.escaped === true ? JSON.stringify(value).slice(1, -1) : value;
    });
    return encoder.encode(line);
  }

  /** Where the line that was tried last stops to fit. */
  why(start: number): string {
    const { field: i, at } = this.furthest;
    const literal = decoder.decode(this.literals[i + 1]);
    const field = this.fields[i];
    const what = field === undefined ? '' : `${field.operator} (${WORDS[field.shape]})`;
    const before = decoder.decode(this.literals[0]);
    if (i === 0 && at === start && before !== '') return `column 1: '${before}' does not begin it`;
    const behind = literal === '' ? 'to the end of the line' : `and then '${literal}'`;
    return `column ${at - start + 1}: expected ${what} ${behind}`;
  }
}

const WORDS: Readonly<Record<Field['shape'], string>> = {
  number: 'a number',
  word: 'no blanks',
  list: 'words joined by commas',
  any: 'any text',
  request: 'a request line',
};

const unescaped = (text: string): string => {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
};

/** Refuses what has no end: nothing between two values, or a line without any value. */
const checkEnds = (
  definition: string,
  literals: readonly string[],
  fields: readonly Field[],
): void => {
  if (fields.length === 0)
    throw formatFault(definition, 0, 'there is no value in it', 'name at least one field');
  fields.forEach((field, i) => {
    const next = fields[i + 1];
    if (next === undefined || literals[i + 1] !== '' || field.time !== undefined) return;
    throw formatFault(
      definition,
      next.at,
      `nothing stands between ${field.operator} and ${next.operator}, ` +
        `so that nobody can tell where the first ends`,
      'put a character between them that the first value never has',
    );
  });
};

/** Names that occur twice get a number, so that each keeps its own value. */
const named = (fields: readonly Field[]): Field[] => {
  const seen = new Map<string, number>();
  return fields.map((field) => {
    const count = (seen.get(field.name) ?? 0) + 1;
    seen.set(field.name, count);
    return count === 1 ? field : { ...field, name: `${field.name}_${count}` };
  });
};

const standsAt = (buf: Uint8Array, at: number, end: number, literal: Uint8Array): boolean => {
  if (at + literal.length > end) return false;
  for (let i = 0; i < literal.length; i++) if (buf[at + i] !== literal[i]) return false;
  return true;
};

const allows = ({ shape }: Field, byte: number): boolean => {
  if (shape === 'number')
    return (byte >= 0x30 && byte <= 0x39) || byte === 0x2e || byte === 0x2d || byte === 0x2b;
  return shape !== 'word' || !BLANKS.has(byte);
};

const COMMA = 0x2c;
const COLON = 0x3a;

/** Words joined by `, ` or ` : `; no word begins or ends the joint. */
const isList = (buf: Uint8Array, start: number, end: number): boolean => {
  const isJoint = (at: number): boolean =>
    buf[at] === COMMA || (buf[at] === COLON && buf[at - 1] === 0x20);
  const first = buf[start] as number;
  if (first === COMMA || first === COLON || BLANKS.has(first)) return false;
  if (isJoint(end - 1) || BLANKS.has(buf[end - 1] as number)) return false;
  for (let at = start; at < end; at++) {
    if (!BLANKS.has(buf[at] as number)) continue;
    const isBehind = isJoint(at - 1);
    const isBefore = buf[at + 1] === COLON && buf[at + 2] === 0x20;
    if (!isBehind && !isBefore) return false;
  }
  return true;
};
