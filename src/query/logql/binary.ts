import type { BinaryExpr, BinaryOp, Expr, MetricExpr, VectorMatching } from './ast.ts';
import type { Fault } from './errors.ts';
import { formatSixPlaces } from './number.ts';

interface Parts {
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
  readonly bool: boolean;
  readonly matching: VectorMatching;
}

/** The operation, or its value where both sides are numbers; faults go to `deferred`. */
export const makeBinary = (deferred: Map<object, Fault>, parts: Parts): MetricExpr => {
  const { op, left, right, bool, matching } = parts;
  const { pos } = left;
  const fault = sideFault(deferred, parts);
  if (fault !== null || left.type === 'log' || right.type === 'log') {
    // A stand-in that nothing folds; the query is refused once its text has parsed.
    const standIn: MetricExpr = { type: 'vector', value: 0, pos };
    if (fault !== null) deferred.set(standIn, fault);
    return standIn;
  }
  if (left.type === 'literal' && right.type === 'literal') {
    return { type: 'literal', value: applyBinaryOp(op, left.value, right.value), pos };
  }
  return { type: 'binary', op, left, right, bool, matching, pos } satisfies BinaryExpr;
};

const SET_OPS: readonly string[] = ['and', 'or', 'unless'];

const sideFault = (deferred: ReadonlyMap<object, Fault>, parts: Parts): Fault | null => {
  const { op, left, right } = parts;
  const sides = [
    ['left', left],
    ['right', right],
  ] as const;
  for (const [side, expr] of sides) {
    if (expr.type !== 'log') continue;
    const type = expr.stages.length === 0 ? 'MatchersExpr' : 'PipelineExpr';
    const reason = `unexpected type for ${side} leg of binary operation (${op}): *syntax.${type}`;
    return { reason, pos: expr.pos, place: 'none' };
  }
  for (const [, expr] of sides) {
    const fault = expr.type === 'literal' ? deferred.get(expr) : undefined;
    if (fault !== undefined) return fault;
  }
  for (const [side, expr] of SET_OPS.includes(op) ? sides : []) {
    if (expr.type !== 'literal') continue;
    const what = `unexpected literal for ${side} leg of logical/set binary operation (${op})`;
    return { reason: `${what}: ${formatSixPlaces(expr.value)}`, pos: expr.pos, place: 'none' };
  }
  return null;
};

/**
 * The value of an arithmetic operation or comparison (1 or 0) on two numbers, as LogQL defines it:
 * division and remainder by zero give NaN.
 */
export const applyBinaryOp = (op: BinaryOp, left: number, right: number): number => {
  switch (op) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return right === 0 ? NaN : left / right;
    case '%':
      return right === 0 ? NaN : left % right;
    case '^':
      return power(left, right);
    case '==':
      return Number(left === right);
    case '!=':
      return Number(left !== right);
    case '>':
      return Number(left > right);
    case '>=':
      return Number(left >= right);
    case '<':
      return Number(left < right);
    case '<=':
      return Number(left <= right);
    case 'and':
    case 'or':
    case 'unless':
      return NaN;
  }
};

/** As Go and C99: 1 to any power is 1, and so is -1 to an infinite one; JavaScript says NaN. */
const power = (base: number, exponent: number): number =>
  base === 1 || (base === -1 && Math.abs(exponent) === Infinity) ? 1 : base ** exponent;
