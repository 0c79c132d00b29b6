import type { Batch } from '../../model/batch.ts';
import type {
  Bucket,
  JournalRelease,
  Keyring,
  NumberedBatch,
  SegmentEnd,
} from '../../model/storage.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Disk } from '../../platform/disk.ts';
import type { Log } from '../../platform/log.ts';
import { type Random, systemRandom } from '../../platform/random.ts';
import { FileJournal } from './file-journal.ts';
import { SALT_BYTES } from './format.ts';
import { FrameKeys } from './frame-cipher.ts';
import { GroupBuilder } from './group.ts';
import { Lanes } from './lanes.ts';
import { PendingBatches } from './pending.ts';
import { readFrame } from './read-back.ts';
import { recover } from './recover.ts';

export interface JournalOptions {
  readonly directory: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly keyring: Keyring;
  /** This server's name in its lanes: `<tenant>/<class>/<node>`, and `/spans` for spans. */
  readonly node: string;
  /** Disk budget, bytes: above it senders are told to try later. */
  readonly maxBytes: number;
  readonly log: Log;
  readonly random?: Random;
  /** Greatest seq that the engine holds, by lane; no lane begins before it. */
  readonly floors?: ReadonlyMap<string, number>;
  /** Called in the order of seq, once the batch is durable and before its `append` resolves. */
  onDurable(batch: NumberedBatch): void;
  /**
   * A segment got its last row, and all its rows are durable. After a restart it may be told again,
   * with the same values; also during `openJournal`.
   */
  onSegmentEnd(end: SegmentEnd): void;
  /**
   * During `openJournal`, in the order of writing: a batch was found again, and this is what its
   * items are known by.
   */
  onTokens?(batch: NumberedBatch, tokens: Uint32Array): void;
  /**
   * The engine holds these batches with `origins`. What is to be known of them afterwards must be
   * durable when this returns, for their frames may go then. When it throws it is called again.
   */
  onStored?(batches: readonly NumberedBatch[]): void;
  /** The bucket of an id that was appended before; throws when there is none. */
  resolveBucket(id: string): Bucket;
}

/** Counts since opening, for /metrics. */
export interface JournalCounters {
  batches: number;
  rows: number;
  /** Written to files, frames' headers included. */
  bytes: number;
  groups: number;
  /** Appends refused: budget or disk full; or the write failed. */
  refusedFull: number;
  refusedFailed: number;
  writeFailures: number;
  filesCreated: number;
  filesDeleted: number;
  filesSetAside: number;
  cutTails: number;
  cutBytes: number;
  /** Places that could not be read although they had been durable: rows were lost. */
  damages: number;
  /** Batches that were found after their bucket's key had been destroyed. */
  destroyedBatches: number;
  /** Batches read back from disk because memory was spent. */
  readBacks: number;
}

export interface Journal extends JournalRelease {
  /**
   * Resolves once the batch is durable (fdatasync). Rejects with MeshtrailError `journal_full` (the
   * sender must retry later) or `journal_failed`, or with the keyring's error; `batch.data` must
   * not change meanwhile, nor until it is released.
   */
  append(batch: Batch, bucket: Bucket): Promise<NumberedBatch>;
  /** The engine holds the batch durably. A second call does nothing. */
  release(batch: NumberedBatch): void;
  /** At opening: what the files held, in order; the engine may have any of it. */
  readonly recovered: readonly NumberedBatch[];
  /** It writes. While false, appends are refused; it tries again by itself. */
  readonly ready: boolean;
  /** Encoded bytes not released yet, and how much of them is in memory. */
  readonly pendingBytes: number;
  readonly memoryBytes: number;
  readonly pendingBatches: number;
  /** Bytes of the journal's files. */
  readonly diskBytes: number;
  /** Age of the oldest batch not released; 0n when there is none. */
  readonly oldestAgeNs: bigint;
  readonly counters: Readonly<JournalCounters>;
  /**
   * Writes what waits, ends all segments, and leaves nothing behind if all was released, save items
   * so new that their senders may still send them again.
   */
  close(): Promise<void>;
}

/**
 * Opens the journal and recovers what is in it.
 * Rejects with `journal_version`, `journal_damaged`, or the disk's or keyring's errors. A disk that
 * is full or cannot write does not reject: the journal opens with `ready` false.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { directory, disk, keyring, clock } = options;
  await disk.makeDirectory(directory);
  const lanes = new Lanes();
  const pending = new PendingBatches();
  const keys = new FrameKeys(keyring);
  const counters = newCounters();
  const readBack = readFrame(disk, keys, counters);
  const recovered = await recover({ ...options, keys, lanes, pending, readBack });
  for (const [lane, seq] of options.floors ?? []) lanes.raise(lane, seq);
  clock.observeAtLeast(recovered.observedNs);
  const salt = (options.random ?? systemRandom).bytes(SALT_BYTES);
  const builder = new GroupBuilder({ keys, lanes, readBack, salt });
  const journal = new FileJournal(options, { lanes, pending, counters, builder, recovered });
  await journal.start(recovered.ends);
  return journal;
}

function newCounters(): JournalCounters {
  return {
    batches: 0,
    rows: 0,
    bytes: 0,
    groups: 0,
    refusedFull: 0,
    refusedFailed: 0,
    writeFailures: 0,
    filesCreated: 0,
    filesDeleted: 0,
    filesSetAside: 0,
    cutTails: 0,
    cutBytes: 0,
    damages: 0,
    destroyedBatches: 0,
    readBacks: 0,
  };
}
