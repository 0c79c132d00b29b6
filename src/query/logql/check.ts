import type { Expr, LogExpr, Matcher } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { refuse } from './cursor.ts';
import { Refusal } from './errors.ts';
import type { RegexChecker } from './regex.ts';

/**
 * Refuses what parses but means nothing, in Loki's order: from the root down, left before right,
 * the faults found while parsing and every selector that would select all streams.
 */
export const checkMeaning = (expr: Expr, cursor: Pick<Cursor, 'deferred' | 'regexes'>): void => {
  const fault = cursor.deferred.get(expr);
  if (fault !== undefined) throw new Refusal(fault);
  switch (expr.type) {
    case 'log':
      return checkSelector(expr, cursor.regexes);
    case 'range_aggregation':
      return checkSelector(expr.range.log, cursor.regexes);
    case 'vector_aggregation':
      if (expr.op.startsWith('sort') && (expr.grouping?.labels.length ?? 0) > 0) {
        refuse("sort and sort_desc doesn't allow grouping by ", expr.grouping?.pos ?? expr.pos);
      }
      return checkMeaning(expr.expr, cursor);
    case 'label_replace':
      return checkMeaning(expr.expr, cursor);
    case 'binary':
      checkMeaning(expr.left, cursor);
      return checkMeaning(expr.right, cursor);
    case 'literal':
    case 'vector':
      return;
  }
};

const NOTHING_SELECTED =
  'queries require at least one regexp or equality matcher that does not have an ' +
  'empty-compatible value. For instance, app=~".*" does not meet this requirement, but app=~".+" ' +
  'will';

const checkSelector = ({ matchers, pos }: LogExpr, regexes: RegexChecker): void => {
  if (matchers.every((matcher) => takesAbsent(matcher, regexes))) refuse(NOTHING_SELECTED, pos);
};

/** Whether a stream without this label satisfies the matcher. */
const takesAbsent = ({ op, value }: Matcher, regexes: RegexChecker): boolean => {
  switch (op) {
    case '=':
      return value === '';
    case '!=':
      return value !== '';
    case '=~':
      return regexes.matchesEmpty(value);
    case '!~':
      return !regexes.matchesEmpty(value);
  }
};
