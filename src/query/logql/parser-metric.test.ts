import { describe, expect, test } from 'vitest';

import { LogqlError } from './errors.ts';
import { parseLogql } from './parser.ts';
import { printLogql } from './printer.ts';

/** Query and its canonical text, whose parentheses show what binds to what. */
const rangeAggregations: readonly (readonly [query: string, canonical: string])[] = [
  ['rate({a="b"}[5m])', 'rate({a="b"}[5m])'],
  ['RATE({a="b"} [5m])', 'rate({a="b"}[5m])'],
  [
    'count_over_time({a="b"} |= "x" | json [1h30m])',
    'count_over_time({a="b"} |= "x" | json[1h30m])',
  ],
  ['count_over_time({a="b"}[5m] |= "x" | json)', 'count_over_time({a="b"} |= "x" | json[5m])'],
  ['count_over_time(({a="b"} |= "x")[5m])', 'count_over_time({a="b"} |= "x"[5m])'],
  ['count_over_time(({a="b"} |= "x"[5m]))', 'count_over_time({a="b"} |= "x"[5m])'],
  ['count_over_time((({a="b"})[5m]))', 'count_over_time({a="b"}[5m])'],
  ['bytes_rate({a="b"}[1m])', 'bytes_rate({a="b"}[1m])'],
  ['bytes_over_time({a="b"}[1d])', 'bytes_over_time({a="b"}[1d])'],
  ['absent_over_time({a="b"}[1w])', 'absent_over_time({a="b"}[1w])'],
  ['rate({a="b"}[5m] offset 1h)', 'rate({a="b"}[5m] offset 1h0m0s)'],
  ['rate({a="b"}[5m] offset -30s)', 'rate({a="b"}[5m] offset -30s)'],
  ['rate({a="b"}[5m] offset 1h30m |= "x")', 'rate({a="b"} |= "x"[5m] offset 1h30m0s)'],
  ['sum_over_time({a="b"} | json | unwrap x [5m])', 'sum_over_time({a="b"} | json | unwrap x[5m])'],
  ['sum_over_time({a="b"}[5m] | unwrap x)', 'sum_over_time({a="b"} | unwrap x[5m])'],
  [
    'sum_over_time({a="b"}[5m] offset 5m | json | unwrap bytes(x))',
    'sum_over_time({a="b"} | json | unwrap bytes(x)[5m] offset 5m0s)',
  ],
  [
    'avg_over_time({a="b"} | unwrap duration(x)[5m]) by (y,z)',
    'avg_over_time({a="b"} | unwrap duration(x)[5m]) by (y,z)',
  ],
  [
    'max_over_time({a="b"} | unwrap duration_seconds(x) | y="z" | w>5 [5m]) without (y)',
    'max_over_time({a="b"} | unwrap duration_seconds(x) | y="z" | w>5[5m]) without (y)',
  ],
  [
    'min_over_time(({a="b"} | json | unwrap x)[5m])',
    'min_over_time({a="b"} | json | unwrap x[5m])',
  ],
  [
    'quantile_over_time(0.99, {a="b"} | unwrap x [5m])',
    'quantile_over_time(0.99,{a="b"} | unwrap x[5m])',
  ],
  [
    'quantile_over_time(1, {a="b"} | unwrap x [5m]) by ()',
    'quantile_over_time(1,{a="b"} | unwrap x[5m]) by ()',
  ],
  [
    'first_over_time({a="b"} | unwrap x [5m]) by (y)',
    'first_over_time({a="b"} | unwrap x[5m]) by (y)',
  ],
  ['last_over_time({a="b"} | unwrap x [5m])', 'last_over_time({a="b"} | unwrap x[5m])'],
  ['stddev_over_time({a="b"} | unwrap x [5m])', 'stddev_over_time({a="b"} | unwrap x[5m])'],
  ['stdvar_over_time({a="b"} | unwrap x [5m])', 'stdvar_over_time({a="b"} | unwrap x[5m])'],
  ['rate_counter({a="b"} | unwrap x [5m])', 'rate_counter({a="b"} | unwrap x[5m])'],
  ['rate({a="b"} | unwrap x [500ms])', 'rate({a="b"} | unwrap x[500ms])'],
  ['rate({a="b"}[1y2w3d4h5m6s7ms])', 'rate({a="b"}[382d4h5m6s7ms])'],
  ['rate({a="b"} | record [5m])', 'rate({a="b"} | record[5m])'],
  ['rate({a="b"} | unwrap rate [5m])', 'rate({a="b"} | unwrap rate[5m])'],
  ['rate({a="b"} | unwrap x | y=ip("z") [5m])', 'rate({a="b"} | unwrap x | y=ip("z")[5m])'],
  ['count_over_time({a="b"}[0])', 'count_over_time({a="b"}[0s])'],
  [
    'absent_over_time({a="b"} | unwrap x | __error__="" [5m] offset 1ms)',
    'absent_over_time({a="b"} | unwrap x | __error__=""[5m] offset 1ms)',
  ],
];

const vectorAggregations: readonly (readonly [query: string, canonical: string])[] = [
  ['sum(rate({a="b"}[5m]))', 'sum(rate({a="b"}[5m]))'],
  ['sum by (x) (rate({a="b"}[5m]))', 'sum by (x)(rate({a="b"}[5m]))'],
  ['sum(rate({a="b"}[5m])) by (x,y)', 'sum by (x,y)(rate({a="b"}[5m]))'],
  ['sum without(x)(rate({a="b"}[5m]))', 'sum without (x)(rate({a="b"}[5m]))'],
  ['avg(rate({a="b"}[5m])) without ()', 'avg without ()(rate({a="b"}[5m]))'],
  ['sum by () (rate({a="b"}[5m]))', 'sum(rate({a="b"}[5m]))'],
  [
    'min(max(count(stddev(stdvar(rate({a="b"}[5m]))))))',
    'min(max(count(stddev(stdvar(rate({a="b"}[5m]))))))',
  ],
  ['topk(5, rate({a="b"}[5m]))', 'topk(5,rate({a="b"}[5m]))'],
  ['bottomk(3, rate({a="b"}[5m])) by (x)', 'bottomk by (x)(3,rate({a="b"}[5m]))'],
  [
    'topk by (x) (2, sum by (x, y) (rate({a="b"}[5m])))',
    'topk by (x)(2,sum by (x,y)(rate({a="b"}[5m])))',
  ],
  [
    'approx_topk(10, sum by (x) (rate({a="b"}[5m])))',
    'approx_topk(10,sum by (x)(rate({a="b"}[5m])))',
  ],
  ['sort(rate({a="b"}[5m]))', 'sort(rate({a="b"}[5m]))'],
  ['sort_desc(sum by (x) (rate({a="b"}[5m])))', 'sort_desc(sum by (x)(rate({a="b"}[5m])))'],
  ['SUM BY (x) (Rate({a="b"}[5m]))', 'sum by (x)(rate({a="b"}[5m]))'],
  ['sum(1 + vector(2))', 'sum((1 + vector(2.000000)))'],
];

const binaryOperations: readonly (readonly [query: string, canonical: string])[] = [
  ['rate({a="b"}[5m]) / rate({a="c"}[5m])', '(rate({a="b"}[5m]) / rate({a="c"}[5m]))'],
  [
    'vector(1) + vector(2) * vector(3)',
    '(vector(1.000000) + (vector(2.000000) * vector(3.000000)))',
  ],
  [
    '(vector(1) + vector(2)) * vector(3)',
    '((vector(1.000000) + vector(2.000000)) * vector(3.000000))',
  ],
  [
    'vector(1) - vector(2) - vector(3)',
    '((vector(1.000000) - vector(2.000000)) - vector(3.000000))',
  ],
  [
    'vector(2) ^ vector(3) ^ vector(4)',
    '(vector(2.000000) ^ (vector(3.000000) ^ vector(4.000000)))',
  ],
  [
    'vector(1) or vector(2) and vector(3) unless vector(4)',
    '(vector(1.000000) or ((vector(2.000000) and vector(3.000000)) unless vector(4.000000)))',
  ],
  ['vector(1) > 2 + 3', '(vector(1.000000) > 5)'],
  ['vector(1) > bool 2', '(vector(1.000000) > bool 2)'],
  ['vector(1) == bool on (x) vector(2)', '(vector(1.000000) == bool on (x) vector(2.000000))'],
  [
    'vector(1) * on (x, y) group_left vector(2)',
    '(vector(1.000000) * on (x,y) group_left vector(2.000000))',
  ],
  [
    'vector(1) * on () group_left () vector(2)',
    '(vector(1.000000) * on () group_left vector(2.000000))',
  ],
  [
    'vector(1) * ignoring (x) group_right (y, z) vector(2)',
    '(vector(1.000000) * ignoring (x) group_right (y,z) vector(2.000000))',
  ],
  [
    'vector(1) * on (x) group_left () (vector(2) + vector(3))',
    '(vector(1.000000) * on (x) group_left () (vector(2.000000) + vector(3.000000)))',
  ],
  ['vector(1) + ignoring () vector(2)', '(vector(1.000000) + vector(2.000000))'],
  ['vector(1) != 5', '(vector(1.000000) != 5)'],
  ['1', '1'],
  ['-1', '-1'],
  ['+1', '1'],
  ['1 + 1', '2'],
  ['2 * 3 + 4', '10'],
  ['7 % 4 ^ 2', '7'],
  ['1 > 2', '0'],
  ['3 >= 3', '1'],
  ['5 - -5', '10'],
  ['1 / 3', '0.3333333333333333'],
  ['1e21 + 0', '1e+21'],
  ['0.00001 * 1', '1e-05'],
  ['0.1 + 0.2', '0.30000000000000004'],
  ['vector(0.5)', 'vector(0.500000)'],
  ['vector(1e-9)', 'vector(0.000000001)'],
  ['vector(1234567)', 'vector(1234567.000000)'],
  ['-5 * vector(1)', '(-5 * vector(1.000000))'],
  ['sum(rate({a="b"}[5m])) -1', '(sum(rate({a="b"}[5m])) - 1)'],
  ['vector(1) - -0.5', '(vector(1.000000) - -0.5)'],
  [
    'sum(rate({a="b"}[5m])) by (x) > 10 and sum(rate({a="c"}[5m])) by (x) < 20',
    '((sum by (x)(rate({a="b"}[5m])) > 10) and (sum by (x)(rate({a="c"}[5m])) < 20))',
  ],
];

const functions: readonly (readonly [query: string, canonical: string])[] = [
  [
    'label_replace(rate({a="b"}[5m]), "x", "$1", "y", "(.*):.*")',
    'label_replace(rate({a="b"}[5m]),"x","$1","y","(.*):.*")',
  ],
  ['label_replace(vector(1), "", "", "", "")', 'label_replace(vector(1.000000),"","","","")'],
  ['vector(1)', 'vector(1.000000)'],
  [
    'LABEL_REPLACE(vector(1), `a`, "b", "c", "d")',
    'label_replace(vector(1.000000),"a","b","c","d")',
  ],
];

describe.each([
  ['range aggregations', rangeAggregations],
  ['vector aggregations', vectorAggregations],
  ['binary operations', binaryOperations],
  ['functions', functions],
] as const)('%s', (_, rows) => {
  test.each(rows)('%s', (query, canonical) => {
    const expr = parseLogql(query);
    expect(expr instanceof LogqlError ? expr.message : printLogql(expr)).toBe(canonical);
  });
});
