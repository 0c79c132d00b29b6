import { crc32 } from 'node:zlib';
import { beforeEach, expect, test } from 'vitest';
import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import type { Keyring } from '../../model/storage.ts';
import { createLog } from '../../platform/log.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import {
  DIRECTORY,
  HandClock,
  openTestJournal,
  settle,
  testBatch,
  testBucket,
  testKeyring,
  type TestJournal,
} from './simulated-journal.ts';

const LIMITS_BEFORE = { ...LIMITS };
const FIRST = `${DIRECTORY}/00000001.journal`;
const SECOND = `${DIRECTORY}/00000002.journal`;

let disk: SimulatedDisk;
let time: HandClock;

beforeEach(() => {
  disk = new SimulatedDisk(() => 0.5);
  time = new HandClock();
});

/** Appends batches, a group each, lanes in turn; then dies. Answers the file's size after each. */
async function write(count: number, sizeBytes = 40): Promise<number[]> {
  const { journal } = await openTestJournal(disk, time);
  const sizes = [disk.contents(FIRST).length];
  for (let i = 0; i < count; i++) {
    await journal.append(testBatch(new Uint8Array(sizeBytes).fill(i), i + 1), testBucket(i % 2));
    sizes.push(disk.contents(FIRST).length);
  }
  die();
  return sizes;
}

function die(): void {
  time.forget();
  disk.restart('process');
}

async function reopen(more: { keyring?: Keyring } = {}): Promise<TestJournal & { said: string[] }> {
  const said: string[] = [];
  const log = createLog('debug', { write: (line) => said.push(line) });
  return { ...(await openTestJournal(disk, time, { ...more, log })), said };
}

/** First byte of each recovered batch: which one it is. */
async function names({ journal }: TestJournal): Promise<number[]> {
  return Promise.all(journal.recovered.map(async (batch) => (await batch.load())[0] ?? -1));
}

test('what was appended is recovered in order, with all it was told', async () => {
  await write(5);
  const opened = await reopen();
  expect(await names(opened)).toEqual([0, 1, 2, 3, 4]);
  const [first, second, third] = opened.journal.recovered;
  expect(first).toMatchObject({
    lane: 'tenant-0/default/n1',
    seq: 1,
    rows: 1,
    segment: 1,
    columns: 2,
  });
  expect(second).toMatchObject({ lane: 'tenant-1/default/n1', seq: 1, rows: 2, protocol: 'test' });
  expect(third).toMatchObject({ seq: 2, rows: 3, tenant: 'tenant-0', rawBytes: 7, sizeBytes: 40 });
  expect(third?.observedNs).toBe(1_767_600_000_000_000_000n);
  expect(third?.minNs).toBe(1_767_599_999_999_999_995n);
  expect(third?.bucket.id).toBe('tenant-0/default/2026-01-05');
  expect(opened.ends).toEqual([
    expect.objectContaining({ lane: 'tenant-0/default/n1', segment: 1, firstSeq: 1, lastSeq: 9 }),
    expect.objectContaining({ lane: 'tenant-1/default/n1', segment: 1, firstSeq: 1, lastSeq: 6 }),
  ]);
});

test('a tail torn at any byte of the last two frames is cut there', async () => {
  const sizes = await write(4);
  const whole = disk.contents(FIRST);
  for (let end = sizes[2]!; end < whole.length; end++) {
    disk = new SimulatedDisk(() => 0.5);
    disk.tamper(FIRST, whole.subarray(0, end));
    const opened = await reopen();
    const kept = end >= sizes[3]! ? 3 : 2;
    expect(await names(opened), `cut at ${end}`).toEqual([0, 1, 2, 3].slice(0, kept));
    const torn = end > sizes[kept]!;
    expect(opened.journal.counters.cutTails).toBe(torn ? 1 : 0);
    expect(opened.journal.counters.damages).toBe(0);
    expect(opened.said.some((line) => line.includes('"level":"error"'))).toBe(false);
    // The numbers of the rows that were cut are given again: no holes.
    const again = await opened.journal.append(
      testBatch(new Uint8Array(9), 1),
      testBucket(kept % 2),
    );
    expect(again.seq).toBe(kept === 2 ? 2 : 3);
    time.forget();
  }
});

test('a tail of zeros or garbage is cut', async () => {
  const sizes = await write(3);
  const whole = disk.contents(FIRST);
  for (const filler of [0, 0xff]) {
    disk = new SimulatedDisk(() => 0.5);
    const altered = Buffer.concat([whole, Buffer.alloc(5_000, filler)]).fill(
      filler,
      sizes[2]! + 30,
    );
    disk.tamper(FIRST, altered);
    const opened = await reopen();
    expect(await names(opened)).toEqual([0, 1]);
    expect(opened.journal.counters).toMatchObject({ cutTails: 1, damages: 0 });
    time.forget();
  }
});

test('a bit that flips anywhere in an older frame costs that frame alone', async () => {
  const sizes = await write(4);
  const whole = disk.contents(FIRST);
  for (let at = sizes[1]!; at < sizes[2]!; at++) {
    disk = new SimulatedDisk(() => 0.5);
    const altered = Buffer.from(whole);
    altered[at]! ^= 1 << (at % 8);
    disk.tamper(FIRST, altered);
    const opened = await reopen();
    expect(await names(opened), `flipped at ${at}`).toEqual([0, 2, 3]);
    expect(opened.journal.counters).toMatchObject({ cutTails: 0, damages: 1 });
    expect(opened.said.join('')).toMatch(
      /"lane":"tenant-1\/default\/n1","(seq":1,"rows":2|firstSeq":1,"lastSeq":2)/,
    );
    // The lost rows keep their numbers.
    const next = await opened.journal.append(testBatch(new Uint8Array(1), 1), testBucket(1));
    expect(next.seq).toBe(7);
    // The file is kept for a human once the rest is stored.
    for (const batch of opened.journal.recovered) opened.journal.release(batch);
    await settle(disk);
    expect(disk.files()).toContain(`${DIRECTORY}/00000001.damaged`);
    expect(disk.files()).not.toContain(FIRST);
    time.forget();
  }
});

test('rot in either copy of the heads, or in the file header, costs nothing', async () => {
  const sizes = await write(2);
  const whole = disk.contents(FIRST);
  for (const at of [3, 14, 20, 60, 4_000, 4_100, sizes[0]! - 1]) {
    disk = new SimulatedDisk(() => 0.5);
    const altered = Buffer.from(whole);
    altered[at]! ^= 4;
    disk.tamper(FIRST, altered);
    const opened = await reopen();
    expect(await names(opened), `flipped at ${at}`).toEqual([0, 1]);
    time.forget();
  }
});

test('without any heads the journal refuses to open: numbers could be given twice', async () => {
  await write(2);
  const altered = disk.contents(FIRST);
  altered[40]! ^= 1;
  altered[4_140]! ^= 1;
  disk.tamper(FIRST, altered);
  await expect(reopen()).rejects.toMatchObject({ code: 'journal_damaged' });
  expect(disk.files()).toEqual([FIRST]);
});

test('a file whose making was cut short is no damage', async () => {
  await write(2);
  for (const end of [0, 5, 16, 300, 4_096]) {
    const second = new SimulatedDisk(() => 0.5);
    second.tamper(FIRST, disk.contents(FIRST));
    await openTestJournal(second, time);
    const torn = second.contents(SECOND).subarray(0, end);
    const third = new SimulatedDisk(() => 0.5);
    third.tamper(FIRST, disk.contents(FIRST));
    third.tamper(SECOND, torn);
    const opened = await openTestJournal(third, time);
    expect(await names(opened)).toEqual([0, 1]);
    expect(opened.journal.counters.damages).toBe(0);
    time.forget();
  }
});

test('sequence numbers go on after all files were deleted but the newest', async () => {
  await write(3);
  const opened = await reopen();
  for (const batch of opened.journal.recovered) opened.journal.release(batch);
  await settle(disk);
  expect(disk.files()).toEqual([SECOND]);
  die();
  const again = await reopen();
  expect(again.journal.recovered).toEqual([]);
  const next = await again.journal.append(testBatch(new Uint8Array(1), 1), testBucket(0));
  expect([next.seq, next.segment]).toEqual([5, 2]);
});

test('a file of a later version is refused, and stays', async () => {
  await write(1);
  const altered = disk.contents(FIRST);
  altered.writeUInt32LE(3, 8);
  altered.writeUInt32LE(crc32(altered.subarray(0, 12)), 12);
  disk.tamper(FIRST, altered);
  await expect(reopen()).rejects.toThrow(
    '/journal/00000001.journal has journal format 3; this program knows 2',
  );
  expect(disk.contents(FIRST)).toEqual(altered);
});

test('a file of version 1, which knew no notes, is read', async () => {
  await write(3);
  const altered = disk.contents(FIRST);
  altered.writeUInt32LE(1, 8);
  altered.writeUInt32LE(crc32(altered.subarray(0, 12)), 12);
  disk.tamper(FIRST, altered);
  expect(await names(await reopen())).toEqual([0, 1, 2]);
});

const NOTED = {
  tokens: Uint32Array.of(1, 2, 0, 0, 0xffffffff, 7),
  origins: [
    { agent: 'a', source: 'größer', from: 5, to: 6 },
    { agent: 'a', source: 'y', from: 2 ** 50, to: 2 ** 50 },
  ],
};

test.each([
  ['tokens and origins', NOTED],
  ['tokens', { tokens: NOTED.tokens }],
  ['origins', { origins: NOTED.origins }],
])('a batch comes back with its %s, and its columns as they were', async (_, notes) => {
  for (const sizeBytes of [10, 40_000]) {
    disk = new SimulatedDisk(() => 0.5);
    const { journal } = await openTestJournal(disk, time);
    const data = new Uint8Array(sizeBytes).fill(9);
    await journal.append({ ...testBatch(data, 3), ...notes }, testBucket(0));
    await journal.append(testBatch(data, 3), testBucket(0));
    die();
    overrideLimits({ pendingMemoryBytes: 0 });
    const opened = await reopen();
    overrideLimits(LIMITS_BEFORE);
    const [first, second] = opened.journal.recovered;
    expect(first?.origins).toEqual('origins' in notes ? notes.origins : undefined);
    expect(second).not.toHaveProperty('origins');
    const tokens = 'tokens' in notes ? [[first, notes.tokens]] : [];
    expect(opened.tokens).toEqual(tokens);
    for (const batch of [first, second]) {
      expect(batch?.sizeBytes).toBe(sizeBytes);
      expect(Buffer.from((await batch?.load()) ?? []).equals(data)).toBe(true);
    }
    expect(opened.journal.counters.readBacks).toBe(2);
    time.forget();
  }
});

test('tokens outlive a clean end that comes soon after them, and nothing else does', async () => {
  for (const [waitMs, notes, kept] of [
    [0, NOTED, 1],
    [LIMITS.journalTokenMs, NOTED, 0],
    [0, { origins: NOTED.origins }, 0],
  ] as const) {
    disk = new SimulatedDisk(() => 0.5);
    const { journal } = await openTestJournal(disk, time);
    const batch = { ...testBatch(new Uint8Array(9), 3), ...notes };
    journal.release(await journal.append(batch, testBucket(0)));
    time.advance(waitMs);
    await journal.close();
    expect((await reopen()).journal.recovered).toHaveLength(kept);
    die();
  }
});

test('tokens outlive their rows: through restarts, for a while, and within bounds', async () => {
  const { journal } = await openTestJournal(disk, time);
  journal.release(
    await journal.append({ ...testBatch(new Uint8Array(9), 3), ...NOTED }, testBucket(0)),
  );
  for (let restarts = 0; restarts < 3; restarts++) {
    die();
    const opened = await reopen();
    expect(opened.tokens.map(([, tokens]) => tokens)).toEqual([NOTED.tokens]);
    for (const batch of opened.journal.recovered) opened.journal.release(batch);
    time.advance(LIMITS.journalTokenMs - 1_000);
    await settle(disk);
  }
  time.advance(2_000);
  await settle(disk);
  expect(disk.files()).not.toContain(FIRST);
});

test('drained files give way for new rows, whatever tokens they have', async () => {
  const { journal } = await openTestJournal(disk, time, { maxBytes: 2 ** 20 });
  for (let i = 0; i < 100; i++) {
    const batch = { ...testBatch(new Uint8Array(30_000), 3), ...NOTED };
    journal.release(await journal.append(batch, testBucket(0)));
    await settle(disk);
    expect(journal.diskBytes).toBeLessThan(2 ** 19);
  }
  expect(journal.counters.refusedFull).toBe(0);
  expect(disk.files()).toHaveLength(2);
});

test('batches whose key was destroyed are gone without an error; their numbers stay taken', async () => {
  await write(4);
  const keyring: Keyring = {
    dataKey: (number) =>
      number === 1
        ? Promise.reject(new MeshtrailError('key_destroyed', 'gone'))
        : testKeyring.dataKey(number),
  };
  const opened = await reopen({ keyring });
  expect(await names(opened)).toEqual([0, 2]);
  expect(opened.journal.counters).toMatchObject({ damages: 0, destroyedBatches: 2 });
});

test('a keyring that does not answer stops the opening; nothing is set aside', async () => {
  await write(2);
  const before = disk.contents(FIRST);
  const keyring: Keyring = { dataKey: () => Promise.reject(new Error('the key service is away')) };
  await expect(reopen({ keyring })).rejects.toThrow('the key service is away');
  expect(disk.contents(FIRST)).toEqual(before);
});

test('a frame under another key is damage: reported, and kept', async () => {
  await write(3);
  const keyring: Keyring = {
    dataKey: (number) => Promise.resolve(Buffer.alloc(32, number === 1 ? 99 : number + 1)),
  };
  const opened = await reopen({ keyring });
  expect(await names(opened)).toEqual([0, 2]);
  expect(opened.journal.counters.damages).toBe(1);
});

test('a batch of a bucket that the catalog does not know is reported and kept', async () => {
  const { journal } = await openTestJournal(disk, time);
  await journal.append(testBatch(new Uint8Array(4), 1), testBucket(0));
  await journal.append(testBatch(new Uint8Array(4), 1), { ...testBucket(1), id: 'nobody/x' });
  die();
  const opened = await reopen();
  expect(opened.journal.recovered.length).toBe(1);
  expect(opened.said.join('')).toContain('a journalled batch has no bucket');
  for (const batch of opened.journal.recovered) opened.journal.release(batch);
  await settle(disk);
  expect(disk.files()).toContain(`${DIRECTORY}/00000001.damaged`);
});

test('the observed time goes on from the journal when the clock was set back', async () => {
  const { journal } = await openTestJournal(disk, time);
  const late = time.clock.observedNs() + 10n ** 12n;
  await journal.append(testBatch(new Uint8Array(4), 1, late), testBucket(0));
  die();
  time = new HandClock();
  await reopen();
  expect(time.clock.observedNs()).toBeGreaterThanOrEqual(late);
});
