import type { CompareOp, LabelFilter } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { refuse } from './cursor.ts';
import { parseFloatText } from './number.ts';
import { makeMatcher, parseIp } from './parser-matcher.ts';
import type { Token, TokenKind } from './token.ts';

const COMPARE_KINDS: ReadonlySet<TokenKind> = new Set([
  '=',
  '==',
  '!=',
  '=~',
  '!~',
  '>',
  '>=',
  '<',
  '<=',
]);

/** Whether a token of this kind makes the identifier before it the name of a filtered label. */
export const isCompareKind = (kind: TokenKind): boolean => COMPARE_KINDS.has(kind);

/** What may stand between two filters: nothing and a comma mean `and`. */
type Joint = 'or' | 'and' | ',' | 'nothing';

/** How strongly `or` and `and` bind; the other two always take all that follows. */
const STRENGTH = { or: 1, and: 2, ',': Infinity, nothing: Infinity } as const;

/**
 * A label filter with its `and`, `or`, commas and parentheses. As in Loki, what follows a comma (or
 * nothing) belongs to its right side whole: `a, b or c` is `a, (b or c)`, and `a or b, c` is
 * `a or (b, c)`.
 */
export const parseLabelFilter = (cursor: Cursor, weakest = 0): LabelFilter => {
  let left = parseOperand(cursor);
  for (;;) {
    const joint = jointAt(cursor);
    if (joint === null || STRENGTH[joint] <= weakest) return left;
    cursor.nest('operators', cursor.peek().pos);
    if (joint !== 'nothing') cursor.take();
    const strength = STRENGTH[joint];
    const right = parseLabelFilter(cursor, strength === Infinity ? 0 : strength);
    left = { type: joint === 'or' ? 'or_filter' : 'and_filter', left, right, pos: left.pos };
  }
};

const jointAt = (cursor: Cursor): Joint | null => {
  switch (cursor.peek().kind) {
    case 'or':
    case 'and':
    case ',':
      return cursor.peek().kind as Joint;
    case 'IDENTIFIER':
    case '(':
      return 'nothing';
    default:
      return null;
  }
};

const parseOperand = (cursor: Cursor): LabelFilter => {
  const paren = cursor.accept('(');
  if (paren !== null) {
    cursor.nest('parentheses', paren.pos);
    const inner = parseLabelFilter(cursor);
    cursor.expect(')', []);
    return inner;
  }
  const name = cursor.expect('IDENTIFIER', ['IDENTIFIER', '(']);
  const { kind } = cursor.peek();
  if (!isCompareKind(kind)) cursor.fail();
  cursor.take();
  if (kind === '=~' || kind === '!~')
    return makeMatcher(cursor, name, kind, cursor.expect('STRING'));
  if (kind === '=' || kind === '!=') {
    const value = cursor.accept('STRING');
    if (value !== null) return makeMatcher(cursor, name, kind, value);
    if (cursor.is('ip')) {
      const pattern = parseIp(cursor);
      const op = kind === '=' ? '==' : '!=';
      return { type: 'ip_filter', name: name.text, op, pattern, pos: name.pos };
    }
  }
  return parseQuantity(cursor, name, (kind === '=' ? '==' : kind) as CompareOp);
};

/** The number, duration or size that a label is compared with. */
const parseQuantity = (cursor: Cursor, { text: name, pos }: Token, op: CompareOp): LabelFilter => {
  const duration = cursor.accept('DURATION');
  if (duration !== null)
    return { type: 'duration_filter', name, op, valueNs: duration.amount, pos };
  const bytes = cursor.accept('BYTES');
  if (bytes !== null) return { type: 'bytes_filter', name, op, valueBytes: bytes.amount, pos };
  const sign = cursor.accept('-') ?? cursor.accept('+');
  const number = cursor.expect('NUMBER', sign === null ? [] : ['NUMBER']);
  const value = parseFloatText(number.text);
  if (typeof value === 'string') {
    return refuse(`unable to parse literal as a float: ${value}`, number.pos);
  }
  return { type: 'number_filter', name, op, value: sign?.kind === '-' ? -value : value, pos };
};
