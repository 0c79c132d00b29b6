import type { Signal } from '../../model/batch.ts';
import { LIMITS } from '../../model/limits.ts';
import type { NumberedBatch } from '../../model/storage.ts';
import type { Clock, Timer } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import { BucketQueue } from './bucket-queue.ts';
import type { Catalog } from './catalog.ts';
import type { EngineCounters } from './counters.ts';
import type { Delivery } from './delivery.ts';
import type { EngineConnection, EngineHome } from './engine.ts';
import { engineCode } from './failure.ts';
import type { Tables } from './tables.ts';

export interface WriterOptions {
  readonly home: EngineHome;
  readonly delivery: Delivery;
  readonly tables: Tables;
  readonly catalog: Catalog;
  readonly counters: EngineCounters;
  readonly clock: Clock;
  readonly log: Log;
}

/** ClickHouse's UNKNOWN_TABLE. */
const UNKNOWN_TABLE = 60;

/**
 * Takes batches from the journal and brings them into the engine: few large inserts, one at a time
 * in each bucket, each row once. Nothing here is lost with the process: the journal has it all.
 */
export class EngineWriter {
  private readonly options: WriterOptions;
  private readonly queues = new Map<string, BucketQueue>();
  private readonly running = new Set<Promise<void>>();
  private timer: Timer | undefined;
  private awaitingEngine = false;
  private stopped = false;

  constructor(options: WriterOptions) {
    this.options = options;
  }

  /** Inserts under way. */
  get active(): number {
    return this.running.size;
  }

  /** Takes a durable batch; its rows must not be in the engine yet. */
  enqueue(batch: NumberedBatch): void {
    const { catalog, clock, counters } = this.options;
    catalog.widen(batch.bucket, batch.minNs, batch.maxNs);
    counters.pendingRows += batch.rows;
    this.queueOf(batch).push(batch, clock.monotonicMs());
    this.pump();
  }

  /**
   * Takes what the journal found at its start, in order, before anything is enqueued: the engine
   * may hold all, some or none of it.
   */
  recover(batches: readonly NumberedBatch[]): void {
    const byQueue = new Map<BucketQueue, NumberedBatch[]>();
    for (const batch of batches) {
      this.options.catalog.widen(batch.bucket, batch.minNs, batch.maxNs);
      this.options.counters.pendingRows += batch.rows;
      const queue = this.queueOf(batch);
      const some = byQueue.get(queue);
      if (some === undefined) byQueue.set(queue, [batch]);
      else some.push(batch);
    }
    for (const [queue, some] of byQueue) queue.recover(some);
    this.pump();
  }

  /**
   * Resolves once everything taken so far of the tenant's rows in [startNs, endNs] (of a signal, or
   * all) is searchable, or after `LIMITS.flushWaitMs`: a query that came after an acknowledgement
   * finds its rows.
   */
  async flush(tenant: string, startNs: bigint, endNs: bigint, signal?: Signal): Promise<void> {
    const drained: Promise<void>[] = [];
    for (const queue of this.queues.values()) {
      if (queue.bucket.tenant !== tenant) continue;
      if (signal !== undefined && queue.bucket.signal !== signal) continue;
      const promise = queue.drained(startNs, endNs);
      if (promise !== undefined) drained.push(promise);
    }
    if (drained.length === 0) return;
    this.pump();
    const enough = new AbortController();
    const limit = this.options.clock.sleep(LIMITS.flushWaitMs, enough.signal);
    await Promise.race([Promise.all(drained), limit]);
    enough.abort();
  }

  /** Sends nothing more and waits for inserts under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await Promise.all(this.running);
  }

  private queueOf({ bucket }: NumberedBatch): BucketQueue {
    let queue = this.queues.get(bucket.id);
    if (queue === undefined) {
      queue = new BucketQueue(bucket);
      this.queues.set(bucket.id, queue);
    }
    return queue;
  }

  /** Starts the inserts that are due and sets the timer for the next one. */
  private pump(): void {
    this.timer?.cancel();
    this.timer = undefined;
    if (this.stopped) return;
    const nowMs = this.options.clock.monotonicMs();
    const waitMs = this.waitMs();
    let nextMs = Infinity;
    while (this.running.size < LIMITS.insertsInFlight) {
      let next: BucketQueue | undefined;
      nextMs = Infinity;
      for (const queue of this.queues.values()) {
        if (queue.busy || queue.isEmpty) continue;
        const dueMs = queue.dueMs(waitMs);
        if (dueMs >= nextMs) continue;
        nextMs = dueMs;
        next = queue;
      }
      if (next === undefined || nextMs > nowMs) break;
      const connection = this.options.home.current;
      if (connection === undefined) return this.awaitEngine();
      this.begin(next, connection, nowMs);
    }
    if (nextMs === Infinity || this.running.size >= LIMITS.insertsInFlight) return;
    this.timer = this.options.clock.setTimer(Math.max(1, nextMs - nowMs), () => this.pump());
  }

  /** Many buckets with little each wait longer: an insert has its price whatever it holds. */
  private waitMs(): number {
    let active = 0;
    for (const queue of this.queues.values()) if (!queue.isEmpty) active += 1;
    return Math.max(LIMITS.insertWaitMs, active * LIMITS.insertWaitPerBucketMs);
  }

  private begin(queue: BucketQueue, connection: EngineConnection, nowMs: number): void {
    queue.busy = true;
    queue.startedMs = nowMs;
    const run = this.options.delivery
      .round(queue, connection, nowMs, this.running.size === 0 ? 1 : 0.5)
      .then(
        (stored) => {
          if (stored) queue.failures = 0;
        },
        (error: unknown) => this.failed(queue, error),
      )
      .finally(() => {
        queue.busy = false;
        this.running.delete(run);
        this.forgetIdle(queue);
        this.pump();
      });
    this.running.add(run);
  }

  private failed(queue: BucketQueue, error: unknown): void {
    const { clock, log, tables } = this.options;
    if (this.stopped) return;
    if (engineCode(error) === UNKNOWN_TABLE) tables.forget(queue.bucket);
    const pauseMs = Math.min(
      LIMITS.insertBackoffMs * 2 ** Math.min(queue.failures, 16),
      LIMITS.insertBackoffMaxMs,
    );
    queue.failures += 1;
    queue.notBeforeMs = clock.monotonicMs() + pauseMs;
    const code = engineCode(error);
    log.warn('an insert was not confirmed; it is looked into and sent again', {
      table: queue.bucket.table,
      pauseMs,
      code,
      // The engine's text may quote rows: its number says enough.
      reason: code === undefined && error instanceof Error ? error.message : undefined,
    });
  }

  /** A bucket of last week needs no memory. */
  private forgetIdle(queue: BucketQueue): void {
    if (queue.isEmpty && queue.isSettled) this.queues.delete(queue.bucket.id);
  }

  private awaitEngine(): void {
    if (this.awaitingEngine) return;
    this.awaitingEngine = true;
    void this.options.home.connection(LIMITS.engineStartMs).then(() => {
      this.awaitingEngine = false;
      this.pump();
    });
  }
}
