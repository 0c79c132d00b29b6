import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Batch } from '../../model/batch.ts';
import { must } from '../../model/errors.ts';
import type { NumberedBatch } from '../../model/storage.ts';
import { systemClock } from '../../platform/clock.ts';
import { sendSignal } from '../../platform/processes.ts';
import { readQuarantined } from './quarantine.ts';
import { batchOfLines, numberedLines } from './test-batches.ts';
import { numberBatch, startTestEngine, testKeyring, type TestEngine } from './testing.ts';

let directory: string;
let running: TestEngine;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-writer-'));
  running = await startTestEngine(directory);
});

afterEach(async () => {
  await running.engine.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Hands a batch to the writer as the journal would. */
function enqueue(batch: Batch, seq: number): NumberedBatch {
  const { catalog, writer } = running.engine;
  const bucket = catalog.bucketFor(batch.tenant, 'default', batch.observedNs);
  const numbered = numberBatch(batch, bucket, seq);
  writer.enqueue(numbered);
  return numbered;
}

async function untilStored(): Promise<void> {
  while (running.engine.counters.pendingRows > 0) await systemClock.sleep(20);
}

/** Rows, different seqs, least and greatest seq of a tenant. */
async function held(tenant: string): Promise<number[]> {
  const [row] = await running.engine.reader.rows(
    `SELECT count(), uniqExact(seq), min(seq), max(seq) FROM meshtrail.logs
     WHERE tenant = {tenant:String}`,
    { params: { tenant } },
  );
  return must(row, 'an aggregate has a row').map(Number);
}

const writerClient = async () => must(await running.home.connection(10_000), 'it runs').writer;

test('a row is searchable within a second, without anybody asking', async () => {
  await running.store(batchOfLines(['first'], 'quick'));
  const startMs = systemClock.monotonicMs();
  enqueue(batchOfLines(['second'], 'quick'), 1);
  while ((await held('quick'))[0] !== 2) await systemClock.sleep(10);
  expect(systemClock.monotonicMs() - startMs).toBeLessThan(1_000);
});

test('a flush makes what was taken searchable at once', async () => {
  for (let seq = 0; seq < 20; seq++) {
    await running.store(batchOfLines([`line ${seq}`], 'flushed'));
    expect(await held('flushed')).toEqual([seq + 1, seq + 1, 0, seq]);
  }
});

test('a flush of another range or tenant does not wait', async () => {
  enqueue(batchOfLines(['one'], 'waiting'), 0);
  const startMs = systemClock.monotonicMs();
  await running.engine.writer.flush('other', 0n, 2n ** 62n);
  await running.engine.writer.flush('waiting', 0n, 1_000n);
  expect(systemClock.monotonicMs() - startMs).toBeLessThan(100);
});

test('killed again and again during inserts, the engine has every row once', async () => {
  const tenants = ['a', 'b', 'c'];
  const batches: NumberedBatch[] = [];
  const isReady = (): boolean => running.engine.ready;
  const kills = new AbortController();
  const killer = (async () => {
    for (let kill = 0; kill < 6; kill++) {
      while (!isReady()) await systemClock.sleep(5);
      await systemClock.sleep(40 + 50 * kill);
      const pid = running.engine.processId;
      if (pid !== undefined) sendSignal(pid, 'SIGKILL');
      while (isReady()) await systemClock.sleep(5);
    }
    kills.abort();
  })();
  let seq = 0;
  while (!kills.signal.aborted) {
    for (const tenant of tenants) {
      batches.push(enqueue(batchOfLines(numberedLines('row', 700), tenant), seq));
    }
    seq += 700;
    await systemClock.sleep(25);
  }
  await killer;
  await untilStored();
  for (const tenant of tenants) expect(await held(tenant)).toEqual([seq, seq, 0, seq - 1]);
  expect(new Set(running.released)).toEqual(new Set(batches));
  expect(running.released).toHaveLength(batches.length);
  expect(running.engine.counters.restarts).toBeGreaterThanOrEqual(4);
});

describe('after a restart of the whole server', () => {
  const again = async (): Promise<void> => {
    await running.engine.stop();
    running = await startTestEngine(directory);
  };

  test('what is in the engine already is not stored twice', async () => {
    const stored = await running.store(batchOfLines(numberedLines('row', 1_000), 'again'));
    const fresh = batchOfLines(numberedLines('more', 500), 'again');
    await again();
    running.engine.writer.recover([stored, numberBatch(fresh, stored.bucket, 1_000)]);
    await untilStored();
    expect(await held('again')).toEqual([1_500, 1_500, 0, 1_499]);
    expect(running.released).toHaveLength(2);
  });

  test('of a batch that is there in part only the rest is stored', async () => {
    const lines = numberedLines('row', 1_000);
    const lane = 'part/default/test';
    const fill =
      (name: string) =>
      (record: { attributes: { putText(k: string, v: string): void } }, row: number) => {
        if (row % 3 === 0) record.attributes.putText('row', `${name} ${row}`);
      };
    const whole = batchOfLines(lines, 'part', fill('whole'));
    const bucket = running.engine.catalog.bucketFor('part', 'default', whole.observedNs);
    for (const [from, to] of [
      [0, 10],
      [500, 501],
      [990, 1_000],
    ] as const) {
      const some = batchOfLines(lines.slice(from, to), 'part');
      running.engine.writer.enqueue(numberBatch(some, bucket, from, lane));
    }
    await untilStored();
    await again();
    running.engine.writer.recover([numberBatch(whole, bucket, 0, lane)]);
    await untilStored();
    expect(await held('part')).toEqual([1_000, 1_000, 0, 999]);
    const rows = await running.engine.reader.rows(
      `SELECT countIf(body != 'row ' || toString(seq)),
         countIf(seq BETWEEN 10 AND 499 AND seq % 3 = 0
           AND attributes['row'] != 'whole ' || toString(seq))
       FROM meshtrail.logs WHERE tenant = 'part'`,
    );
    expect(rows).toEqual([['0', '0']]);
  });
});

describe('rows that the engine refuses for what they hold', () => {
  const quarantined = (): string[] =>
    readdirSync(`${directory}/quarantine`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.rows'))
      .sort();

  test('are found one by one and kept aside; all others are stored', async () => {
    const { bucket } = await running.store(batchOfLines(['first'], 'picky'));
    const client = await writerClient();
    await client.command(
      `ALTER TABLE meshtrail.${bucket.table} ADD CONSTRAINT c CHECK body NOT LIKE 'poison%'`,
    );
    const lines = numberedLines('row', 900);
    lines[0] = 'poison a';
    lines[450] = 'poison b';
    lines[899] = 'poison c';
    for (let part = 0; part < 3; part++) {
      enqueue(batchOfLines(lines.slice(part * 300, part * 300 + 300), 'picky'), 1 + part * 300);
    }
    await untilStored();
    expect(await held('picky')).toEqual([898, 898, 0, 899]);
    expect(running.engine.counters.quarantinedRows).toBe(3);
    expect(running.released).toHaveLength(4);
    const kept = quarantined().map((name) => readFileSync(`${directory}/quarantine/${name}`));
    expect(kept).toHaveLength(3);
    for (const file of kept) {
      expect(file.includes('poison')).toBe(false);
      const rows = await readQuarantined(file, bucket, testKeyring);
      expect(rows).toMatchObject({ lane: 'picky/default/test', rows: 1, reason: '469' });
      expect(Buffer.from(rows.data).includes('poison')).toBe(true);
    }
  });

  test('bytes that are no block are kept aside whole', async () => {
    const good = batchOfLines(numberedLines('good', 50), 'garbled');
    const bad = batchOfLines(numberedLines('bad', 50), 'garbled');
    const data = bad.data.slice();
    data.fill(0xff, 20, 400);
    enqueue(good, 0);
    enqueue({ ...bad, data }, 50);
    enqueue(good, 100);
    await untilStored();
    expect(await held('garbled')).toEqual([100, 100, 0, 149]);
    expect(running.engine.counters.quarantinedRows).toBe(50);
    expect(quarantined()).toHaveLength(1);
  });
});

test('a batch that cannot be read back is left in the journal; others go on', async () => {
  const bad = numberBatch(
    batchOfLines(numberedLines('bad', 10), 'unread'),
    running.engine.catalog.bucketFor('unread', 'default', systemClock.nowNs()),
    10,
  );
  enqueue(batchOfLines(numberedLines('good', 10), 'unread'), 0);
  running.engine.writer.enqueue({
    ...bad,
    load: () => Promise.reject(new Error('checksum')),
  });
  enqueue(batchOfLines(numberedLines('good', 10), 'unread'), 20);
  while (running.released.length < 2) await systemClock.sleep(20);
  expect(await held('unread')).toEqual([20, 20, 0, 29]);
});

test('a table that the engine lost is made again', async () => {
  const { bucket } = await running.store(batchOfLines(['first'], 'lost'));
  await (await writerClient()).command(`DROP TABLE meshtrail.${bucket.table} SYNC`);
  enqueue(batchOfLines(['second'], 'lost'), 1);
  await untilStored();
  expect(await held('lost')).toEqual([1, 1, 1, 1]);
});
