import type { Expr, LogExpr, Matcher } from './ast.ts';
import { refuse } from './cursor.ts';
import type { Fault } from './errors.ts';
import { Refusal } from './errors.ts';
import { matchesEmpty } from './regex.ts';

/**
 * Refuses what parses but means nothing, in Loki's order: from the root down, left before right,
 * the faults found while parsing and every selector that would select all streams.
 */
export const checkMeaning = (expr: Expr, deferred: ReadonlyMap<object, Fault>): void => {
  const fault = deferred.get(expr);
  if (fault !== undefined) throw new Refusal(fault);
  switch (expr.type) {
    case 'log':
      return checkSelector(expr);
    case 'range_aggregation':
      return checkSelector(expr.range.log);
    case 'vector_aggregation':
      if (expr.op.startsWith('sort') && (expr.grouping?.labels.length ?? 0) > 0) {
        refuse("sort and sort_desc doesn't allow grouping by ", expr.grouping?.pos ?? expr.pos);
      }
      return checkMeaning(expr.expr, deferred);
    case 'label_replace':
      return checkMeaning(expr.expr, deferred);
    case 'binary':
      checkMeaning(expr.left, deferred);
      return checkMeaning(expr.right, deferred);
    case 'literal':
    case 'vector':
      return;
  }
};

const NOTHING_SELECTED =
  'queries require at least one regexp or equality matcher that does not have an ' +
  'empty-compatible value. For instance, app=~".*" does not meet this requirement, but app=~".+" ' +
  'will';

const checkSelector = ({ matchers, pos }: LogExpr): void => {
  if (matchers.every(takesAbsent)) refuse(NOTHING_SELECTED, pos);
};

/** Whether a stream without this label satisfies the matcher. */
const takesAbsent = ({ op, value }: Matcher): boolean => {
  switch (op) {
    case '=':
      return value === '';
    case '!=':
      return value !== '';
    case '=~':
      return matchesEmpty(value);
    case '!~':
      return !matchesEmpty(value);
  }
};
