import { COLUMNS } from '../model/columns.ts';
import { binary, type Layout } from '../model/layout.ts';
import { LIMITS } from '../model/limits.ts';
import type { Place } from './hole-text.ts';
import { placesOfNeedle, type HoleTest, type HoleTests } from './layout-needle.ts';
import { memberSql } from './layout-member-sql.ts';
import { holeSql, lineSql, PLAIN_LINE_SQL, valueSql } from './layout-sql.ts';
import { literalSql } from './literal-sql.ts';
import type { SqlParams } from './sql-params.ts';
import { unescapedTexts } from './unescaped-texts.ts';
import { toUtf8 } from './utf8.ts';

/** Where a needle may lie in the lines of some layouts, which are given by their numbers. */
export interface NeedlePlan {
  readonly layouts: readonly Layout[];
  /** Layouts whose every line has it. */
  readonly always: readonly number[];
  /** Alternatives that are the same for several layouts. */
  readonly groups: readonly { readonly members: readonly number[]; readonly any: HoleTests[] }[];
  /** Layouts with too many places: their lines must be filled. */
  readonly unclear: readonly number[];
}

const textOf = (tests: HoleTests): string =>
  JSON.stringify(
    tests.map(({ hole, place, text }) => [hole.column, hole.key, hole.form, place, text]),
  );

/** Finds the places of a needle, a text that is not empty. */
export const planNeedle = (needle: string, layouts: readonly Layout[]): NeedlePlan => {
  const bytes = binary(toUtf8(needle));
  const always: number[] = [];
  const unclear: number[] = [];
  const uses = new Map<string, { readonly tests: HoleTests; readonly members: number[] }>();
  layouts.forEach((layout, i) => {
    const places = uses.size > LIMITS.needlePlacesInAll ? undefined : placesOfNeedle(layout, bytes);
    if (places === true) always.push(i);
    else if (places === undefined) unclear.push(i);
    else {
      for (const tests of places) {
        const key = textOf(tests);
        const use = uses.get(key);
        if (use === undefined) uses.set(key, { tests, members: [i] });
        else if (use.members.at(-1) !== i) use.members.push(i);
      }
    }
  });
  const groups = new Map<
    string,
    { readonly members: readonly number[]; readonly any: HoleTests[] }
  >();
  for (const { tests, members } of uses.values()) {
    const key = members.join();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { members, any: [tests] });
    else group.any.push(tests);
  }
  return { layouts, always, groups: [...groups.values()], unclear };
};

/** Whether a row's line contains the needle. */
export const needleSql = (needle: string, plan: NeedlePlan, params: SqlParams): string => {
  const bound = params.text(needle);
  const { layouts } = plan;
  const plain = `position(${PLAIN_LINE_SQL}, ${bound}) > 0`;
  if (layouts.length === 0) return plain;
  const isMember = memberSql(layouts);
  const isOneOf = (members: readonly number[]): string =>
    members.length === layouts.length
      ? `layout != ''`
      : isMember(members.map((i) => layouts[i] as Layout));
  const parts = [`(layout = '' AND ${plain})`];
  if (plan.always.length > 0) parts.push(isOneOf(plan.always));
  for (const { members, any } of plan.groups) {
    const tests = any.map((all) => all.map((one) => testSql(one, needle, bound)).join(' AND '));
    parts.push(`(${isOneOf(members)} AND (${tests.join(' OR ')}))`);
  }
  if (plan.unclear.length > 0) {
    const lines = lineSql(plan.unclear.map((i) => layouts[i] as Layout));
    parts.push(`(${isOneOf(plan.unclear)} AND position(${lines}, ${bound}) > 0)`);
  }
  const exact = `(${parts.join(' OR ')})`;
  const cheap = cheapSql(plan, needle, bound, isOneOf);
  return cheap === undefined ? exact : `(${cheap} AND ${exact})`;
};

/** Keys of maps from which on one look at all values is cheaper than one for each key. */
const KEYS_WORTH_IT = 3;

/**
 * What lets no row with the needle go by, and looks at the values of a map but once: a key's value
 * has to be found among all of them. `undefined` where that is not worth it, or not known.
 */
const cheapSql = (
  { always, groups, unclear }: NeedlePlan,
  needle: string,
  bound: string,
  isOneOf: (members: readonly number[]) => string,
): string | undefined => {
  const parts = new Set<string>([`layout = ''`]);
  if (always.length + unclear.length > 0) parts.add(isOneOf([...always, ...unclear]));
  const keys = new Set<string>();
  for (const test of groups.flatMap(({ any }) => any).map(leastOf)) {
    if (test === undefined) return undefined;
    const column = COLUMNS[test.hole.column];
    if (column?.kind !== 'map') {
      parts.add(testSql(test, needle, bound));
      continue;
    }
    const pieces = piecesOf(test, needle, bound);
    if (pieces === undefined) return undefined;
    keys.add(`${column.name}.${test.hole.key}`);
    for (const piece of pieces) {
      parts.add(`arrayExists(v -> position(v, ${piece}) > 0, mapValues(${column.name}))`);
    }
  }
  return keys.size < KEYS_WORTH_IT ? undefined : `(${[...parts].join(' OR ')})`;
};

/** Of tests that must all hold one to look at: not of a map, where there is such a one. */
const leastOf = (tests: HoleTests): HoleTest | undefined =>
  tests.find(({ hole }) => COLUMNS[hole.column]?.kind !== 'map') ??
  tests.find(({ text }) => text !== '');

/** Texts of which a value must hold one to pass, as SQL; `undefined` where that is not known. */
const piecesOf = (
  { hole, place, text }: HoleTest,
  needle: string,
  bound: string,
): readonly string[] | undefined => {
  const { form } = hole;
  if (form.kind === 'json') return unescapedTexts(form.dialect, place, text)?.map(literalSql);
  // A dash may stand for nothing.
  const isStored = form.kind === 'text' || (form.kind === 'dash' && text !== '-');
  return isStored ? [pieceSql(text, needle, bound)] : undefined;
};

const testSql = ({ hole, place, text }: HoleTest, needle: string, bound: string): string => {
  const { form } = hole;
  if (form.kind === 'number') {
    const compared = numberTestSql(valueSql(hole), COLUMNS[hole.column]?.kind, place, text);
    if (compared !== undefined) return compared;
  }
  if (form.kind === 'json') {
    const texts = unescapedTexts(form.dialect, place, text);
    if (texts !== undefined) {
      const value = valueSql(hole);
      return `(${texts.map((one) => placeSql(value, place, literalSql(one))).join(' OR ')})`;
    }
  }
  // A dash where the value is empty matters to the dash alone.
  const isPlain = form.kind === 'text' || (form.kind === 'dash' && text !== '-');
  const printed = isPlain ? valueSql(hole) : holeSql(hole);
  return placeSql(printed, place, pieceSql(text, needle, bound));
};

const placeSql = (printed: string, place: Place, text: string): string => {
  if (place === 'equals') return `${printed} = ${text}`;
  return place === 'contains'
    ? `position(${printed}, ${text}) > 0`
    : `${place}(${printed}, ${text})`;
};

/** A part of the needle as a part of its bound value: users' texts are never written. */
const pieceSql = (text: string, needle: string, bound: string): string => {
  const bytes = binary(toUtf8(needle));
  if (text === bytes) return bound;
  return text === '' ? `''` : `substring(${bound}, ${bytes.indexOf(text) + 1}, ${text.length})`;
};

/** Comparisons of numbers are cheaper than those of their digits. */
const numberTestSql = (
  value: string,
  kind: string | undefined,
  place: string,
  digits: string,
): string | undefined => {
  if (place === 'equals') return `${value} = ${digits}`;
  const greatest = kind === 'u8' ? 255 : kind === 'u16' ? 65_535 : 0;
  if (place !== 'startsWith' || greatest === 0) return undefined;
  const ranges: string[] = [];
  let [from, to] = [Number(digits), Number(digits) + 1];
  while (from <= greatest) {
    ranges.push(`${value} BETWEEN ${from} AND ${to - 1}`);
    if (from === 0) break;
    [from, to] = [from * 10, to * 10];
  }
  return ranges.length === 0 ? '0' : `(${ranges.join(' OR ')})`;
};
