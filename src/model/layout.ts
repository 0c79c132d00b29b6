import { COLUMNS } from './columns.ts';
import { dialectText, parseDialect } from './layout-json.ts';
import {
  DASH_FORM,
  NUMBER_FORM,
  printNumber,
  printText,
  printTimeForm,
  TEXT_FORM,
  type Form,
  type ScaledUnit,
} from './layout-form.ts';
import { parseTimeForm, timeFormText } from './layout-time.ts';

/**
 * A line without its values: the bytes between them, with a named hole for each (DESIGN.md, "The
 * line, kept once"). Filling the holes from a record's columns gives the line byte for byte.
 *
 * As text, which is what the `layout` column holds: literals as they are, but `<` and `\` with a
 * backslash before them; a hole as `<column>`, `<attributes.key>`, `<column:form>`, where a key's
 * `<`, `>`, `:` and `\` have a backslash before them. For example
 * `{"ts":"<timestamp:time T.9Z>","status":<status:number>,"port":<attributes.port>}`.
 * Texts are binary strings, one character a byte, because lines need not be UTF-8.
 */
export interface Layout {
  readonly text: string;
  /** One more than the holes: before the first, between, after the last. Binary strings. */
  readonly literals: readonly string[];
  readonly holes: readonly Hole[];
}

export interface Hole {
  /** Number of the column. */
  readonly column: number;
  /** The key where the column is a map, a binary string; else ''. */
  readonly key: string;
  readonly form: Form;
}

/** The values of one row, as columns hold them. */
export interface RowValues {
  /** Bytes of a name or text column; empty where unset. */
  text(column: number): Uint8Array;
  /** Number columns; 0 where unset. */
  number(column: number): number;
  /** Time columns, nanoseconds since 1970. */
  time(column: number): bigint;
  /** The first value under a key (a binary string) of a map column; empty where there is none. */
  pair(column: number, key: string): Uint8Array;
}

const KINDS = COLUMNS.map(({ kind }) => kind);
const NAMES = COLUMNS.map(({ name }) => name as string);
const byName = new Map(NAMES.map((name, column) => [name, column]));

/** Bytes as a binary string. */
export const binary = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** A binary string's bytes. */
export const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const formText = (form: Form): string => {
  switch (form.kind) {
    case 'text':
      return '';
    case 'dash':
    case 'number':
      return form.kind;
    case 'json':
      return form.dialect === 0 ? 'json' : `json.${dialectText(form.dialect)}`;
    case 'scaled':
      return form.decimals < 0 ? form.unit : `${form.unit}.${form.decimals}`;
    case 'time':
      return timeFormText(form.time);
  }
};

const parseForm = (text: string): Form | undefined => {
  if (text === '') return TEXT_FORM;
  if (text === 'dash') return DASH_FORM;
  if (text === 'number') return NUMBER_FORM;
  const json = /^json(?:\.([a-z]+))?$/.exec(text);
  if (json !== null) {
    const dialect = parseDialect(json[1] ?? '');
    return dialect < 0 ? undefined : { kind: 'json', dialect };
  }
  const scaled = /^(s|ms|us)(?:\.([0-9]))?$/.exec(text);
  if (scaled !== null) {
    const decimals = scaled[2] === undefined ? -1 : Number(scaled[2]);
    return { kind: 'scaled', unit: scaled[1] as ScaledUnit, decimals };
  }
  const time = parseTimeForm(text);
  return time === undefined ? undefined : { kind: 'time', time };
};

const holeText = ({ column, key, form }: Hole): string => {
  const dotted = KINDS[column] === 'map' ? `.${key.replaceAll(/[\\<>:]/g, '\\$&')}` : '';
  const tail = formText(form);
  return `<${NAMES[column]}${dotted}${tail === '' ? '' : `:${tail}`}>`;
};

/** Makes a layout of its parts. */
export const makeLayout = (literals: readonly string[], holes: readonly Hole[]): Layout => {
  let text = '';
  literals.forEach((literal, i) => {
    text += literal.replaceAll(/[\\<]/g, '\\$&');
    const hole = holes[i];
    if (hole !== undefined) text += holeText(hole);
  });
  return { text, literals, holes };
};

/** Which forms a column's kind can have. */
const suits = (column: number, form: Form): boolean => {
  switch (KINDS[column]) {
    case 'time':
      return form.kind === 'time';
    case 'u8':
    case 'u16':
      return form.kind === 'number';
    case 'u64':
      return form.kind === 'number' || form.kind === 'scaled';
    default:
      return form.kind === 'text' || form.kind === 'dash' || form.kind === 'json';
  }
};

/** Reads a layout's text; undefined where it is none. */
export const parseLayout = (text: string): Layout | undefined => {
  const literals: string[] = [];
  const holes: Hole[] = [];
  let literal = '';
  let at = 0;
  while (at < text.length) {
    const character = text[at] as string;
    if (character === '\\') {
      literal += text[at + 1] ?? '';
      at += 2;
    } else if (character === '<') {
      const end = holeEnd(text, at + 1);
      const hole = end < 0 ? undefined : parseHole(text.slice(at + 1, end));
      if (hole === undefined) return undefined;
      literals.push(literal);
      holes.push(hole);
      literal = '';
      at = end + 1;
    } else {
      literal += character;
      at++;
    }
  }
  return { text, literals: [...literals, literal], holes };
};

/** Position of the `>` that ends the hole whose text starts at `at`; -1 where there is none. */
const holeEnd = (text: string, at: number): number => {
  while (at < text.length && text[at] !== '>') at += text[at] === '\\' ? 2 : 1;
  return at < text.length ? at : -1;
};

const parseHole = (text: string): Hole | undefined => {
  let colon = 0;
  while (colon < text.length && text[colon] !== ':') colon += text[colon] === '\\' ? 2 : 1;
  const name = text.slice(0, colon);
  const dot = name.indexOf('.');
  const column = byName.get(dot < 0 ? name : name.slice(0, dot));
  const form = parseForm(text.slice(colon + 1));
  if (column === undefined || form === undefined || !suits(column, form)) return undefined;
  if ((KINDS[column] === 'map') !== dot >= 0) return undefined;
  const key = dot < 0 ? '' : name.slice(dot + 1).replaceAll(/\\([^])/g, '$1');
  return { column, key, form };
};

/** The bytes that a hole prints for a row. */
export const printHole = ({ column, key, form }: Hole, row: RowValues): Uint8Array => {
  const kind = KINDS[column];
  if (kind === 'map') return printText(form, row.pair(column, key));
  if (kind === 'name' || kind === 'text') return printText(form, row.text(column));
  const text =
    kind === 'time' ? printTimeForm(form, row.time(column)) : printNumber(form, row.number(column));
  return bytesOf(text);
};

/** The line of a row that has this layout, byte for byte. */
export const fillLine = (layout: Layout, row: RowValues): Uint8Array => {
  const parts: Uint8Array[] = [];
  layout.literals.forEach((literal, i) => {
    parts.push(bytesOf(literal));
    const hole = layout.holes[i];
    if (hole !== undefined) parts.push(printHole(hole, row));
  });
  return Buffer.concat(parts);
};
