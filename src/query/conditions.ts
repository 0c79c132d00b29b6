import type { AccessFilter } from './access-filter.ts';
import type { Matcher } from './logql/ast.ts';
import { IS_LOKI_SQL, streamLabelParts } from './record-labels.ts';
import { labelRegex, labelRegexSql, plainAlternatives } from './regex.ts';
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

/** What the reader may see. */
export const accessSql = (access: AccessFilter, params: SqlParams): string | undefined => {
  if (access.anyOf.some((allOf) => allOf.length === 0)) return undefined;
  if (access.anyOf.length === 0) return '0';
  const alternatives = access.anyOf.map(
    (allOf) => `(${allOf.map((matcher) => matcherSql(matcher, params)).join(' AND ')})`,
  );
  return `(${alternatives.join(' OR ')})`;
};
