import { binary, type Layout } from '../model/layout.ts';
import { jsonLabelsOf, type LabelSource, type LayoutLabels } from './layout-labels.ts';
import { memberSql, type MemberSql } from './layout-member-sql.ts';
import { canFillInSql, holeSql, valueSql } from './layout-sql.ts';
import { literalSql } from './literal-sql.ts';
import { toUtf8 } from './utf8.ts';

/**
 * Labels behind `| json` in SQL, of rows whose layouts tell what parsing the line would give. Lines
 * that stand whole in the tables are in doubt, but for those that are no JSON at all.
 */
export interface ParsedSpace {
  readonly type: 'json';
  readonly layouts: readonly LayoutLabels[];
  /** Tells these layouts from all that rows may have. */
  readonly isOneOf: MemberSql;
}

/** `undefined` where SQL can tell nothing. */
export const jsonSpace = (layouts: readonly Layout[]): ParsedSpace | undefined => {
  if (!canFillInSql(layouts)) return undefined;
  const labels = layouts.flatMap((layout) => jsonLabelsOf(layout) ?? []);
  if (labels.length === 0) return undefined;
  return { type: 'json', layouts: labels, isOneOf: memberSql(layouts) };
};

export interface ParsedLabelSql {
  /** The value that parsing gives, '' where absent. */
  readonly text: string;
  /** Rows of which SQL cannot tell it. */
  readonly doubt: string;
  /** Whether a row with the text '' may have the label, which is then empty and not absent. */
  readonly mayBeEmpty: string;
}

export const parsedLabelSql = (name: string, { layouts, isOneOf }: ParsedSpace): ParsedLabelSql => {
  const having: Layout[] = [];
  const texts = new Branches(isOneOf);
  const doubts = new Branches(isOneOf);
  for (const one of layouts) {
    if (one.labels.has(name)) having.push(one.layout);
    const { text, doubt } = valueOf(name, one);
    texts.add(one.layout, text);
    doubts.add(one.layout, doubt);
  }
  const whole = `line != '' OR match(body, '^[ \\\\t\\\\n\\\\r]*[{]')`;
  return {
    text: texts.sql([], `''`),
    doubt: doubts.sql([`layout = '', ${whole}`], '1'),
    mayBeEmpty: having.length === 0 ? '0' : isOneOf(having),
  };
};

/** Expressions by layout; layouts with the same one are asked for together. */
class Branches {
  private readonly layouts = new Map<string, Layout[]>();
  private readonly isOneOf: MemberSql;

  constructor(isOneOf: MemberSql) {
    this.isOneOf = isOneOf;
  }

  add(layout: Layout, sql: string): void {
    const held = this.layouts.get(sql);
    if (held === undefined) this.layouts.set(sql, [layout]);
    else held.push(layout);
  }

  /** @param none for rows that have none of the layouts; a layout's own need not be said. */
  sql(more: readonly string[], none: string): string {
    const branches = [...this.layouts]
      .filter(([sql]) => sql !== none)
      .map(([sql, layouts]) => `${this.isOneOf(layouts)}, ${sql}`);
    const all = [...branches, ...more];
    return all.length === 0 ? none : `multiIf(${all.join(', ')}, ${none})`;
  }
}

/** Rows whose parsing may fail or give more than their layouts say. */
export const parseDoubtSql = ({ layouts, isOneOf }: ParsedSpace): string =>
  `NOT (${isOneOf(layouts.map(({ layout }) => layout))})`;

const valueOf = (
  name: string,
  { labels }: LayoutLabels,
): { readonly text: string; readonly doubt: string } => {
  const source = labels.get(name);
  const nested = [...labels].flatMap(([label, one]) =>
    one.type === 'value' && name.startsWith(`${label}_`) ? [startsObject(one)] : [],
  );
  const held = source === undefined ? { text: `''`, doubts: [] } : sourceSql(source);
  // Nothing stands before the first of a name; what an object hides may be of another name.
  const doubts = [...held.doubts, ...nested];
  return { text: held.text, doubt: doubts.length === 0 ? '0' : doubts.join(' OR ') };
};

const startsObject = (source: LabelSource & { type: 'value' }): string =>
  `startsWith(${valueSql(source.hole)}, '{')`;

const NUMBER = '-?[0-9]+(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?';

const sourceSql = (source: LabelSource): { text: string; doubts: readonly string[] } => {
  switch (source.type) {
    case 'literal':
      return { text: literalSql(binary(toUtf8(source.text))), doubts: [] };
    case 'mixed':
      return { text: `''`, doubts: ['1'] };
    case 'value': {
      const value = valueSql(source.hole);
      const shown = `match(${value}, '^(?:${NUMBER}|true|false)$')`;
      const known = `match(${value}, '^(?:${NUMBER}|true|false|null)$')`;
      return {
        text: `if(${shown}, ${value}, '')`,
        doubts: [`NOT (${known} OR startsWith(${value}, '['))`],
      };
    }
    case 'printed':
      return printedSql(source);
  }
};

/** What is stored is what JSON's escapes mean; other bytes than UTF-8 show as something else. */
const printedSql = ({
  hole,
}: LabelSource & { type: 'printed' }): { text: string; doubts: readonly string[] } => {
  const { kind } = hole.form;
  const text = kind === 'json' ? valueSql(hole) : holeSql(hole);
  if (kind === 'number' || kind === 'scaled' || kind === 'time') return { text, doubts: [] };
  const broken = `NOT isValidUTF8(${text}) OR position(${text}, ${REPLACEMENT}) > 0`;
  return { text, doubts: [broken] };
};

const REPLACEMENT = literalSql('\xef\xbf\xbd');
