import type { MatchOp, Matcher } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { refuse } from './cursor.ts';
import type { Token, TokenKind } from './token.ts';

/** `{name="value", ...}` with the cursor at the brace. */
export const parseSelector = (cursor: Cursor): readonly Matcher[] => {
  cursor.expect('{');
  if (cursor.accept('}') !== null) return [];
  const matchers = [parseMatcher(cursor, cursor.expect('IDENTIFIER', ['IDENTIFIER', '}']))];
  while (cursor.accept(',') !== null) {
    matchers.push(parseMatcher(cursor, cursor.expect('IDENTIFIER')));
  }
  cursor.expect('}', ['}', ',']);
  return matchers;
};

const MATCH_OPS: readonly TokenKind[] = ['=', '=~', '!~', '!='];

/** Whether a token of this kind compares a label with a text. */
export const isMatchKind = (kind: TokenKind): boolean => MATCH_OPS.includes(kind);

/** The rest of a matcher whose name is taken. */
export const parseMatcher = (cursor: Cursor, name: Token): Matcher => {
  if (!isMatchKind(cursor.peek().kind)) cursor.fail(MATCH_OPS);
  const op = cursor.take().kind as MatchOp;
  return makeMatcher(cursor, name, op, cursor.expect('STRING'));
};

/** Refuses invalid expressions of `=~` and `!~`. */
export const makeMatcher = (cursor: Cursor, name: Token, op: MatchOp, value: Token): Matcher => {
  const fault = op === '=~' || op === '!~' ? cursor.regexes.fault(value.text) : null;
  if (fault !== null) refuse(fault, value.pos);
  return { type: 'matcher', name: name.text, op, value: value.text, pos: name.pos };
};

/** `ip("pattern")` with the cursor at `ip`. */
export const parseIp = (cursor: Cursor): string => {
  cursor.expect('ip');
  cursor.expect('(');
  const { text } = cursor.expect('STRING');
  cursor.expect(')');
  return text;
};
