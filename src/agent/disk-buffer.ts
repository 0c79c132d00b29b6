import { join } from 'node:path';
import { parseAgentBatch, type AgentSource } from '../model/agent-batch.ts';
import { MeshtrailError } from '../model/errors.ts';
import type { Bucket, Keyring, NumberedBatch } from '../model/storage.ts';
import type { Clock } from '../platform/clock.ts';
import type { Disk } from '../platform/disk.ts';
import type { Log } from '../platform/log.ts';
import { openJournal, type Journal } from '../storage/journal/journal.ts';
import type { Position } from './input.ts';
import type { Ledger } from './ledger.ts';

/**
 * The agent's disk buffer: the server's own journal, encrypted with the agent's own key. A frame is
 * a batch as it will be sent, and where its sources stand behind it, in one write:
 *
 *   length, u32 little-endian | positions by source, JSON | the request's body
 *
 * Everything goes through it, also what files would still have: what was sent once is then sent
 * again byte for byte, whatever was rotated, truncated or reconfigured meanwhile, and its numbers
 * never depend on how it was read. It costs a tenth of the content's size in writes.
 */
export interface DiskBufferOptions {
  readonly directory: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly keyring: Keyring;
  readonly ledger: Ledger;
  readonly maxBytes: number;
  readonly log: Log;
}

/** A batch that is durable here. */
export interface BufferedBatch {
  readonly numbered: NumberedBatch;
  readonly rawBytes: number;
}

/** Where a source stands behind a batch: its input's name, and the position. */
export type Place = readonly [input: string, position: Position];

/** Number of the buffer's key in the keyring; that of what was set aside is the next. */
export const BUFFER_KEY = 1;
export const QUARANTINE_KEY = 2;

const BUCKET: Bucket = {
  id: 'agent/buffer',
  tenant: 'agent',
  retentionClass: 'buffer',
  signal: 'logs',
  fromNs: 0n,
  table: 'none',
  disk: BUFFER_KEY,
};
const NODE = 'agent';
const LANE = `${BUCKET.tenant}/${BUCKET.retentionClass}/${NODE}`;

/** First and longest wait for room, ms. */
const FULL_MS = 100;
const FULL_MAX_MS = 1_000;

export class DiskBuffer {
  /** What was there at the start, oldest first. */
  recovered: BufferedBatch[] = [];
  /** Appends that had to wait because the buffer was full. */
  waits = 0;
  isFull = false;
  private readonly journal: Journal;
  private readonly options: DiskBufferOptions;

  private constructor(journal: Journal, options: DiskBufferOptions) {
    this.journal = journal;
    this.options = options;
  }

  /**
   * Opens the buffer and tells the ledger what it holds beyond it. Rejects as `openJournal` does.
   */
  static async open(options: DiskBufferOptions): Promise<DiskBuffer> {
    const { directory, disk, clock, keyring, ledger, maxBytes, log } = options;
    const journal = await openJournal({
      directory: join(directory, 'buffer'),
      ...{ disk, clock, keyring, maxBytes, log },
      node: NODE,
      floors: new Map([[LANE, ledger.upTo]]),
      onDurable: () => undefined,
      onSegmentEnd: () => undefined,
      resolveBucket: () => BUCKET,
    });
    const buffer = new DiskBuffer(journal, options);
    await buffer.recover();
    return buffer;
  }

  get pendingBytes(): number {
    return this.journal.pendingBytes;
  }

  get pendingBatches(): number {
    return this.journal.pendingBatches;
  }

  get diskBytes(): number {
    return this.journal.diskBytes;
  }

  get oldestAgeNs(): bigint {
    return this.journal.oldestAgeNs;
  }

  /**
   * Resolves once the batch is durable; waits as long as there is no room. Undefined when `signal`
   * ended the wait: nothing of it was kept.
   */
  async append(
    body: readonly Uint8Array[],
    places: readonly Place[],
    rawBytes: number,
    signal: AbortSignal,
  ): Promise<BufferedBatch | undefined> {
    const { clock, ledger } = this.options;
    const observedNs = clock.observedNs();
    const batch = {
      ...{ signal: 'logs' as const, tenant: BUCKET.tenant, protocol: 'agent', rows: 1, columns: 0 },
      ...{
        data: frameOf(body, places),
        rawBytes,
        observedNs,
        minNs: observedNs,
        maxNs: observedNs,
      },
      layouts: [],
    };
    for (let waitMs = FULL_MS; ; waitMs = Math.min(FULL_MAX_MS, 2 * waitMs)) {
      try {
        const numbered = await this.journal.append(batch, BUCKET);
        this.isFull = false;
        ledger.upTo = numbered.seq;
        return { numbered, rawBytes };
      } catch (error) {
        if (!(error instanceof MeshtrailError) || !WAITS.has(error.code)) throw error;
        if (!this.isFull) this.waits++;
        this.isFull = true;
        await clock.sleep(waitMs, signal);
        if (signal.aborted) return undefined;
      }
    }
  }

  /** The request's body. Rejects where the disk has rotted. */
  async bodyOf({ numbered }: BufferedBatch): Promise<Uint8Array> {
    return openFrame(await numbered.load()).body;
  }

  /** Lets go of a batch; the ledger must have been written since it was durable. */
  release({ numbered }: BufferedBatch): void {
    this.journal.release(numbered);
  }

  close(): Promise<void> {
    return this.journal.close();
  }

  private async recover(): Promise<void> {
    const { ledger, log } = this.options;
    for (const numbered of this.journal.recovered) {
      this.recovered.push({ numbered, rawBytes: numbered.rawBytes });
      if (numbered.seq <= ledger.upTo) continue;
      ledger.upTo = numbered.seq;
      const { places, body } = openFrame(await numbered.load());
      const batch = parseAgentBatch(body);
      if (typeof batch === 'string') {
        log.error('a batch in the buffer cannot be read', { seq: numbered.seq, why: batch });
        continue;
      }
      for (const [i, source] of batch.head.sources.entries()) recall(ledger, source, places[i]);
    }
  }
}

/** A source stands where its last batch says. */
const recall = (ledger: Ledger, source: AgentSource, place: Place = ['', '']): void => {
  const state = ledger.of(source.source, place[0]);
  state.next = state.durableNext = source.from + source.count;
  state.position = place[1];
  Object.assign(state.dropped, source.dropped);
  state.lostBytes = source.lostBytes;
  state.lastNs = source.readNs;
};

/** The journal has no room, or its disk has not; it goes on by itself. */
const WAITS = new Set(['journal_full', 'journal_failed']);

const PREFIX_BYTES = 4;

const frameOf = (
  body: readonly Uint8Array[],
  places: readonly Place[],
): Uint8Array<ArrayBuffer> => {
  const local = Buffer.from(JSON.stringify(places));
  const size = body.reduce((sum, { length }) => sum + length, PREFIX_BYTES + local.length);
  const data = new Uint8Array(size);
  new DataView(data.buffer).setUint32(0, local.length, true);
  data.set(local, PREFIX_BYTES);
  let at = PREFIX_BYTES + local.length;
  for (const part of body) {
    data.set(part, at);
    at += part.length;
  }
  return data;
};

const openFrame = (data: Uint8Array): { places: readonly Place[]; body: Uint8Array } => {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const end = PREFIX_BYTES + view.getUint32(0, true);
  const local = Buffer.from(data.buffer, data.byteOffset, data.length).toString('utf8', 4, end);
  return { places: JSON.parse(local) as Place[], body: data.subarray(end) };
};
