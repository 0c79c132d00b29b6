import { describe, expect, test } from 'vitest';
import type { BinaryExpr, Expr, LabelReplace, VectorAggregation } from '../logql/ast.ts';
import { LogqlError } from '../logql/errors.ts';
import { parseLogql } from '../logql/parser.ts';
import { sortLabels } from '../labels.ts';
import { quantileOf } from './accumulator.ts';
import { withLiteral, withVector } from './binary.ts';
import { labelReplace } from './label-replace.ts';
import type { StepSource, Vector } from './vector.ts';
import { vectorAggregation } from './vector-aggregation.ts';

type Plain = readonly (readonly [Record<string, string>, number])[];

const source = (plain: Plain): StepSource => {
  const vector = plain.map(([labels, value]) => ({
    labels: sortLabels(Object.entries(labels)),
    value,
  }));
  return { at: () => Promise.resolve(vector), close: () => Promise.resolve() };
};

const plainOf = (vector: Vector): Plain =>
  vector.map(({ labels, value }) => [Object.fromEntries(labels), value]);

const COUNT = 'count_over_time({a="b"}[1m])';

const parsed = (logql: string): Expr => {
  const expr = parseLogql(logql);
  if (expr instanceof LogqlError) throw expr;
  return expr;
};

const IN: Plain = [
  [{ app: 'a', pod: '1' }, 1],
  [{ app: 'a', pod: '2' }, 5],
  [{ app: 'b', pod: '3' }, 3],
  [{ pod: '4' }, NaN],
];

describe('aggregations', () => {
  test.each<[string, Plain]>([
    [
      `sum by (app) (${COUNT})`,
      [
        [{ app: 'a' }, 6],
        [{ app: 'b' }, 3],
        [{}, NaN],
      ],
    ],
    [
      `sum without (pod) (${COUNT})`,
      [
        [{ app: 'a' }, 6],
        [{ app: 'b' }, 3],
        [{}, NaN],
      ],
    ],
    [`count(${COUNT})`, [[{}, 4]]],
    [
      `avg by (app) (${COUNT})`,
      [
        [{ app: 'a' }, 3],
        [{ app: 'b' }, 3],
        [{}, NaN],
      ],
    ],
    [`min(${COUNT})`, [[{}, 1]]],
    [`max(${COUNT})`, [[{}, 5]]],
    [
      `stddev by (app) (${COUNT})`,
      [
        [{ app: 'a' }, 2],
        [{ app: 'b' }, 0],
        [{}, 0],
      ],
    ],
    [
      `stdvar by (app) (${COUNT})`,
      [
        [{ app: 'a' }, 4],
        [{ app: 'b' }, 0],
        [{}, 0],
      ],
    ],
    [
      `topk(2, ${COUNT})`,
      [
        [{ app: 'a', pod: '2' }, 5],
        [{ app: 'b', pod: '3' }, 3],
      ],
    ],
    [`bottomk(1, ${COUNT})`, [[{ app: 'a', pod: '1' }, 1]]],
    [
      `topk by (app) (1, ${COUNT})`,
      [
        [{ app: 'a', pod: '2' }, 5],
        [{ app: 'b', pod: '3' }, 3],
        [{ pod: '4' }, NaN],
      ],
    ],
    [
      `sort(${COUNT})`,
      [
        [{ app: 'a', pod: '1' }, 1],
        [{ app: 'b', pod: '3' }, 3],
        [{ app: 'a', pod: '2' }, 5],
        [{ pod: '4' }, NaN],
      ],
    ],
    [
      `sort_desc(${COUNT})`,
      [
        [{ app: 'a', pod: '2' }, 5],
        [{ app: 'b', pod: '3' }, 3],
        [{ app: 'a', pod: '1' }, 1],
        [{ pod: '4' }, NaN],
      ],
    ],
  ])('%s', async (logql, expected) => {
    const evaluated = vectorAggregation(parsed(logql) as VectorAggregation, source(IN));
    expect(plainOf(await evaluated.at(0))).toEqual(expected);
  });
});

const binary = (operator: string): BinaryExpr =>
  parsed(`${COUNT} ${operator} ${COUNT}`) as BinaryExpr;

const LEFT: Plain = [
  [{ app: 'a', pod: '1' }, 10],
  [{ app: 'a', pod: '2' }, 20],
];
const RIGHT: Plain = [
  [{ app: 'a', pod: '1' }, 4],
  [{ app: 'b', pod: '9' }, 1],
];
const ONE: Plain = [[{ app: 'a', team: 't' }, 2]];

describe('operators between vectors', () => {
  test.each<[string, Plain, Plain, Plain]>([
    ['+', LEFT, RIGHT, [[{ app: 'a', pod: '1' }, 14]]],
    ['>', LEFT, RIGHT, [[{ app: 'a', pod: '1' }, 10]]],
    ['<', LEFT, RIGHT, []],
    ['< bool', LEFT, RIGHT, [[{ app: 'a', pod: '1' }, 0]]],
    ['and', LEFT, RIGHT, [[{ app: 'a', pod: '1' }, 10]]],
    ['or', LEFT, RIGHT, [...LEFT, [{ app: 'b', pod: '9' }, 1]]],
    ['unless', LEFT, RIGHT, [[{ app: 'a', pod: '2' }, 20]]],
    ['and on (app)', LEFT, ONE, LEFT],
    [
      '* on (app) group_left',
      LEFT,
      ONE,
      [
        [{ app: 'a', pod: '1' }, 20],
        [{ app: 'a', pod: '2' }, 40],
      ],
    ],
    [
      '- on (app) group_left (team)',
      LEFT,
      ONE,
      [
        [{ app: 'a', pod: '1', team: 't' }, 8],
        [{ app: 'a', pod: '2', team: 't' }, 18],
      ],
    ],
    [
      '/ on (app) group_right',
      ONE,
      LEFT,
      [
        [{ app: 'a', pod: '1' }, 0.2],
        [{ app: 'a', pod: '2' }, 0.1],
      ],
    ],
    [
      '/ ignoring (pod, team)',
      [[{ app: 'a', pod: '1' }, 9]],
      [[{ app: 'a', team: 't' }, 3]],
      [[{ app: 'a' }, 3]],
    ],
    ['/', [[{ app: 'a' }, 9]], [[{ app: 'a' }, 0]], [[{ app: 'a' }, NaN]]],
  ])('%s', async (operator, left, right, expected) => {
    const evaluated = withVector(binary(operator), source(left), source(right));
    expect(plainOf(await evaluated.at(0))).toEqual(expected);
  });

  test.each<[string, Plain, Plain, string]>([
    ['+ on (app)', LEFT, ONE, 'many-to-one matching must be explicit'],
    ['+ on (app)', ONE, LEFT, 'found duplicate series on the right hand-side'],
    ['+ on (app) group_right', LEFT, ONE, 'found duplicate series on the left hand-side'],
  ])('%s is refused', async (operator, left, right, words) => {
    const evaluated = withVector(binary(operator), source(left), source(right));
    await expect(evaluated.at(0)).rejects.toThrow(words);
  });
});

describe('operators with a number', () => {
  test.each<[string, 'left' | 'right', Plain]>([
    [
      '-',
      'right',
      [
        [{ app: 'a', pod: '1' }, 0],
        [{ app: 'a', pod: '2' }, 10],
      ],
    ],
    [
      '-',
      'left',
      [
        [{ app: 'a', pod: '1' }, 0],
        [{ app: 'a', pod: '2' }, -10],
      ],
    ],
    ['>', 'right', [[{ app: 'a', pod: '2' }, 20]]],
    [
      '< bool',
      'left',
      [
        [{ app: 'a', pod: '1' }, 0],
        [{ app: 'a', pod: '2' }, 1],
      ],
    ],
    ['<', 'left', [[{ app: 'a', pod: '2' }, 20]]],
  ])('%s, number on the %s', async (operator, side, expected) => {
    const evaluated = withLiteral(binary(operator), source(LEFT), 10, side);
    expect(plainOf(await evaluated.at(0))).toEqual(expected);
  });
});

test.each<[string, Record<string, string>]>([
  ['"dst", "$1-x", "pod", "(.).*"', { app: 'a', pod: '12', dst: '1-x' }],
  ['"pod", "", "app", "a"', { app: 'a' }],
  ['"dst", "$1", "pod", "2"', { app: 'a', pod: '12' }],
  ['"dst", "${n}$$", "pod", "(?P<n>..)"', { app: 'a', pod: '12', dst: '12$' }],
])('label_replace(v, %s)', async (words, expected) => {
  const expr = parsed(`label_replace(${COUNT}, ${words})`) as LabelReplace;
  const evaluated = labelReplace(expr, source([[{ app: 'a', pod: '12' }, 1]]));
  expect(plainOf(await evaluated.at(0))).toEqual([[expected, 1]]);
});

test.each([
  [0.5, [3, 1, 2], 2],
  [0.5, [4, 1], 2.5],
  [0, [5, 1], 1],
  [1, [5, 1], 5],
  [-1, [5, 1], -Infinity],
  [2, [5, 1], Infinity],
  [0.99, [1], 1],
])('the %d quantile of %j is %d', (quantile, values, expected) => {
  expect(quantileOf(quantile, values)).toBe(expected);
});
