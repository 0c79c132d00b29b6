import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RangeAggregation, RangeOp } from '../logql/ast.ts';
import type { Labels } from '../labels.ts';
import { accumulatorOf } from './accumulator.ts';
import type { CellUpdate } from './cells.ts';
import { cellOf, gridBounds, makeGrid } from './grid.ts';
import { SampleBudget, Windows } from './windows.ts';

/** The law: windows over cells give what each window's samples, taken alone, would give. */

const OPS: readonly RangeOp[] = [
  'count_over_time',
  'rate',
  'bytes_over_time',
  'bytes_rate',
  'sum_over_time',
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'stdvar_over_time',
  'stddev_over_time',
  'quantile_over_time',
  'first_over_time',
  'last_over_time',
  'rate_counter',
];

const aggregation = (op: RangeOp, intervalNs: bigint): RangeAggregation => {
  const log = { type: 'log' as const, matchers: [], stages: [], pos: 0 };
  const unwrap = { type: 'unwrap' as const, label: 'v', conversion: null, filters: [], pos: 0 };
  const bare = ['count_over_time', 'rate', 'bytes_over_time', 'bytes_rate'].includes(op);
  const range = {
    type: 'log_range' as const,
    log,
    unwrap: bare ? null : unwrap,
    intervalNs,
    offsetNs: 0n,
    pos: 0,
  };
  return {
    type: 'range_aggregation',
    op,
    param: op === 'quantile_over_time' ? 0.9 : null,
    range,
    grouping: null,
    pos: 0,
  };
};

const SERIES: readonly Labels[] = [[['s', 'a']], [['s', 'b']]];

test('windows', async () => {
  const sample = fc.record({
    timestampNs: fc.bigInt({ min: -50n, max: 250n }),
    value: fc.integer({ min: -20, max: 100 }),
    series: fc.constantFrom(0, 1),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...OPS),
      fc.array(sample, { maxLength: 40 }),
      fc.bigInt({ min: 1n, max: 80n }),
      fc.bigInt({ min: 1n, max: 60n }),
      fc.bigInt({ min: -20n, max: 20n }),
      fc.integer({ min: 1, max: 7 }),
      async (op, samples, rangeNs, stepNs, offsetNs, batch) => {
        const expr = aggregation(op, rangeNs);
        const make = accumulatorOf(expr);
        const grid = makeGrid(
          { startNs: 0n, stepNs, last: Number(200n / stepNs) },
          rangeNs,
          offsetNs,
        );
        const { startNs, endNs } = gridBounds(grid);
        const ordered = samples
          .filter(({ timestampNs: at }) => at >= startNs && at < endNs)
          .sort((x, y) => Number(x.timestampNs - y.timestampNs));
        const updates = ordered
          .map(({ timestampNs, value, series }): CellUpdate => {
            const labels = SERIES[series] as Labels;
            return { ...cellOf(grid, timestampNs), labels, count: 1, value, timestampNs };
          })
          .filter(({ a, b }) => a <= b);
        async function* inBatches() {
          for (let i = 0; i < updates.length; i += batch) yield updates.slice(i, i + batch);
        }
        const windows = new Windows(grid, inBatches(), make, new SampleBudget());
        for (let k = 0; k <= grid.last; k++) {
          const end = grid.originNs + BigInt(k) * stepNs;
          const expected = new Map<string, number>();
          for (const [series, labels] of SERIES.entries()) {
            const total = make();
            const inside = ordered.filter(
              (one) =>
                one.series === series && one.timestampNs > end - rangeNs && one.timestampNs <= end,
            );
            for (const { value, timestampNs } of inside) total.add(value, timestampNs, 1);
            if (inside.length > 0) expected.set(String(labels[0]?.[1]), total.result(end));
          }
          const found = new Map(
            (await windows.at(k)).map(({ labels, value }) => [String(labels[0]?.[1]), value]),
          );
          expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
          for (const [name, value] of expected) {
            if (Number.isNaN(value)) expect(found.get(name)).toBeNaN();
            else expect(found.get(name)).toBeCloseTo(value, 6);
          }
        }
      },
    ),
  );
});
