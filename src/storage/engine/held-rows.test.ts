import { expect, test } from 'vitest';
import { RecordBatch } from '../../model/batch.ts';
import { LogRecord } from '../../model/record.ts';
import type { NumberedBatch } from '../../model/storage.ts';
import { withoutRuns } from './held-rows.ts';
import { numberBatch } from './testing.ts';

/** A batch of rows 100 to 109. */
function batchAt100(): NumberedBatch {
  const batch = new RecordBatch();
  const record = new LogRecord();
  batch.begin(1n);
  for (let row = 0; row < 10; row++) batch.append(record);
  return numberBatch(batch.take('acme', 'test'), {} as never, 100);
}

const batch = batchAt100();

test.each<[string, [number, number][], [number, number][]]>([
  ['nothing is held', [], [[0, 10]]],
  ['all is held', [[100, 109]], []],
  ['more is held', [[0, 1_000]], []],
  [
    'others are held',
    [
      [0, 99],
      [110, 200],
    ],
    [[0, 10]],
  ],
  ['the beginning is held', [[90, 103]], [[4, 10]]],
  ['the end is held', [[105, 120]], [[0, 5]]],
  [
    'the middle is held',
    [[103, 104]],
    [
      [0, 3],
      [5, 10],
    ],
  ],
  [
    'holes',
    [
      [100, 100],
      [102, 102],
      [109, 109],
    ],
    [
      [1, 2],
      [3, 9],
    ],
  ],
])('%s', (_name, held, missing) => {
  const runs = held.map(([first, last]) => ({ first, last }));
  const left = withoutRuns({ batch, from: 0, to: 10 }, runs);
  expect(left.map(({ from, to }) => [from, to])).toEqual(missing);
});

test('a part of a batch is cut within its own bounds', () => {
  const left = withoutRuns({ batch, from: 2, to: 6 }, [{ first: 0, last: 103 }]);
  expect(left.map(({ from, to }) => [from, to])).toEqual([[4, 6]]);
});
