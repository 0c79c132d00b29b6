import { expect, test } from 'vitest';

import { LIMITS } from '../../model/limits.ts';
import type { Expr } from './ast.ts';
import { LogqlError } from './errors.ts';
import { parseLogql } from './parser.ts';
import { printLogql } from './printer.ts';

const parsed = (query: string): Expr => {
  const expr = parseLogql(query);
  if (expr instanceof LogqlError) throw expr;
  return expr;
};

const refused = (query: string): LogqlError => {
  const refusal = parseLogql(query);
  if (!(refusal instanceof LogqlError)) throw new Error('the query was accepted');
  return refusal;
};

test('a log query is a selector and its stages, each where it stands', () => {
  expect(parsed('{a="b"} |= "x" or ip("1.1.1.1") | n > 5')).toEqual({
    type: 'log',
    matchers: [{ type: 'matcher', name: 'a', op: '=', value: 'b', pos: 1 }],
    stages: [
      {
        type: 'line_filter',
        op: '|=',
        operands: [
          { type: 'line_operand', text: 'x', ip: false, pos: 11 },
          { type: 'line_operand', text: '1.1.1.1', ip: true, pos: 18 },
        ],
        pos: 8,
      },
      {
        type: 'label_filter',
        filter: { type: 'number_filter', name: 'n', op: '>', value: 5, pos: 34 },
        pos: 32,
      },
    ],
    pos: 0,
  });
});

test('a metric query is a tree of operations', () => {
  const log = {
    type: 'log',
    matchers: [{ type: 'matcher', name: 'a', op: '=', value: 'b', pos: 33 }],
    stages: [],
    pos: 32,
  };
  const matching = { card: 'one-to-one', on: false, labels: [], include: [] };
  expect(
    parsed('topk by (c) (3, avg_over_time(( {a="b"} | unwrap duration(d))[5m])) > bool 1'),
  ).toEqual({
    type: 'binary',
    op: '>',
    left: {
      type: 'vector_aggregation',
      op: 'topk',
      param: 3,
      expr: {
        type: 'range_aggregation',
        op: 'avg_over_time',
        param: null,
        range: {
          type: 'log_range',
          log: { ...log, pos: 30 },
          unwrap: { type: 'unwrap', label: 'd', conversion: 'duration', filters: [], pos: 40 },
          intervalNs: 300_000_000_000n,
          offsetNs: 0n,
          pos: 30,
        },
        grouping: null,
        pos: 16,
      },
      grouping: { type: 'grouping', without: false, labels: ['c'], pos: 5 },
      pos: 0,
    },
    right: { type: 'literal', value: 1, pos: 75 },
    bool: true,
    matching,
    pos: 0,
  });
});

test('a negated line filter has one operand', () => {
  const expr = parsed('{a="b"} != "x" or "y"');
  expect(expr.type === 'log' && expr.stages.map((stage) => stage.type)).toEqual([
    'line_filter',
    'line_filter',
  ]);
});

test.each([
  ['1 / 0', NaN],
  ['1 % 0', NaN],
  ['7 % -4', 3],
  ['2 ^ 3 ^ 2', 512],
  ['10 ^ 400', Infinity],
  ['-1 * 10 ^ 400', -Infinity],
  ['1 ^ (0 / 0)', 1],
  ['2 >= bool 2', 1],
  ['-0.0', -0],
])('numbers fold: %s', (query, value) => {
  expect(parsed(query)).toMatchObject({ type: 'literal', value });
  expect(parsed(printLogql(parsed(query)))).toMatchObject({ type: 'literal', value });
});

test('a refusal names the place, what was found and what was expected', () => {
  const refusal = refused('{app="x"}\n | json\n | y="z" foo\n');
  expect(refusal).toMatchObject({ code: 'logql_invalid', found: '$end', line: 4, column: 1 });
  expect(refused('{a="é😀", b}')).toMatchObject({
    line: 1,
    column: 11,
    offset: 11,
    found: '}',
    expected: ['=', '=~', '!~', '!='],
    reason: 'syntax error: unexpected }, expecting = or =~ or !~ or !=',
  });
});

test('a refusal without a place in its message knows it nevertheless', () => {
  const refusal = refused('{a="b"}\n  |~ "ok"\n  |~ "("');
  expect(refusal.message).toMatch(/^parse error : stage /);
  expect(refusal).toMatchObject({ line: 3, column: 6 });
});

test('a caret shows the place on a terminal', () => {
  expect(refused('{app="x"}\n| json\n\t| y=').caret()).toBe(
    ['syntax error: unexpected $end (line 3, column 6)', '  |', '3 |  | y=', '  |      ^'].join(
      '\n',
    ),
  );
  const long = refused(`{a="${'x'.repeat(300)}"} | y ] ${'z'.repeat(300)}`)
    .caret()
    .split('\n');
  expect(long[2]?.charAt(long[3]?.indexOf('^') ?? -1)).toBe(']');
  expect(long[2]?.length).toBeLessThan(120);
});

test('a query is bounded in length', () => {
  const fits = `{a="${'x'.repeat(LIMITS.logqlBytes - 8)}"}`;
  expect(parsed(fits).type).toBe('log');
  expect(refused(`${fits}   `).message).toBe('parse error : input size too long (131073 > 131072)');
  expect(refused('é'.repeat(65_536)).message).toContain('input size too long (131072 > 131072)');
});

const deep = LIMITS.logqlNesting;

test.each([
  ['parentheses', '(', '1', ')'],
  ['aggregations', 'sum(', 'vector(1)', ')'],
  ['leftward operators', '', 'vector(1)', ' + vector(1)'],
  ['rightward operators', 'vector(1) ^ ', 'vector(1)', ''],
  ['label filters', '', '{a="b"} | x=1', ' or x=1'],
  ['commas', '', '{a="b"} | x=1', ', x=1'],
  ['functions', 'label_replace(', 'vector(1)', ', "a", "b", "c", "d")'],
])('%s may nest up to the limit, and no further', (_, before, core, after) => {
  const nested = (times: number): string => before.repeat(times) + core + after.repeat(times);
  const text = printLogql(parsed(nested(deep)));
  expect(printLogql(parsed(text))).toBe(text);
  expect(refused(nested(deep + 1)).message).toContain(`query too complex (more than ${deep} `);
});

test.each(['(', 'sum(', '-1^', 'vector(1)+', 'rate((', '{a="b"} | ('])(
  'endless %j is refused',
  (piece) => {
    expect(refused(piece.repeat(10_000)).message).toMatch(/^parse error/);
  },
);

test('regular expressions are bounded in weight', () => {
  expect(refused(`{a=~"${'(a{30}){30}'.repeat(100)}"}`).message).toBe(
    'parse error : error parsing regexp: expression too large',
  );
  const many = Array.from({ length: 80 }, (_, index) => `|~ "a{900}${index}"`).join(' ');
  expect(refused(`{a="b"} ${many}`).message).toContain('expression too large');
});
