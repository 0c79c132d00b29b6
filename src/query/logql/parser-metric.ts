import type {
  BinaryOp,
  Expr,
  Grouping,
  LiteralExpr,
  LogExpr,
  MetricExpr,
  VectorMatching,
} from './ast.ts';
import type { Cursor } from './cursor.ts';
import { makeBinary } from './binary.ts';
import { makeRangeAggregation, makeVectorAggregation } from './aggregation.ts';
import { parseFloatText } from './number.ts';
import { parsePipeline } from './parser-log.ts';
import { parseSelector } from './parser-matcher.ts';
import { parseLogRange } from './parser-range.ts';
import type { TokenKind } from './token.ts';

const PRECEDENCE: ReadonlyMap<TokenKind, number> = new Map([
  ['or', 1],
  ['and', 2],
  ['unless', 2],
  ['==', 3],
  ['!=', 3],
  ['>', 3],
  ['>=', 3],
  ['<', 3],
  ['<=', 3],
  ['+', 4],
  ['-', 4],
  ['*', 5],
  ['/', 5],
  ['%', 5],
  ['^', 6],
]);

/** An expression whose operators bind at least as strongly as `weakest`; `^` binds rightward. */
export const parseExpr = (cursor: Cursor, weakest = 1): Expr => {
  let left = parseOperand(cursor);
  for (;;) {
    const { kind, pos } = cursor.peek();
    const precedence = PRECEDENCE.get(kind) ?? 0;
    if (precedence < weakest) return left;
    cursor.nest('operators', pos);
    cursor.take();
    const { bool, matching } = parseModifier(cursor);
    const right = parseExpr(cursor, kind === '^' ? precedence : precedence + 1);
    left = makeBinary(cursor.deferred, { op: kind as BinaryOp, left, right, bool, matching });
  }
};

const parseOperand = (cursor: Cursor): Expr => {
  const { kind, pos } = cursor.peek();
  switch (kind) {
    case '{':
      return parseLog(cursor);
    case '(':
      return parseParenthesis(cursor);
    case 'NUMBER':
    case '+':
    case '-':
      return parseLiteral(cursor);
    case 'RANGE_FUNCTION':
      cursor.nest('operators', pos);
      return parseRangeAggregation(cursor);
    case 'VECTOR_FUNCTION':
      cursor.nest('operators', pos);
      return parseVectorAggregation(cursor);
    case 'label_replace':
      cursor.nest('operators', pos);
      return parseLabelReplace(cursor);
    case 'VECTOR':
      return parseVector(cursor);
    default:
      return cursor.fail();
  }
};

const parseLog = (cursor: Cursor): LogExpr => {
  const { pos } = cursor.peek();
  const matchers = parseSelector(cursor);
  return { type: 'log', matchers, stages: parsePipeline(cursor, false).stages, pos };
};

const parseParenthesis = (cursor: Cursor): Expr => {
  cursor.nest('parentheses', cursor.take().pos);
  const inner = parseExpr(cursor);
  cursor.expect(')', []);
  return inner;
};

/** An argument that must give samples; Loki refuses what follows lines that stand in its place. */
const parseMetric = (cursor: Cursor): MetricExpr => {
  const expr = parseExpr(cursor);
  return expr.type === 'log' ? cursor.fail() : expr;
};

const parseLiteral = (cursor: Cursor): LiteralExpr => {
  const { pos } = cursor.peek();
  const sign = cursor.accept('-') ?? cursor.accept('+');
  const { text } = cursor.expect('NUMBER');
  const size = parseFloatText(text);
  const value = typeof size === 'string' ? 0 : sign?.kind === '-' ? -size : size;
  const literal: LiteralExpr = { type: 'literal', value, pos };
  if (typeof size === 'string') {
    const reason = `unable to parse literal as a float: ${size}`;
    cursor.deferred.set(literal, { reason, pos, place: 'none' });
  }
  return literal;
};

const parseVector = (cursor: Cursor): MetricExpr => {
  const { pos } = cursor.take();
  cursor.expect('(');
  const value = parseFloatText(cursor.expect('NUMBER').text);
  cursor.expect(')');
  if (typeof value !== 'string') return { type: 'vector', value, pos };
  const vector = { type: 'vector', value: 0, pos } as const;
  const reason = `unable to parse vectorExpr as a float: ${value}`;
  cursor.deferred.set(vector, { reason, pos, place: 'none' });
  return vector;
};

const parseRangeAggregation = (cursor: Cursor): MetricExpr => {
  const { text: op, pos } = cursor.take();
  cursor.expect('(');
  const param = cursor.accept('NUMBER');
  if (param !== null) cursor.expect(',');
  const expected = param === null ? ['NUMBER', '{', '('] : ['{', '('];
  const range = parseLogRange(cursor, expected);
  cursor.expect(')');
  const grouping = parseGrouping(cursor);
  return makeRangeAggregation(cursor.deferred, { op, param, range, grouping, pos });
};

const parseVectorAggregation = (cursor: Cursor): MetricExpr => {
  const { text: op, pos } = cursor.take();
  const before = parseGrouping(cursor);
  cursor.expect('(', before === null ? ['(', 'by', 'without'] : ['(']);
  const param = cursor.is('NUMBER') && cursor.peekAfter().kind === ',' ? cursor.take() : null;
  if (param !== null) cursor.expect(',');
  const expr = parseMetric(cursor);
  cursor.expect(')', []);
  const grouping = before ?? parseGrouping(cursor);
  return makeVectorAggregation(cursor.deferred, { op, param, expr, grouping, pos });
};

const parseLabelReplace = (cursor: Cursor): MetricExpr => {
  const { pos } = cursor.take();
  cursor.expect('(');
  const expr = parseMetric(cursor);
  cursor.expect(',', []);
  const dst = cursor.expect('STRING').text;
  cursor.expect(',');
  const replacement = cursor.expect('STRING').text;
  cursor.expect(',');
  const src = cursor.expect('STRING').text;
  cursor.expect(',');
  const { text: regex, pos: regexPos } = cursor.expect('STRING');
  cursor.expect(')');
  const node = { type: 'label_replace', expr, dst, replacement, src, regex, pos } as const;
  const fault = cursor.regexes.labelReplaceFault(regex);
  if (fault !== null) {
    const reason = `invalid regex in label_replace: ${fault}`;
    cursor.deferred.set(node, { reason, pos: regexPos, place: 'none' });
  }
  return node;
};

/** `by (...)` or `without (...)` at the cursor, or `null`. */
const parseGrouping = (cursor: Cursor): Grouping | null => {
  if (!cursor.is('by') && !cursor.is('without')) return null;
  const { kind, pos } = cursor.take();
  cursor.expect('(');
  return { type: 'grouping', without: kind === 'without', labels: parseLabels(cursor), pos };
};

/** Names up to the closing parenthesis, the opening one taken. */
const parseLabels = (cursor: Cursor): readonly string[] => {
  if (cursor.accept(')') !== null) return [];
  const labels = [cursor.expect('IDENTIFIER', ['IDENTIFIER', ')']).text];
  while (cursor.accept(',') !== null) labels.push(cursor.expect('IDENTIFIER').text);
  cursor.expect(')', [',', ')']);
  return labels;
};

/** `bool`, `on (...)`, `group_left (...)` and their like behind an operator. */
const parseModifier = (cursor: Cursor): { bool: boolean; matching: VectorMatching } => {
  const bool = cursor.accept('bool') !== null;
  const how = cursor.accept('on') ?? cursor.accept('ignoring');
  if (how === null) {
    return { bool, matching: { card: 'one-to-one', on: false, labels: [], include: [] } };
  }
  cursor.expect('(');
  const labels = parseLabels(cursor);
  const group = cursor.accept('group_left') ?? cursor.accept('group_right');
  const include = group !== null && cursor.accept('(') !== null ? parseLabels(cursor) : [];
  const card = group === null ? 'one-to-one' : CARDS[group.kind as keyof typeof CARDS];
  return { bool, matching: { card, on: how.kind === 'on', labels, include } };
};

const CARDS = { group_left: 'many-to-one', group_right: 'one-to-many' } as const;
