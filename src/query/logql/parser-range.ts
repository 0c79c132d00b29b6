import type { LogRange, Matcher, Stage, Unwrap } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parsePipeline, parseUnwrap } from './parser-log.ts';
import { parseSelector } from './parser-matcher.ts';
import type { Token } from './token.ts';

/** Parts of a range, in the order in which they were found. */
interface Parts {
  readonly pos: number;
  readonly matchers: readonly Matcher[];
  readonly stages: readonly Stage[];
  readonly unwrap: Unwrap | null;
  readonly range: Token;
  readonly offsetNs: bigint;
}

/**
 * The argument of a range aggregation, in all the orders that Loki takes: the range behind the
 * pipeline, or right behind the selector with the pipeline following; parentheses around either.
 */
export const parseLogRange = (
  cursor: Cursor,
  expected: readonly string[] = ['{', '('],
): LogRange => {
  const { pos } = cursor.peek();
  if (cursor.accept('(') === null) {
    if (!cursor.is('{')) cursor.fail(expected);
    return parsePlain(cursor, pos, parseHead(cursor));
  }
  cursor.nest('parentheses', pos);
  if (!cursor.is('{')) {
    const inner = parseLogRange(cursor);
    cursor.expect(')');
    return inner;
  }
  const head = parseHead(cursor);
  if (cursor.is('RANGE') || !cursor.is(')')) {
    const inner = parsePlain(cursor, pos, head, true);
    cursor.expect(')');
    return inner;
  }
  cursor.take();
  const range = cursor.expect('RANGE');
  const offsetNs = parseOffset(cursor);
  // Behind a selector alone in its parentheses Loki takes one more `unwrap`, but no other stage.
  const bare = head.stages.length === 0 && head.unwrap === null;
  const unwrap = bare && cursor.is('|') ? parseUnwrap(cursor, cursor.take().pos) : head.unwrap;
  return makeRange({ ...head, pos, unwrap, range, offsetNs });
};

type Head = Pick<Parts, 'matchers' | 'stages' | 'unwrap'>;

/** The selector and whatever stages follow it directly. */
const parseHead = (cursor: Cursor): Head => {
  const matchers = parseSelector(cursor);
  return { matchers, ...parsePipeline(cursor, true) };
};

/** What follows the head of a range without parentheses of its own. */
const parsePlain = (cursor: Cursor, pos: number, head: Head, closable = false): LogRange => {
  const afterUnwrap = closable ? ['RANGE', ')', '|'] : ['RANGE', '|'];
  const range = cursor.expect('RANGE', head.unwrap === null ? [] : afterUnwrap);
  const offsetNs = parseOffset(cursor);
  if (head.stages.length > 0 || head.unwrap !== null) {
    return makeRange({ ...head, pos, range, offsetNs });
  }
  return makeRange({
    matchers: head.matchers,
    ...parsePipeline(cursor, true),
    pos,
    range,
    offsetNs,
  });
};

const parseOffset = (cursor: Cursor): bigint =>
  cursor.accept('offset') === null ? 0n : cursor.expect('DURATION').amount;

const makeRange = ({ pos, matchers, stages, unwrap, range, offsetNs }: Parts): LogRange => ({
  type: 'log_range',
  log: { type: 'log', matchers, stages, pos },
  unwrap,
  intervalNs: range.amount,
  offsetNs,
  pos,
});
