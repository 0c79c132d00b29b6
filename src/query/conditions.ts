import type { AccessFilter } from './access-filter.ts';
import type { Layout } from '../model/layout.ts';
import { lineSql } from './layout-sql.ts';
import type { LineFilter, Matcher } from './logql/ast.ts';
import { IS_LOKI_SQL, streamLabelParts } from './record-labels.ts';
import { labelRegex, labelRegexSql, lineRegexSql, plainAlternatives } from './regex.ts';
import type { SqlParams } from './sql-params.ts';

/** Parts of a WHERE clause, each exactly what the predicate of the same name decides in process. */

/** `(value op text)` for one value expression. */
export const compareSql = (value: string, matcher: Matcher, params: SqlParams): string => {
  const negated = matcher.op === '!=' || matcher.op === '!~';
  if (matcher.op === '=' || matcher.op === '!=') {
    return `${value} ${negated ? '!=' : '='} ${params.text(matcher.value)}`;
  }
  const alternatives = plainAlternatives(matcher.value);
  if (alternatives !== undefined) {
    return `${value} ${negated ? 'NOT IN' : 'IN'} ${params.texts(alternatives)}`;
  }
  return `${negated ? 'NOT ' : ''}match(${value}, ${params.text(labelRegexSql(matcher.value))})`;
};

/** Whether the matcher holds where the label is absent. */
export const holdsForAbsent = (matcher: Matcher): boolean => {
  switch (matcher.op) {
    case '=':
      return matcher.value === '';
    case '!=':
      return matcher.value !== '';
    case '=~':
      return labelRegex(matcher.value)('');
    case '!~':
      return !labelRegex(matcher.value)('');
  }
};

/**
 * A stream matcher. `service_name` is kept in `service` for Loki's streams too, and `service` leads
 * the tables' sort key, so equality is asked of the column first.
 */
export const matcherSql = (matcher: Matcher, params: SqlParams): string => {
  const { loki, column } = streamLabelParts(matcher.name, params);
  const inLoki = compareSql(loki, matcher, params);
  if (column === undefined) {
    return holdsForAbsent(matcher)
      ? `(NOT ${IS_LOKI_SQL} OR ${inLoki})`
      : `(${IS_LOKI_SQL} AND ${inLoki})`;
  }
  const inColumn = compareSql(column, matcher, params);
  const positive = matcher.op === '=' || matcher.op === '=~';
  if (column === 'service' && positive && !holdsForAbsent(matcher)) {
    return `(${inColumn} AND (NOT ${IS_LOKI_SQL} OR ${inLoki}))`;
  }
  return `if(${IS_LOKI_SQL}, ${inLoki}, ${inColumn})`;
};

/**
 * The line as regular expressions see it: runs of bytes that are not UTF-8 as one U+FFFD each,
 * for RE2 stops at them. `toValidUTF8` swallows what follows a broken character at the very end
 * (seen in 26.7), hence the four bytes that are put there and taken away again.
 */
const matchableSql = (line: string): string => {
  const repaired = `(toValidUTF8(concat(filled, '    ')) AS repaired)`;
  return `if(isValidUTF8(${line} AS filled), filled, substring(${repaired}, 1, length(repaired) - 4))`;
};

/** A line filter for which `isSqlLineFilter` holds. */
export const lineFilterSql = (
  filter: LineFilter,
  params: SqlParams,
  layouts: readonly Layout[],
): string => {
  const negated = filter.op === '!=' || filter.op === '!~';
  const line = lineSql(layouts);
  const parts = filter.operands.map(({ text }) => {
    if (text === '') return '1';
    return filter.op === '|=' || filter.op === '!='
      ? `position(${line}, ${params.text(text)}) > 0`
      : `match(${matchableSql(line)}, ${params.text(lineRegexSql(text))})`;
  });
  return `${negated ? 'NOT ' : ''}(${parts.join(' OR ')})`;
};

/** Patterns and addresses are looked for in process; all else the engine decides as we would. */
export const isSqlLineFilter = (filter: LineFilter): boolean =>
  filter.op !== '|>' && filter.op !== '!>' && !filter.operands.some(({ ip }) => ip);

/** What the reader may see. */
export const accessSql = (access: AccessFilter, params: SqlParams): string | undefined => {
  if (access.anyOf.some((allOf) => allOf.length === 0)) return undefined;
  if (access.anyOf.length === 0) return '0';
  const alternatives = access.anyOf.map(
    (allOf) => `(${allOf.map((matcher) => matcherSql(matcher, params)).join(' AND ')})`,
  );
  return `(${alternatives.join(' OR ')})`;
};
