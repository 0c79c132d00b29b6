import type { Batch } from '../../model/batch.ts';
import type { Bucket, Keyring, NumberedBatch, SegmentEnd } from '../../model/storage.ts';
import { createClock, type Clock, type Timer } from '../../platform/clock.ts';
import { type Log, silentLog } from '../../platform/log.ts';
import { type Journal, openJournal } from './journal.ts';
import type { SimulatedDisk } from './simulated-disk.ts';

/** A journal over a simulated disk, a clock set by hand and keys made up, for tests. */

/** A clock that moves when it is told to. */
export class HandClock {
  wallMs = 1_767_600_000_000;
  private elapsedMs = 0;
  private timers: { dueMs: number; everyMs: number; run: () => void; id: number }[] = [];
  private ids = 0;
  private readonly base = createClock({
    wallMs: () => this.wallMs,
    monotonicNs: () => BigInt(Math.round(this.elapsedMs * 1e6)),
  });

  /** A fresh view for one process: its timers die with `forget`. */
  readonly clock: Clock = {
    ...this.base,
    setTimer: (delayMs, run) => this.add(delayMs, 0, run),
    setRepeating: (everyMs, run) => this.add(everyMs, everyMs, run),
    sleep: (delayMs) => new Promise((resolve) => void this.add(delayMs, 0, resolve)),
  };

  /** Moves both clocks and runs what is due. */
  advance(ms: number): void {
    this.elapsedMs += ms;
    this.wallMs += ms;
    for (const timer of [...this.timers]) {
      if (timer.dueMs > this.elapsedMs) continue;
      if (timer.everyMs > 0) timer.dueMs = this.elapsedMs + timer.everyMs;
      else this.timers = this.timers.filter((other) => other !== timer);
      timer.run();
    }
  }

  /** The process died. */
  forget(): void {
    this.timers = [];
  }

  private add(delayMs: number, everyMs: number, run: () => void): Timer {
    const id = ++this.ids;
    this.timers.push({ dueMs: this.elapsedMs + delayMs, everyMs, run, id });
    return { cancel: () => (this.timers = this.timers.filter((timer) => timer.id !== id)) };
  }
}

export const DIRECTORY = '/journal';

export function testBucket(number: number): Bucket {
  const tenant = `tenant-${number}`;
  return {
    id: `${tenant}/default/2026-01-05`,
    tenant,
    retentionClass: 'default',
    signal: 'logs',
    fromNs: 0n,
    table: `t${number}`,
    disk: number,
  };
}

function resolveBucket(id: string): Bucket {
  const match = /^tenant-(\d+)\//.exec(id);
  if (match === null) throw new Error(`no bucket ${id}`);
  return testBucket(Number(match[1]));
}

/** Keys that depend on their number alone. */
export const testKeyring: Keyring = {
  dataKey: (disk) => Promise.resolve(Buffer.alloc(32, disk + 1)),
};

/** A batch of `data`; `rows` rows. */
export function testBatch(
  data: Uint8Array<ArrayBuffer>,
  rows = 1,
  observedNs = 1_767_600_000_000_000_000n,
): Batch {
  const times = { observedNs, minNs: observedNs - 5n, maxNs: observedNs };
  const head = {
    signal: 'logs' as const,
    tenant: 'unused',
    protocol: 'test',
    rows,
    columns: 2,
    layouts: [],
  };
  return { ...head, data, rawBytes: 7, ...times };
}

export interface TestJournal {
  readonly journal: Journal;
  /** What the listeners heard. */
  readonly durable: NumberedBatch[];
  readonly ends: SegmentEnd[];
  /** What was found of tokens. */
  readonly tokens: (readonly [NumberedBatch, Uint32Array])[];
}

export async function openTestJournal(
  disk: SimulatedDisk,
  time: HandClock,
  more: {
    maxBytes?: number;
    log?: Log;
    keyring?: Keyring;
    ends?: SegmentEnd[];
    onStored?: (batches: readonly NumberedBatch[]) => void;
  } = {},
): Promise<TestJournal> {
  const durable: NumberedBatch[] = [];
  const ends: SegmentEnd[] = more.ends ?? [];
  const tokens: (readonly [NumberedBatch, Uint32Array])[] = [];
  const journal = await openJournal({
    directory: DIRECTORY,
    disk: disk.open(),
    clock: time.clock,
    keyring: more.keyring ?? testKeyring,
    node: 'n1',
    maxBytes: more.maxBytes ?? 2 ** 26,
    log: more.log ?? silentLog,
    onDurable: (batch) => durable.push(batch),
    onSegmentEnd: (end) => ends.push(end),
    onTokens: (batch, found) => void tokens.push([batch, found]),
    ...(more.onStored && { onStored: more.onStored }),
    resolveBucket,
  });
  return { journal, durable, ends, tokens };
}

/** Waits until the journal has nothing left to do. */
export async function settle(disk: SimulatedDisk): Promise<void> {
  let quiet = 0;
  while (quiet < 8) {
    const { calls } = disk;
    await new Promise((resolve) => setImmediate(resolve));
    quiet = calls === disk.calls ? quiet + 1 : 0;
  }
}
