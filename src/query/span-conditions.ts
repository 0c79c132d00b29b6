import { SPAN_COLUMNS } from '../model/span-columns.ts';
import type { AccessFilter } from './access-filter.ts';
import { compareSql, holdsForAbsent } from './conditions.ts';
import type { Matcher } from './logql/ast.ts';
import { MESH_LABELS } from './record-labels.ts';
import type { SqlParams } from './sql-params.ts';

/** What a reader may see of spans: labels are asked of the columns that records have them from. */
export const spanAccessSql = (access: AccessFilter, params: SqlParams): string | undefined => {
  if (access.anyOf.some((allOf) => allOf.length === 0)) return undefined;
  if (access.anyOf.length === 0) return '0';
  const alternatives = access.anyOf.map(
    (allOf) => `(${allOf.map((matcher) => matcherSql(matcher, params)).join(' AND ')})`,
  );
  return `(${alternatives.join(' OR ')})`;
};

/** A label that spans do not have is absent. */
const matcherSql = (matcher: Matcher, params: SqlParams): string => {
  const column = MESH_LABELS.find(([label]) => label === matcher.name)?.[1];
  const isThere = SPAN_COLUMNS.some(({ name }) => name === column);
  if (column === undefined || !isThere) return holdsForAbsent(matcher) ? '1' : '0';
  return compareSql(column, matcher, params);
};
