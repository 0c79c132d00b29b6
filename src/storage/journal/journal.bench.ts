import { createHash, randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Keyring, NumberedBatch } from '../../model/storage.ts';
import { systemClock } from '../../platform/clock.ts';
import { systemDisk } from '../../platform/disk.ts';
import { silentLog } from '../../platform/log.ts';
import { type Journal, openJournal } from './journal.ts';
import { testBatch, testBucket } from './simulated-journal.ts';

/**
 * What an append costs: `node src/storage/journal/journal.bench.ts [directory]`. Batches are
 * released at once, so that files are deleted as they are in a server that keeps up.
 */

const keyring: Keyring = {
  dataKey: (disk) => Promise.resolve(createHash('sha256').update(String(disk)).digest()),
};

async function withJournal(run: (journal: Journal) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'meshtrail-journal-'));
  const journal = await openJournal({
    directory,
    disk: systemDisk,
    clock: systemClock,
    keyring,
    node: 'bench',
    maxBytes: 2 ** 32,
    log: silentLog,
    onDurable: () => undefined,
    onSegmentEnd: () => undefined,
    resolveBucket: () => testBucket(1),
  });
  try {
    await run(journal);
    await journal.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function measure(title: string, size: number, count: number, senders: number): Promise<void> {
  await withJournal(async (journal) => {
    const data = randomFillSync(new Uint8Array(size));
    const latencies: number[] = [];
    let left = count;
    const send = async (): Promise<void> => {
      while (left-- > 0) {
        const from = performance.now();
        const batch: NumberedBatch = await journal.append(
          testBatch(data, 1, systemClock.observedNs()),
          testBucket(1),
        );
        latencies.push(performance.now() - from);
        journal.release(batch);
      }
    };
    const cpuBefore = process.cpuUsage();
    const from = performance.now();
    await Promise.all(Array.from({ length: senders }, send));
    const seconds = (performance.now() - from) / 1_000;
    const cpu = process.cpuUsage(cpuBefore);
    const cpuSeconds = (cpu.user + cpu.system) / 1e6;
    latencies.sort((a, b) => a - b);
    const at = (part: number): string => (latencies[Math.floor(count * part)] ?? 0).toFixed(2);
    const megabytes = (size * count) / 1e6;
    const columns = [
      `${(megabytes / seconds).toFixed(1)} MB/s`,
      `${(count / seconds).toFixed(0)} appends/s`,
      `${journal.counters.groups} groups`,
      `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
      `${((cpuSeconds / megabytes) * 1_000).toFixed(2)} CPU ms/MB`,
      `${((cpuSeconds / count) * 1e6).toFixed(0)} CPU us/append`,
    ];
    console.log(`${title.padEnd(36)} ${columns.join('  ')}`);
  });
}

await measure('warm-up', 4_096, 500, 4);
await measure('1 line of 300 B, 1 sender', 300, 1_000, 1);
await measure('1 line of 300 B, 16 senders', 300, 8_000, 16);
await measure('1 line of 300 B, 256 senders', 300, 40_000, 256);
await measure('batch of 64 KiB, 8 senders', 65_536, 4_000, 8);
await measure('batch of 1 MiB, 2 senders', 1_048_576, 500, 2);
await measure('batch of 1 MiB, 8 senders', 1_048_576, 800, 8);
await measure('batch of 8 MiB, 2 senders', 8_388_608, 100, 2);
