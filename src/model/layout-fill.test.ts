import { expect, it } from 'vitest';
import { Bytes } from './bytes.ts';
import { createFill } from './layout-fill.ts';
import { binary, bytesOf, parseLayout, printHole, type RowValues } from './layout.ts';

const rowOf = (ns: bigint, number: number, text = ''): RowValues => ({
  text: () => bytesOf(text),
  number: () => number,
  time: () => ns,
  pair: () => bytesOf(text),
});

const filled = (text: string, row: RowValues): string => {
  const layout = parseLayout(text);
  if (layout === undefined) throw new Error(`no layout: ${text}`);
  const out = new Bytes(1);
  createFill(layout)(row, out);
  const [hole] = layout.holes;
  expect(binary(out.take())).toBe(hole && binary(printHole(hole, row)));
  return binary(out.take());
};

it.each([
  [9_007_199_254_740_991, 's', '9007199.254740991'],
  // Quotients nearest below an integer.
  [9_007_198_999_999_999, 's', '9007198.999999999'],
  [9_007_199_254_739_999, 'us', '9007199254739.999'],
  [9_007_198_999_999_999, 'us', '9007198999999.999'],
  [9_007_198_999_999_999, 'ms.3', '9007198999.999'],
  [1_500_000_000, 's.3', '1.500'],
  [1_500_000_000, 'us.9', '1500000.000000000'],
  [0, 's', '0'],
  [999, 'ms', '0.000999'],
  [1_999_999, 'ms.0', '1'],
  // More than a number column holds.
  [2 ** 53, 'number', '9007199254740992'],
  [2 ** 63, 'number', '9223372036854776000'],
])('prints %d as %s', (ns, form, expected) => {
  expect(filled(`<duration_ns:${form}>`, rowOf(0n, ns))).toBe(expected);
});

it.each([
  // Around a second, where a float of all nanoseconds lies on its other side.
  [5_920_536_761_000_000_000n, 'epoch 9', '5920536761000000000'],
  [3_173_651_635_999_999_966n, 'epoch 9', '3173651635999999966'],
  [9_223_372_034_999_999_999n, 'time T.9Z', '2262-04-11T23:47:14.999999999Z'],
  [9_223_372_035_000_000_000n, 'time T.9Z', '2262-04-11T23:47:15.000000000Z'],
  [1_763_632_799_999_999_999n, 'time T.3Z', '2025-11-20T09:59:59.999Z'],
  [0n, 'time _ -0730', '1969-12-31 16:30:00 -0730'],
  [0n, 'epoch 9', '0'],
  [1n, 'epoch 3.9', '0.000001000'],
  [1_000_000_001n, 'epoch 9', '1000000001'],
  [9_223_372_035_999_999_999n, 'epoch 6.3', '9223372035999999.999'],
  [1_763_632_800_000_000_007n, 'nano', '7'],
])('prints %d as %s', (ns, form, expected) => {
  expect(filled(`<timestamp:${form}>`, rowOf(ns, 0))).toBe(expected);
});

it('prints the day of each row', () => {
  const layout = parseLayout('<timestamp:time m> ');
  const fill = layout && createFill(layout);
  const out = new Bytes(1);
  for (const day of [0n, 0n, 1n, 31n, 0n]) {
    fill?.(rowOf(day * 86_400_000_000_000n, 0), out);
  }
  expect(binary(out.take())).toBe(
    'Jan  1 00:00:00 Jan  1 00:00:00 Jan  2 00:00:00 Feb  1 00:00:00 Jan  1 00:00:00 ',
  );
});
