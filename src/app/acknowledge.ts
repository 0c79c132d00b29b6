import type { Batch, LayoutUse, Signal } from '../model/batch.ts';
import { MeshtrailError } from '../model/errors.ts';
import type { Bucket, NumberedBatch } from '../model/storage.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Counters } from './counters.ts';
import type { Settle } from './decode-pool.ts';
import type { Once, Refused } from './once.ts';
import type { JobDone, ThreadResult } from './thread-messages.ts';

/**
 * The second half of a record's way, in the main thread:
 *
 *   decoded batches -> what is not stored yet -> bucket -> layouts to the catalog
 *     -> journal (fsync) -> acknowledge
 *                        |-> engine's writer
 *                        '-> live tail
 *
 * A job is settled when the last of its batches is durable, and refused when one of them is not.
 */
export interface Storage {
  bucketFor(tenant: string, observedNs: bigint, signal: Signal): Promise<Bucket>;
  /** Makes layouts of the bucket known, durably; undefined where they are: nearly always. */
  learn(bucket: Bucket, layouts: readonly LayoutUse[]): Promise<void> | undefined;
  /** True when the bucket takes no more layouts. */
  layoutsFull(bucket: Bucket): boolean;
  append(batch: Batch, bucket: Bucket): Promise<NumberedBatch>;
  /** Leaves out what is stored already. */
  readonly once: Once;
}

/** A job that could not be made durable, and why. */
export type Outcome =
  | { readonly ok: true; readonly done: JobDone }
  | { readonly ok: false; readonly why: Refused; readonly done: JobDone | undefined };

/** Pause between two tries of a batch that its sender cannot be asked to send again, ms. */
const RETRY_MS = 250;

/** Codes of what no second try would mend. */
const UNFIT = new Set(['journal_unfit', 'layout_invalid']);

export class Acknowledger {
  private readonly storage: Storage;
  private readonly counters: Counters;
  private readonly clock: Clock;
  private readonly log: Log;
  /** Receivers whose senders cannot be told to retry: their batches wait instead. */
  private readonly patient: ReadonlySet<string>;
  private readonly outcomes = new WeakMap<JobDone, Refused>();
  private readonly onLayoutsFull: (bucket: Bucket) => void;
  private stopped = false;

  constructor(
    storage: Storage,
    counters: Counters,
    clock: Clock,
    log: Log,
    patient: ReadonlySet<string>,
    onLayoutsFull: (bucket: Bucket) => void,
  ) {
    this.storage = storage;
    this.counters = counters;
    this.clock = clock;
    this.log = log;
    this.patient = patient;
    this.onLayoutsFull = onLayoutsFull;
  }

  /** Takes a thread's result; settles its jobs in the order in which they came. */
  take(result: ThreadResult, settle: (id: number) => Settle): void {
    this.counters.thread(result.counts);
    const stored = this.storeAll(result.batches);
    for (const done of result.done) {
      const settleJob = settle(done.id);
      if (done.lastBatch < 0) {
        settleJob(done);
        continue;
      }
      const mine = stored.slice(done.firstBatch, done.lastBatch + 1);
      void Promise.all(mine).then((reasons) => {
        const why = reasons.find((reason) => reason !== undefined);
        if (why !== undefined) this.outcomes.set(done, why);
        settleJob(done);
      });
    }
  }

  outcomeOf(done: JobDone | undefined): Outcome {
    if (done === undefined || done.failure !== undefined) return { ok: false, why: 'failed', done };
    const why = this.outcomes.get(done);
    return why === undefined ? { ok: true, done } : { ok: false, why, done };
  }

  stop(): void {
    this.stopped = true;
  }

  /**
   * Stores batches side by side, but those of numbering agents one after another until one is
   * refused: what is durable of a source then never has a hole, and one number tells it.
   */
  private storeAll(batches: readonly Batch[]): Promise<Refused | undefined>[] {
    let before: Promise<Refused | undefined> | undefined;
    return batches.map((batch) => {
      if (batch.origins === undefined) return this.store(batch);
      before = before === undefined ? this.store(batch) : this.storeAfter(before, batch);
      return before;
    });
  }

  private async storeAfter(
    before: Promise<Refused | undefined>,
    batch: Batch,
  ): Promise<Refused | undefined> {
    return (await before) ?? this.store(batch);
  }

  private store(batch: Batch): Promise<Refused | undefined> {
    this.counters.received(batch.protocol, batch.rows, batch.rawBytes);
    return this.storage.once.store(batch, (part) => this.keep(part));
  }

  private async keep(batch: Batch): Promise<Refused | undefined> {
    for (;;) {
      try {
        const { tenant, observedNs, signal } = batch;
        const bucket = await this.storage.bucketFor(tenant, observedNs, signal);
        // Before the rows, so that whoever reads them knows all their layouts.
        const learning = this.storage.learn(bucket, batch.layouts);
        await learning;
        // Threads hear it again with each layout that comes all the same: they may have forgotten.
        if (learning !== undefined && this.storage.layoutsFull(bucket)) this.onLayoutsFull(bucket);
        await this.storage.append(batch, bucket);
        this.counters.acknowledged(batch.protocol, batch.rows, batch.rawBytes);
        return undefined;
      } catch (error) {
        const isUnfit = error instanceof MeshtrailError && UNFIT.has(error.code);
        if (isUnfit) this.log.error('a batch was lost: our own bounds are wrong', { error });
        if (this.patient.has(batch.protocol) && !this.stopped && !isUnfit) {
          await this.clock.sleep(RETRY_MS);
          continue;
        }
        const busy = error instanceof MeshtrailError && error.code === 'journal_full';
        return busy ? 'busy' : 'failed';
      }
    }
  }
}
