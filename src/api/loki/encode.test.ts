import { expect, test } from 'vitest';
import { matrixJson, scalarJson, tailJson, vectorJson } from './encode.ts';

const STATS = { lines: 0, bytes: 0, returned: 0, seconds: 0.5 };

test.each<[number, string]>([
  [2, '2'],
  [0.1, '0.1'],
  [-0, '-0'],
  [1e21, '1000000000000000000000'],
  [1e-7, '0.0000001'],
  [NaN, 'NaN'],
  [Infinity, '+Inf'],
  [-Infinity, '-Inf'],
  [1 / 3, '0.3333333333333333'],
])('the value %d is written as Go does', (value, expected) => {
  const body = JSON.parse(vectorJson(1_500_000_000n, [{ labels: [['a', '"']], value }], STATS)) as {
    data: { result: unknown[] };
  };
  expect(body.data.result).toEqual([{ metric: { a: '"' }, value: [1.5, expected] }]);
});

test('a scalar', () => {
  expect(JSON.parse(scalarJson(2_000_000_000n, 3, STATS))).toMatchObject({
    status: 'success',
    data: { resultType: 'scalar', result: [2, '3'], stats: { summary: { execTime: 0.5 } } },
  });
});

test('a matrix of many points comes in pieces that make one answer', async () => {
  const points = Array.from({ length: 5_000 }, (_, i) => i);
  const series = [
    { labels: [['a', 'x']] as const, points, values: points },
    { labels: [], points: [1], values: [9] },
  ];
  let body = '';
  let pieces = 0;
  for await (const piece of matrixJson(series, (k) => BigInt(k) * 1_000_000_000n, STATS)) {
    body += piece;
    pieces++;
  }
  expect(pieces).toBeGreaterThan(5);
  const { data } = JSON.parse(body) as {
    data: { result: { metric: object; values: unknown[] }[] };
  };
  expect(data.result[0]?.values).toHaveLength(5_000);
  expect(data.result[0]?.values[4_999]).toEqual([4_999, '4999']);
  expect(data.result[1]).toEqual({ metric: {}, values: [[1, '9']] });
});

test('a tail message names what was dropped', () => {
  const dropped = [{ timestampNs: 5n, labels: [['app', 'x']] as const }];
  expect(JSON.parse(tailJson([], dropped, false))).toEqual({
    streams: [],
    dropped_entries: [{ timestamp: '5', labels: { app: 'x' } }],
  });
});
