import { afterEach, beforeEach, expect, test } from 'vitest';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import type { Bucket, NumberedBatch } from '../../model/storage.ts';
import type { Journal } from './journal.ts';
import { type DiskOperation, type Fault, SimulatedDisk } from './simulated-disk.ts';
import {
  DIRECTORY,
  HandClock,
  openTestJournal,
  settle,
  testBatch,
  testBucket,
} from './simulated-journal.ts';

const LIMITS_BEFORE = { ...LIMITS };
const FIRST = `${DIRECTORY}/00000001.journal`;
const SECOND = `${DIRECTORY}/00000002.journal`;

let disk: SimulatedDisk;
let time: HandClock;
let done: DiskOperation[];

beforeEach(() => {
  disk = new SimulatedDisk(() => 0.5);
  time = new HandClock();
  done = [];
  fail({});
});
afterEach(() => overrideLimits(LIMITS_BEFORE));

/** Operations fail as told, the first times as often as faults are listed. */
function fail(faults: Partial<Record<DiskOperation, Fault[]>>): void {
  disk.fault = (operation) => {
    done.push(operation);
    return faults[operation]?.shift();
  };
}

const bytes = (length: number, fill = 0): Uint8Array<ArrayBuffer> =>
  new Uint8Array(length).fill(fill);

function append(journal: Journal, length = 10, rows = 1, bucket = 0): Promise<NumberedBatch> {
  return journal.append(
    testBatch(bytes(length), rows, time.clock.observedNs()),
    testBucket(bucket),
  );
}

async function reopen(kind: 'process' | 'power'): Promise<Journal> {
  time.forget();
  disk.restart(kind);
  return (await openTestJournal(disk, time)).journal;
}

test('an append resolves only when a power cut cannot take it', async () => {
  const { journal, durable } = await openTestJournal(disk, time);
  const batch = await append(journal);
  expect(durable).toEqual([batch]);
  expect(journal).toMatchObject({
    ready: true,
    pendingBytes: 10,
    pendingBatches: 1,
    memoryBytes: 10,
  });
  expect((await reopen('power')).recovered.length).toBe(1);
});

test('what comes together is written and synced together, and answered in order', async () => {
  const { journal, durable } = await openTestJournal(disk, time);
  done = [];
  const order: number[] = [];
  const appends = Array.from({ length: 200 }, (_, i) =>
    append(journal, 100, 1, i % 3).then(() => order.push(i)),
  );
  await Promise.all(appends);
  expect(done).toEqual(['write', 'sync']);
  expect(order).toEqual([...Array(200).keys()]);
  expect(durable.map((batch) => batch.seq).slice(-3)).toEqual([66, 67, 67]);
  expect(journal.counters).toMatchObject({ batches: 200, rows: 200, groups: 1 });
});

test('while one group is synced the next collects', async () => {
  const { journal } = await openTestJournal(disk, time);
  done = [];
  const first = append(journal);
  await new Promise((resolve) => setImmediate(resolve));
  const rest = Array.from({ length: 50 }, () => append(journal));
  await Promise.all([first, ...rest]);
  expect(done).toEqual(['write', 'sync', 'write', 'sync']);
});

test('each signal of a tenant has a lane of its own, and numbers without gaps in it', async () => {
  const { journal } = await openTestJournal(disk, time);
  const logs = testBucket(0);
  const spans: Bucket = { ...logs, id: `${logs.id}/spans`, signal: 'spans', disk: 9 };
  const batch = testBatch(bytes(10), 3, time.clock.observedNs());
  const places: unknown[] = [];
  for (const bucket of [logs, spans, logs, spans]) {
    const { lane, seq, signal } = await journal.append(batch, bucket);
    places.push([lane, seq, signal]);
  }
  const lane = `${logs.tenant}/default/n1`;
  expect(places).toEqual([
    [lane, 1, 'logs'],
    [`${lane}/spans`, 1, 'spans'],
    [lane, 4, 'logs'],
    [`${lane}/spans`, 4, 'spans'],
  ]);
});

test('a segment ends at its rows, its bytes, its age and its bucket', async () => {
  const { journal, ends } = await openTestJournal(disk, time);
  await append(journal, 10, 60_000);
  await append(journal, 10, 5_536);
  expect(ends).toEqual([]);
  const third = await append(journal, 10, 1);
  expect([third.seq, third.segment]).toEqual([65_537, 2]);
  expect(ends).toMatchObject([{ segment: 1, firstSeq: 1, lastSeq: 65_536, bytes: 20 }]);

  const fourth = await append(journal, LIMITS.segmentBytes, 1);
  expect([fourth.seq, fourth.segment]).toEqual([65_538, 3]);

  const nextWeek = { ...testBucket(0), id: 'tenant-0/default/2026-01-12' };
  const fifth = await journal.append(testBatch(bytes(1), 7, time.clock.observedNs()), nextWeek);
  expect([fifth.seq, fifth.segment]).toEqual([65_539, 4]);
  expect(ends.at(-1)).toMatchObject({ segment: 3, bucket: 'tenant-0/default/2026-01-05' });

  time.advance(LIMITS.segmentMs);
  await settle(disk);
  expect(ends.at(-1)).toMatchObject({ segment: 4, firstSeq: 65_539, lastSeq: 65_545 });
  expect((await append(journal)).segment).toBe(5);
});

test('a segment ends by age though the wall clock goes back an hour', async () => {
  const { journal, ends } = await openTestJournal(disk, time);
  const before = await append(journal);
  time.wallMs -= 3_600_000;
  const after = await append(journal);
  expect(after.observedNs).toBeGreaterThanOrEqual(before.observedNs);
  time.advance(LIMITS.segmentMs);
  await settle(disk);
  expect(ends).toMatchObject([{ segment: 1, lastSeq: 2 }]);
  expect(journal.oldestAgeNs).toBeGreaterThanOrEqual(0n);
});

test.each<[string, Partial<Record<DiskOperation, Fault[]>>]>([
  ['a write fails', { write: ['failed'] }],
  ['a write fails half-way', { write: ['partly'] }],
  ['a write fails but persists', { write: ['persisted'] }],
  ['a sync fails', { sync: ['failed'] }],
  ['a sync fails but persists', { sync: ['persisted'] }],
  ['a sync and the cutting fail', { sync: ['persisted'], truncate: ['failed'] }],
])(
  '%s: the sender hears it, the rows never come back, the numbers are given again',
  async (_, faults) => {
    const { journal, durable } = await openTestJournal(disk, time);
    await append(journal, 10, 5);
    fail(faults);
    const error = {
      code: 'journal_failed',
      message: 'the journal could not write; nothing of the batch was kept',
    };
    await expect(append(journal, 11, 2)).rejects.toMatchObject(error);
    expect(journal.ready).toBe(true);
    const next = await append(journal, 12, 3);
    expect(next.seq).toBe(6);
    expect(durable.map((batch) => batch.seq)).toEqual([1, 6]);
    for (const kind of ['process', 'power'] as const) {
      const again = await reopen(kind);
      expect(again.recovered.map((batch) => [batch.seq, batch.sizeBytes])).toEqual([
        [1, 10],
        [6, 12],
      ]);
      expect(again.counters.damages).toBe(0);
    }
  },
);

test('a journal that cannot write at all refuses, and comes back by itself', async () => {
  const { journal } = await openTestJournal(disk, time);
  fail({ write: Array<Fault>(5).fill('failed') });
  await expect(append(journal)).rejects.toThrow('whether the batch was kept is not known');
  expect(journal.ready).toBe(false);
  await expect(append(journal)).rejects.toMatchObject({ code: 'journal_failed' });
  for (let second = 0; second < 20 && !journal.ready; second++) {
    time.advance(1_000);
    await settle(disk);
  }
  expect(journal.ready).toBe(true);
  expect((await append(journal)).seq).toBe(1);
  expect(journal.counters.refusedFailed).toBe(2);
});

test('a disk without space: try later, until there is some', async () => {
  const { journal } = await openTestJournal(disk, time);
  const kept = await append(journal, 100);
  let space = false;
  disk.fault = (operation) => (operation === 'write' && !space ? 'full' : undefined);
  await expect(append(journal)).rejects.toMatchObject({ code: 'journal_full' });
  await expect(append(journal)).rejects.toMatchObject({ code: 'journal_full' });
  expect(journal.ready).toBe(false);
  expect(Buffer.from(await kept.load())).toEqual(Buffer.alloc(100));
  space = true;
  time.advance(LIMITS.journalRetryMaxMs);
  await settle(disk);
  expect((await append(journal)).seq).toBe(2);
  const again = await reopen('power');
  expect(again.recovered.map((batch) => batch.seq)).toEqual([1, 2]);
});

test('it opens on a full disk, so that the engine can take what is there', async () => {
  const { journal } = await openTestJournal(disk, time);
  await append(journal);
  time.forget();
  disk.restart('process');
  disk.fault = (operation) => (operation === 'write' ? 'full' : undefined);
  const again = (await openTestJournal(disk, time)).journal;
  expect(again.ready).toBe(false);
  expect(again.recovered.length).toBe(1);
  await expect(append(again)).rejects.toMatchObject({ code: 'journal_full' });
  fail({});
  time.advance(LIMITS.journalRetryMaxMs);
  await settle(disk);
  expect((await append(again)).seq).toBe(2);
});

test('above the budget senders are told to try later, until enough is released', async () => {
  const maxBytes = 2_000_000;
  const { journal } = await openTestJournal(disk, time, { maxBytes });
  const kept: NumberedBatch[] = [];
  let refused: unknown;
  while (refused === undefined) {
    await append(journal, 50_000).then(
      (batch) => kept.push(batch),
      (error: unknown) => (refused = error),
    );
  }
  expect(refused).toMatchObject({ code: 'journal_full' });
  expect(kept.length).toBeGreaterThan(35);
  expect(journal.diskBytes).toBeLessThanOrEqual(maxBytes);
  await expect(append(journal, 1)).rejects.toMatchObject({ code: 'journal_full' });

  // One file is not enough: senders would flap at the edge.
  for (const batch of kept.splice(0, 2)) journal.release(batch);
  await settle(disk);
  await expect(append(journal, 1)).rejects.toMatchObject({ code: 'journal_full' });
  for (const batch of kept.splice(0, 4)) journal.release(batch);
  await settle(disk);
  expect(journal.counters.filesDeleted).toBeGreaterThanOrEqual(2);
  kept.push(await append(journal, 1));

  for (const batch of kept) journal.release(batch);
  await settle(disk);
  expect(journal.pendingBytes).toBe(0);
  expect(journal.counters.refusedFull).toBe(3);
});

test('a budget spent by the current file alone is freed once that is drained', async () => {
  const { journal } = await openTestJournal(disk, time, { maxBytes: 100_000 });
  const batch = await append(journal, 70_000);
  await expect(append(journal, 40_000)).rejects.toMatchObject({ code: 'journal_full' });
  journal.release(batch);
  await settle(disk);
  expect(journal.diskBytes).toBeLessThan(20_000);
  await append(journal, 70_000);
});

test('files end at their size, and go when their batches are released, in any order', async () => {
  const { journal } = await openTestJournal(disk, time, { maxBytes: 16 * 200_000 });
  const batches: NumberedBatch[] = [];
  for (let i = 0; i < 10; i++) batches.push(await append(journal, 100_000));
  expect(disk.files().length).toBe(5);
  for (const batch of batches.slice(2, 8)) journal.release(batch);
  await settle(disk);
  expect(disk.files()).toEqual([FIRST, `${DIRECTORY}/00000005.journal`]);
  const again = await reopen('process');
  expect(again.recovered.map((batch) => batch.seq)).toEqual([1, 2, 9, 10]);
});

test('an idle, drained journal gives its space back, once', async () => {
  const { journal } = await openTestJournal(disk, time);
  journal.release(await append(journal, 500_000));
  time.advance(1_000);
  await settle(disk);
  expect(disk.files()).toEqual([FIRST]);
  time.advance(LIMITS.journalIdleMs);
  await settle(disk);
  expect(disk.files()).toEqual([SECOND]);
  done = [];
  time.advance(10 * LIMITS.journalIdleMs);
  await settle(disk);
  expect(done).toEqual([]);
});

test('beyond the memory cap batches are read back from disk and checked', async () => {
  overrideLimits({ pendingMemoryBytes: 25_000 });
  const { journal } = await openTestJournal(disk, time);
  const batches: NumberedBatch[] = [];
  for (let i = 0; i < 5; i++) {
    const batch = testBatch(bytes(10_000, i), 1, time.clock.observedNs());
    batches.push(await journal.append(batch, testBucket(0)));
  }
  expect(journal).toMatchObject({ memoryBytes: 20_000, pendingBytes: 50_000 });
  for (const [i, batch] of batches.entries()) {
    expect(Buffer.from(await batch.load())).toEqual(Buffer.alloc(10_000, i));
  }
  expect(journal.counters.readBacks).toBe(3);

  const altered = disk.contents(FIRST);
  altered[altered.length - 100]! ^= 1;
  disk.tamper(FIRST, altered);
  await expect(batches[4]!.load()).rejects.toMatchObject({ code: 'journal_damaged' });
  await expect(batches[3]!.load()).resolves.toBeDefined();
  for (const batch of batches) journal.release(batch);
  expect(journal).toMatchObject({ memoryBytes: 0, pendingBytes: 0 });
});

test('release counts once', async () => {
  const { journal } = await openTestJournal(disk, time);
  const batch = await append(journal);
  await append(journal);
  journal.release(batch);
  journal.release(batch);
  expect(journal.pendingBytes).toBe(10);
});

test('closing writes what waits and leaves nothing when all was released', async () => {
  const { journal, ends } = await openTestJournal(disk, time);
  const waiting = append(journal, 10, 3);
  const closed = journal.close();
  await expect(append(journal)).rejects.toMatchObject({ code: 'journal_failed' });
  await waiting;
  await closed;
  expect(ends).toMatchObject([{ firstSeq: 1, lastSeq: 3 }]);
  const again = await reopen('power');
  expect(again.recovered.length).toBe(1);
  again.release(again.recovered[0]!);
  await again.close();
  expect(disk.files()).toEqual([SECOND]);
  const third = await reopen('power');
  expect((await append(third)).seq).toBe(4);
});

test('after a clean close, rot in the last group is told from a torn end', async () => {
  const { journal } = await openTestJournal(disk, time);
  await append(journal, 200);
  const sizeBytes = disk.contents(FIRST).length;
  await append(journal, 200);
  await journal.close();
  const altered = disk.contents(FIRST);
  altered[sizeBytes + 200]! ^= 1;
  disk.tamper(FIRST, altered);
  const again = await reopen('power');
  expect(again.recovered.length).toBe(1);
  expect(again.counters).toMatchObject({ damages: 1, cutTails: 0 });
  expect((await append(again)).seq).toBe(3);
});

test('a batch that cannot be written is refused alone', async () => {
  const { journal } = await openTestJournal(disk, time);
  const good = append(journal);
  const late = testBatch(bytes(1), 1, 2n ** 70n);
  const unfit = { code: 'journal_unfit' };
  await expect(journal.append(late, testBucket(0))).rejects.toMatchObject(unfit);
  await expect(append(journal, 1, 65_537)).rejects.toMatchObject(unfit);
  await expect(append(journal, 1, 0)).rejects.toMatchObject(unfit);
  expect((await good).seq).toBe(1);
});

test('a key that cannot be had refuses its batches alone', async () => {
  const keyring = {
    dataKey: (disk: number) =>
      disk === 1 ? Promise.reject(new Error('no key')) : Promise.resolve(Buffer.alloc(32, 1)),
  };
  const { journal } = await openTestJournal(disk, time, { keyring });
  const results = await Promise.allSettled([
    append(journal, 1, 1, 0),
    append(journal, 1, 1, 1),
    append(journal, 1, 1, 0),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(journal.ready).toBe(true);
});

test('a listener that throws does not stop the journal', async () => {
  const { journal, durable } = await openTestJournal(disk, time);
  durable.push = () => {
    throw new Error('a mistake');
  };
  await append(journal);
  expect((await append(journal)).seq).toBe(2);
});
