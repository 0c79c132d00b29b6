import type { Layout } from '../model/layout.ts';
import { canBeNamed } from './layout-member-sql.ts';
import { canFillInSql, lineSql } from './layout-sql.ts';
import type { LineFilter } from './logql/ast.ts';
import { needleSql, planNeedle } from './needle-sql.ts';
import { lineRegexSql } from './regex.ts';
import { regexTexts } from './regex-texts.ts';
import type { SqlParams } from './sql-params.ts';

/**
 * How a line filter is decided over lines that are kept as layouts and values:
 *
 * - `line`       there are no layouts: the line stands in a column
 * - `literals`   the layouts alone tell, no value matters
 * - `columns`    exactly, by tests of the columns that are printed
 * - `filled`     on lines filled in SQL
 * - `pre-filter, filled`     the same for the rows that a test of columns lets through
 * - `pre-filter, in process` the rows that a test of columns lets through are decided here
 * - `in process` all rows are decided here
 */
export type FilterCase =
  | 'line'
  | 'literals'
  | 'columns'
  | 'filled'
  | 'pre-filter, filled'
  | 'pre-filter, in process'
  | 'in process';

/** From the most to the least that is left to do. */
const BY_WORK: readonly FilterCase[] = [
  'in process',
  'pre-filter, in process',
  'filled',
  'pre-filter, filled',
  'columns',
  'literals',
  'line',
];

export interface LineFilterPlan {
  readonly case: FilterCase;
  /** Whether rows that pass in SQL need no second look. */
  readonly decided: boolean;
  /** The condition; `undefined` where the engine can tell nothing. */
  readonly sql: ((params: SqlParams) => string) | undefined;
}

const IN_PROCESS: LineFilterPlan = { case: 'in process', decided: false, sql: undefined };

/** One alternative of a filter, as a plan of its own. */
type Operand = LineFilterPlan;

export const planLineFilter = (filter: LineFilter, layouts: readonly Layout[]): LineFilterPlan => {
  // Patterns and addresses are looked for in process.
  if (filter.op === '|>' || filter.op === '!>' || filter.operands.some(({ ip }) => ip)) {
    return IN_PROCESS;
  }
  const isText = filter.op === '|=' || filter.op === '!=';
  const negated = filter.op === '!=' || filter.op === '!~';
  const operands = filter.operands.map(({ text }) =>
    isText ? planText(text, layouts) : planRegex(text, layouts),
  );
  const conditions = operands.map(({ sql }) => sql);
  const decided = operands.every((one) => one.decided);
  // What lets too much through tells nothing about its opposite.
  if (conditions.includes(undefined) || (negated && !decided)) return IN_PROCESS;
  return {
    case: caseOf(operands),
    decided,
    sql: (params) => {
      const parts = conditions.map((sql) => sql?.(params));
      return `${negated ? 'NOT ' : ''}(${parts.join(' OR ')})`;
    },
  };
};

const ALWAYS: Operand = { case: 'literals', decided: true, sql: () => '1' };

const planText = (needle: string, layouts: readonly Layout[]): Operand => {
  if (needle === '') return ALWAYS;
  const plan = planNeedle(needle, layouts);
  const sql = (params: SqlParams): string => needleSql(needle, plan, params);
  if (layouts.length === 0) return { case: 'line', decided: true, sql };
  if (plan.unclear.length > 0) {
    const unclear = plan.unclear.map((i) => layouts[i] as Layout);
    return canFillInSql(unclear) && canBeNamed(layouts)
      ? { case: 'filled', decided: true, sql }
      : IN_PROCESS;
  }
  if (!canBeNamed(layouts)) return IN_PROCESS;
  if (isDigits(needle) && canFillInSql(layouts) && plan.groups.length > 0) {
    const filled = (params: SqlParams): string =>
      `position(${lineSql(layouts)}, ${params.text(needle)}) > 0`;
    return { case: 'filled', decided: true, sql: filled };
  }
  return { case: plan.groups.length > 0 ? 'columns' : 'literals', decided: true, sql };
};

/**
 * Digits alone may be in everything that is printed: printing all numbers and times one by one
 * takes longer than filling the line once (1.6 times, measured).
 */
const isDigits = (needle: string): boolean => /^[0-9.]+$/.test(needle);

const planRegex = (regex: string, layouts: readonly Layout[]): Operand => {
  if (regex === '') return ALWAYS;
  const found = regexTexts(regex);
  const texts = found?.texts.map((text) => planText(text, layouts));
  const pre = texts?.every((one) => one.decided && one.case !== 'filled') === true ? texts : [];
  const preSql = (params: SqlParams): string =>
    `(${pre.map((one) => one.sql?.(params)).join(' OR ')})`;
  if (found?.exact === true && texts !== undefined && pre.length > 0) {
    return { case: caseOf(pre), decided: true, sql: preSql };
  }
  if (!canFillInSql(layouts)) {
    if (pre.length === 0) return IN_PROCESS;
    return { case: 'pre-filter, in process', decided: false, sql: preSql };
  }
  const matched = (params: SqlParams): string =>
    matchSql(lineSql(layouts), params.text(lineRegexSql(regex)));
  if (layouts.length === 0) return { case: 'line', decided: true, sql: matched };
  if (pre.length === 0) return { case: 'filled', decided: true, sql: matched };
  return {
    case: 'pre-filter, filled',
    decided: true,
    sql: (params) => `(${preSql(params)} AND ${matched(params)})`,
  };
};

const caseOf = (operands: readonly Operand[]): FilterCase =>
  BY_WORK.find((name) => operands.some((one) => one.case === name)) ?? 'line';

/**
 * Matches the line as regular expressions see it: runs of bytes that are not UTF-8 as one U+FFFD
 * each, for RE2 stops at them. `toValidUTF8` swallows what follows a broken character at the very
 * end (seen in 26.7), hence the four bytes that are put there and taken away again. The line, which
 * may be a long expression, gets a name by being the only element of an array.
 */
const matchSql = (line: string, regex: string): string => {
  const repaired = `toValidUTF8(concat(l, '    '))`;
  const text = `if(isValidUTF8(l), l, substring(${repaired}, 1, length(${repaired}) - 4))`;
  return `arrayExists(l -> match(${text}, ${regex}), [${line}])`;
};
