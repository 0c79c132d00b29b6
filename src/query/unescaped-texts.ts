import { DIALECT } from '../model/layout-json.ts';
import type { Place } from './hole-text.ts';
import { asciiEscapes } from './layout-sql-json.ts';

/**
 * Texts of which a value must have one, at the same place, so that its escaped form has a text
 * there: `n` is in what is written for `n` and for a line feed. So that values need not be escaped
 * to be searched. Exact; `undefined` where there are too many, or where the dialect escapes more
 * than single bytes. All are binary strings.
 */
export const unescapedTexts = (
  dialect: number,
  place: Place,
  text: string,
): readonly string[] | undefined => {
  if ((dialect & (DIALECT.ascii | DIALECT.lines)) !== 0) return undefined;
  const escapes = escapesOf(dialect);
  const openStart = place === 'contains' || place === 'endsWith';
  const openEnd = place === 'contains' || place === 'startsWith';
  const found = new Set(read(text, 0, '', escapes, openEnd));
  if (openStart) {
    for (const [character, escape] of escapes) {
      for (let from = 1; from < escape.length; from++) {
        const tail = escape.slice(from);
        if (text.startsWith(tail)) {
          for (const one of read(text, tail.length, character, escapes, openEnd)) found.add(one);
        } else if (openEnd && tail.startsWith(text)) found.add(character);
      }
    }
  }
  return found.size > MOST_TEXTS ? undefined : [...found];
};

/** A text that ends within an escape stands for each of some 30 characters. */
const MOST_TEXTS = 80;

const known = new Map<number, ReadonlyMap<string, string>>();

/** There are 256 such dialects. */
const escapesOf = (dialect: number): ReadonlyMap<string, string> => {
  let escapes = known.get(dialect);
  if (escapes === undefined) known.set(dialect, (escapes = asciiEscapes(dialect)));
  return escapes;
};

/** What the escaped text from `at` on, where no escape is open, stands for, behind `before`. */
const read = (
  text: string,
  at: number,
  before: string,
  escapes: ReadonlyMap<string, string>,
  openEnd: boolean,
): readonly string[] => {
  let raw = before;
  let i = at;
  while (i < text.length) {
    const character = text[i] as string;
    if (character !== '\\') {
      if (escapes.has(character)) return [];
      raw += character;
      i++;
      continue;
    }
    const rest = text.slice(i, i + LONGEST_ESCAPE);
    const meant = [...escapes].find(([, escape]) => rest.startsWith(escape));
    if (meant === undefined) {
      if (!openEnd) return [];
      return [...escapes].filter(([, escape]) => escape.startsWith(rest)).map(([one]) => raw + one);
    }
    raw += meant[0];
    i += meant[1].length;
  }
  return [raw];
};

/** `\u0000` */
const LONGEST_ESCAPE = 6;
