import { LIMITS } from '../../model/limits.ts';
import type { Expr } from './ast.ts';
import { checkMeaning } from './check.ts';
import { checkStages } from './check-stages.ts';
import { Cursor, refuse } from './cursor.ts';
import { LogqlError, Refusal } from './errors.ts';
import { parseExpr } from './parser-metric.ts';
import { utf8Length } from './quote.ts';

/**
 * Parses a LogQL query. A refused query is returned, not thrown, as a `LogqlError` with Loki's
 * wording; test with `instanceof`. Templates (`line_format`, `label_format`) are kept as text.
 * Work and memory are bounded by `LIMITS.logqlBytes` and `LIMITS.logqlNesting`.
 */
export const parseLogql = (text: string): Expr | LogqlError => {
  try {
    checkText(text);
    const cursor = new Cursor(text);
    const expr = parseExpr(cursor);
    if (!cursor.is('$end')) cursor.fail();
    checkMeaning(expr, cursor);
    checkStages(expr, cursor.regexes);
    return expr;
  } catch (error) {
    if (error instanceof Refusal) return new LogqlError(text, error.fault);
    throw error;
  }
};

const checkText = (text: string): void => {
  const size = text.length >= LIMITS.logqlBytes ? text.length : utf8Length(text);
  if (size >= LIMITS.logqlBytes) {
    refuse(`input size too long (${size} > ${LIMITS.logqlBytes})`, 0);
  }
  const pos = text.search(/[\0\p{Cs}]/u);
  if (pos >= 0) {
    const reason = text.charAt(pos) === '\0' ? 'invalid character NUL' : 'invalid UTF-8 encoding';
    throw new Refusal({ reason, pos, place: 'exact' });
  }
};
