import { expect, test } from 'vitest';
import { LIMITS } from '../../model/limits.ts';
import type { Bucket, NumberedBatch } from '../../model/storage.ts';
import { BucketQueue } from './bucket-queue.ts';
import { batchOfLines } from './test-batches.ts';
import { numberBatch } from './testing.ts';

const bucket = { id: 'b', tenant: 'acme' } as Bucket;
const small = batchOfLines(['x']);

/** A batch that says it has so many rows and bytes. */
function batch(rows: number, sizeBytes = 100, minNs = 10n, maxNs = 20n): NumberedBatch {
  return { ...numberBatch(small, bucket, 0), rows, sizeBytes, minNs, maxNs };
}

test('little waits, much does not', () => {
  const queue = new BucketQueue(bucket);
  queue.push(batch(1), 1_000);
  expect(queue.dueMs(300)).toBe(1_300);
  queue.push(batch(LIMITS.insertRowsReady), 1_100);
  expect(queue.dueMs(300)).toBe(0);
});

test('more than little waits longer, to become much', () => {
  const queue = new BucketQueue(bucket);
  queue.push(batch(LIMITS.insertRowsFew), 1_000);
  expect(queue.dueMs(300)).toBe(1_300);
  queue.push(batch(1), 1_100);
  expect(queue.dueMs(300)).toBe(1_000 + LIMITS.insertWaitMoreMs);
  expect(queue.dueMs(2_000)).toBe(3_000);
  void queue.drained(0n, 100n);
  expect(queue.dueMs(2_000)).toBeLessThan(1_000);
});

test('a failure is followed by a pause, whatever waits', () => {
  const queue = new BucketQueue(bucket);
  queue.push(batch(LIMITS.insertRowsReady), 0);
  queue.notBeforeMs = 5_000;
  expect(queue.dueMs(300)).toBe(5_000);
});

test('a query that waits is served soon, and not more often than the spacing', () => {
  const queue = new BucketQueue(bucket);
  queue.push(batch(1), 1_000);
  queue.startedMs = 990;
  void queue.drained(0n, 100n);
  expect(queue.dueMs(300)).toBe(990 + LIMITS.flushSpacingMs);
});

test('an insert has at least one batch and otherwise keeps its bounds', () => {
  const queue = new BucketQueue(bucket);
  queue.push(batch(3 * LIMITS.insertRows), 0);
  queue.push(batch(LIMITS.insertRows - 1), 0);
  queue.push(batch(1), 0);
  queue.push(batch(1), 0);
  queue.push(batch(1, 2 * LIMITS.insertBytes), 0);
  const sizes: number[] = [];
  while (!queue.isEmpty) sizes.push(queue.take(0, 1).length);
  expect(sizes).toEqual([1, 2, 1, 1]);
  expect([queue.rows, queue.bytes]).toEqual([0, 0]);
});

test('what is put back goes first, and the sums stay right', () => {
  const queue = new BucketQueue(bucket);
  const first = batch(10);
  queue.push(first, 0);
  queue.push(batch(5), 0);
  queue.take(0, 1);
  queue.putBack([{ batch: first, from: 4, to: 10 }]);
  expect(queue.rows).toBe(6);
  expect(queue.bytes).toBe(60);
  expect(queue.take(0, 1)).toEqual([{ batch: first, from: 4, to: 10 }]);
});

test('a batch is complete once all its rows are settled, in any pieces', () => {
  const queue = new BucketQueue(bucket);
  const one = batch(10);
  queue.push(one, 0);
  expect(queue.settle([{ batch: one, from: 0, to: 3 }])).toEqual([]);
  expect(queue.settle([{ batch: one, from: 7, to: 10 }])).toEqual([]);
  expect(queue.isSettled).toBe(false);
  expect(queue.settle([{ batch: one, from: 3, to: 7 }])).toEqual([one]);
  expect(queue.isSettled).toBe(true);
});

test('a query waits for the batches of its range that are there, and for no later one', async () => {
  const queue = new BucketQueue(bucket);
  const [inside, outside, later] = [batch(1), batch(1, 1, 50n, 60n), batch(1)];
  queue.push(inside, 0);
  queue.push(outside, 0);
  const drained = queue.drained(15n, 30n);
  queue.push(later, 0);
  queue.settle([{ batch: inside, from: 0, to: 1 }]);
  await drained;
  expect(queue.drained(30n, 40n)).toBeUndefined();
});
