import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock.ts';
import { systemDisk } from '../../platform/disk.ts';
import { silentLog } from '../../platform/log.ts';
import { type Journal, openJournal } from './journal.ts';
import { testBatch, testBucket, testKeyring } from './simulated-journal.ts';

/** The journal on the machine's own disk, in processes that are killed. */

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-journal-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(): Promise<Journal> {
  return openJournal({
    directory,
    disk: systemDisk,
    clock: systemClock,
    keyring: testKeyring,
    node: 'n1',
    maxBytes: 2 ** 26,
    log: silentLog,
    onDurable: () => undefined,
    onSegmentEnd: () => undefined,
    resolveBucket: (id) => testBucket(Number(/^tenant-(\d+)/.exec(id)?.[1])),
  });
}

const here = new URL('.', import.meta.url).href;
/** Appends without end, eight at a time; prints each batch's numbers once it is acknowledged. */
const CHILD = `
  const { openJournal } = await import('${here}journal.ts');
  const { testBatch, testBucket, testKeyring } = await import('${here}simulated-journal.ts');
  const { systemClock } = await import('${here}../../platform/clock.ts');
  const { systemDisk } = await import('${here}../../platform/disk.ts');
  const { silentLog } = await import('${here}../../platform/log.ts');
  const journal = await openJournal({
    directory: process.argv[1], disk: systemDisk, clock: systemClock, keyring: testKeyring,
    node: 'n1', maxBytes: 2 ** 26, log: silentLog, onDurable() {}, onSegmentEnd() {},
    resolveBucket: (id) => testBucket(Number(/^tenant-(\\d+)/.exec(id)[1])),
  });
  const first = Number(process.argv[2]);
  for (let id = first; ; ) {
    const appends = [];
    for (let i = 0; i < 8; i++, id++) {
      const data = new Uint8Array(1_000 + (id * 7_919) % 60_000);
      new DataView(data.buffer).setUint32(0, id);
      const one = id;
      appends.push(journal.append(testBatch(data, 1 + id % 5, systemClock.observedNs()), testBucket(id % 2))
        .then((batch) => process.stdout.write([one, batch.lane, batch.seq, batch.rows].join(' ') + '\\n')));
    }
    await Promise.all(appends);
  }
`;

interface Told {
  readonly id: number;
  readonly lane: string;
  readonly seq: number;
  readonly rows: number;
}

/** Runs the child, kills it -9 after it told of some batches, and answers what it told. */
async function runAndKill(firstId: number, killAfter: number): Promise<Told[]> {
  const argv = ['--no-warnings', '--input-type=module', '-e', CHILD, directory, String(firstId)];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const told: Told[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [id, lane, seq, rows] = line.split(' ');
    told.push({ id: Number(id), lane: lane ?? '', seq: Number(seq), rows: Number(rows) });
    if (told.length === killAfter) child.kill('SIGKILL');
  }
  return told;
}

test('kill -9 while appending, again and again: all that was told is there, once, dense', async () => {
  const acknowledged = new Map<number, Told>();
  for (let round = 0; round < 4; round++) {
    const firstId = round * 1_000_000;
    for (const one of await runAndKill(firstId, 20 + round * 97)) acknowledged.set(one.id, one);

    const journal = await open();
    const seen = new Map<number, number>();
    const next = new Map<string, number>();
    for (const batch of journal.recovered) {
      const data = await batch.load();
      seen.set(new DataView(data.buffer, data.byteOffset).getUint32(0), batch.seq);
      expect(batch.seq, batch.lane).toBe(next.get(batch.lane) ?? 1);
      next.set(batch.lane, batch.seq + batch.rows);
    }
    expect(seen.size).toBe(journal.recovered.length);
    for (const one of acknowledged.values()) expect(seen.get(one.id)).toBe(one.seq);
    expect(journal.counters.damages).toBe(0);
    await journal.close();
  }
  expect(acknowledged.size).toBeGreaterThan(600);
}, 60_000);

test('files are for their owner alone, and nothing of the data can be read in them', async () => {
  const journal = await open();
  const secret = 'the-card-number-is-4111';
  const data = Uint8Array.from(Buffer.from(secret.repeat(100)));
  await journal.append(testBatch(data), testBucket(0));
  await journal.append(testBatch(data), testBucket(1));
  const [name = ''] = readdirSync(directory);
  expect(name).toBe('00000001.journal');
  const path = join(directory, name);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const contents = readFileSync(path);
  expect(contents.length).toBeGreaterThan(2 * data.length);
  expect(contents.includes('card')).toBe(false);
  // The same data twice does not look the same.
  const cipher = contents.subarray(contents.length - 200, contents.length - 20);
  expect(contents.indexOf(cipher)).toBe(contents.length - 200);
  await journal.close();
});
