import type { Batch } from '../../model/batch.ts';
import { type MeshtrailError, must } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Bucket, NumberedBatch, SegmentEnd } from '../../model/storage.ts';
import type { Timer } from '../../platform/clock.ts';
import { isDiskFull } from '../../platform/disk.ts';
import { Budget } from './budget.ts';
import { JournalFiles } from './files.ts';
import { encodeHeads } from './format.ts';
import { encodeNotes } from './frame-notes.ts';
import { type Group, type GroupBuilder, payloadOf, takeGroup, type Waiting } from './group.ts';
import type { Journal, JournalCounters, JournalOptions } from './journal.ts';
import { laneOf, type Lanes } from './lanes.ts';
import type { PendingBatches } from './pending.ts';
import { headsJson, type Recovered } from './recover.ts';
import * as refusal from './refusals.ts';

/** What `openJournal` made and recovered. */
export interface JournalParts {
  readonly lanes: Lanes;
  readonly pending: PendingBatches;
  readonly counters: JournalCounters;
  readonly builder: GroupBuilder;
  readonly recovered: Recovered;
}

/** How often segments, idle files and the like are looked after, ms. */
const TICK_MS = 250;
/** Share of the budget for drained files that are kept for their tokens. */
const TOKENS_PER_BUDGET = 8;

/** The journal over its files: a queue, and one worker that writes, rotates and deletes. */
export class FileJournal implements Journal {
  readonly recovered: readonly NumberedBatch[];
  readonly counters: JournalCounters;
  ready = false;
  private readonly options: JournalOptions;
  private readonly lanes: Lanes;
  private readonly pending: PendingBatches;
  private readonly builder: GroupBuilder;
  private readonly files: JournalFiles;
  private readonly budget: Budget;
  private readonly ticker: Timer;
  private queue: Waiting[] = [];
  private queueBytes = 0;
  /** The one run of `work`; undefined while there is nothing to do. */
  private working: Promise<void> | undefined;
  private closing = false;
  private lastAppendMs: number;
  /** Released, and to be told to `onStored` before their frames may go. */
  private untold: NumberedBatch[] = [];
  /** Failures since a group last succeeded: the first is followed by a new file at once. */
  private failures = 0;
  private retryTimer: Timer | undefined;
  private lastError: unknown;

  constructor(options: JournalOptions, parts: JournalParts) {
    const { recovered } = parts;
    this.options = options;
    this.lanes = parts.lanes;
    this.pending = parts.pending;
    this.builder = parts.builder;
    this.counters = parts.counters;
    this.recovered = parts.pending.all();
    this.files = new JournalFiles(options, recovered.files, recovered.lastNumber, this.counters);
    this.budget = new Budget(options.maxBytes);
    this.counters.cutTails = recovered.cutTails;
    this.counters.cutBytes = recovered.cutBytes;
    this.counters.damages = recovered.damages;
    this.counters.destroyedBatches = recovered.destroyedBatches;
    this.lastAppendMs = options.clock.monotonicMs();
    // Their senders may be waiting for this very start.
    for (const file of recovered.files) file.tokenMs = this.lastAppendMs;
    this.ticker = options.clock.setRepeating(TICK_MS, () => this.wake());
  }

  get pendingBytes(): number {
    return this.pending.sizeBytes;
  }

  get memoryBytes(): number {
    return this.pending.memoryBytes;
  }

  get pendingBatches(): number {
    return this.pending.count;
  }

  get diskBytes(): number {
    return this.files.usedBytes;
  }

  get oldestAgeNs(): bigint {
    const oldest = this.pending.oldest();
    if (oldest === undefined) return 0n;
    const age = this.options.clock.observedNs() - oldest.observedNs;
    return age > 0n ? age : 0n;
  }

  async start(ends: readonly SegmentEnd[]): Promise<void> {
    // Segments that a crash left open end here; their last row is known now.
    this.tellEnds([...ends, ...this.lanes.closeOlder(Infinity)]);
    await this.openFile();
    this.wake();
  }

  append(batch: Batch, bucket: Bucket): Promise<NumberedBatch> {
    const lane = laneOf(bucket, this.options.node);
    const notes = encodeNotes(batch);
    const sizeBytes = payloadOf({ batch, notes });
    const error = refusal.ofBatch(batch, lane, bucket, sizeBytes) ?? this.refuse(sizeBytes);
    if (error !== undefined) return Promise.reject(error);
    this.lastAppendMs = this.options.clock.monotonicMs();
    this.queueBytes += sizeBytes;
    return new Promise((resolve, reject) => {
      this.queue.push({ batch, bucket, lane, notes, resolve, reject });
      this.wake();
    });
  }

  release(batch: NumberedBatch): void {
    if (batch.origins !== undefined && this.options.onStored !== undefined) this.untold.push(batch);
    else if (this.pending.release(batch) && batch.file.pending === 0) this.wake();
  }

  async close(): Promise<void> {
    this.closing = true;
    this.ticker.cancel();
    this.retryTimer?.cancel();
    this.retryTimer = undefined;
    await this.working;
    await this.work();
    this.tellEnds(this.lanes.closeOlder(Infinity));
    await this.leave();
    await this.files.closeWriter();
    this.ready = false;
  }

  private refuse(sizeBytes: number): MeshtrailError | undefined {
    if (this.closing) return refusal.closing();
    if (!this.ready) return this.refusedForFailure();
    const full =
      this.budget.refuses(this.files.usedBytes + this.queueBytes, sizeBytes) ||
      this.queueBytes > LIMITS.journalQueueBytes ||
      this.pending.count + this.queue.length >= LIMITS.journalPendingBatches;
    if (!full) return undefined;
    this.counters.refusedFull += 1;
    this.wake();
    return refusal.full();
  }

  private wake(): void {
    if (this.working !== undefined || this.closing) return;
    // Appends of the same turn of the event loop travel together.
    this.working = new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.work())
      .catch((error: unknown) => this.options.log.error('the journal broke', { error }))
      .finally(() => {
        this.working = undefined;
        if (this.queue.length > 0 && this.ready) this.wake();
      });
  }

  /** Everything that touches files happens here, one thing after another. */
  private async work(): Promise<void> {
    if (!this.ready) await this.resume();
    while (this.queue.length > 0 && this.ready) await this.commit();
    if (this.queue.length > 0) this.rejectQueue();
    const expiredMs = this.options.clock.monotonicMs() - LIMITS.segmentMs + TICK_MS;
    this.tellEnds(this.lanes.closeOlder(expiredMs));
    this.tellStored();
    if (this.ready && this.shouldRotate()) await this.openFile();
    await this.reap();
    this.budget.freed(this.files.usedBytes + this.queueBytes);
  }

  private async commit(): Promise<void> {
    const file = this.files.current;
    if (file === undefined || file.validBytes >= this.budget.fileBytes) {
      if (!(await this.openFile())) return;
    }
    const waiting = takeGroup(this.queue);
    const nowMs = this.options.clock.monotonicMs();
    let group: Group | undefined;
    this.lanes.begin();
    try {
      group = await this.builder.build(waiting, must(this.files.current, 'open file'), nowMs);
      if (group.entries.length > 0) await this.files.append(group.chunks, group.sizeBytes);
    } catch (error) {
      this.lanes.rollback();
      await this.groupFailed(waiting, group !== undefined, error);
      return;
    } finally {
      for (const one of waiting) this.queueBytes -= payloadOf(one);
    }
    this.lanes.commit();
    this.failures = 0;
    this.settle(group);
  }

  private settle(group: Group): void {
    const { counters } = this;
    counters.groups += 1;
    counters.bytes += group.sizeBytes;
    for (const { waiting, numbered } of group.entries) {
      counters.batches += 1;
      counters.rows += numbered.rows;
      numbered.file.batches += 1;
      if (waiting.batch.tokens !== undefined) {
        numbered.file.hasTokens = true;
        numbered.file.tokenMs = this.lastAppendMs;
      }
      this.pending.add(numbered, waiting.batch.data);
      this.call(() => this.options.onDurable(numbered));
      waiting.resolve(numbered);
    }
    this.tellEnds(group.ends);
  }

  /**
   * The file was given up. Its senders hear of it once a new file says that the doubtful end does
   * not count; if none can be made, a restart may find their rows: they are told that it is not
   * known. The first failure is forgiven; after more without success between, the journal pauses.
   */
  private async groupFailed(waiting: Waiting[], written: boolean, error: unknown): Promise<void> {
    this.lastError = error;
    this.failures += 1;
    this.counters.writeFailures += 1;
    this.options.log.warn('a journal write failed; its file is given up', { error });
    const certain = !written || (await this.openFile());
    if (this.failures > 1) this.pause();
    const refused = this.refusedForFailure(certain);
    for (const { reject } of waiting) reject(refused);
  }

  /** Begins a new file. False when that failed: the journal is down and tries again later. */
  private async openFile(): Promise<boolean> {
    try {
      const observedNs = this.options.clock.observedNs();
      await this.files.openNext((files) => headsJson(files, observedNs, this.lanes));
      this.ready = true;
      return true;
    } catch (error) {
      this.lastError = error;
      this.options.log.warn('no journal file could be made', { error });
      this.failures += 1;
      this.counters.writeFailures += 1;
      this.pause();
      return false;
    }
  }

  private pause(): void {
    this.ready = false;
    this.retryTimer?.cancel();
    if (this.closing) return;
    const waitMs = Math.min(
      LIMITS.journalRetryMs * 2 ** Math.min(this.failures, 16),
      LIMITS.journalRetryMaxMs,
    );
    this.retryTimer = this.options.clock.setTimer(waitMs, () => {
      this.retryTimer = undefined;
      this.wake();
    });
  }

  /** Writes again after a pause; false while it lasts or when the disk still refuses. */
  private async resume(): Promise<boolean> {
    if (this.retryTimer !== undefined) return false;
    if (this.files.current === undefined && !(await this.openFile())) return false;
    this.ready = true;
    this.options.log.info('the journal writes again');
    return true;
  }

  private rejectQueue(): void {
    const queue = this.queue;
    this.queue = [];
    for (const one of queue) {
      this.queueBytes -= payloadOf(one);
      one.reject(this.refusedForFailure());
    }
  }

  private refusedForFailure(certain = true): MeshtrailError {
    if (isDiskFull(this.lastError)) {
      this.counters.refusedFull += 1;
      return refusal.full();
    }
    this.counters.refusedFailed += 1;
    return refusal.failed(certain, this.lastError);
  }

  /** A drained file is replaced when its space is wanted, or when nothing has happened for long. */
  private shouldRotate(): boolean {
    const file = this.files.current;
    if (file === undefined || file.batches === 0 || file.pending > 0) return false;
    const idleMs = this.options.clock.monotonicMs() - this.lastAppendMs;
    return this.budget.full || idleMs >= LIMITS.journalIdleMs;
  }

  /**
   * A drained journal leaves an empty file; else a last word proves that its end is whole. A
   * drained file stays too while senders may still send its items again.
   */
  private async leave(): Promise<void> {
    const file = this.files.current;
    if (file === undefined || file.batches === 0) return;
    try {
      const isAwaited = file.hasTokens && file.tokenMs > this.awaitedMs();
      if (file.pending === 0 && !isAwaited) {
        await this.openFile();
        await this.reap();
        return;
      }
      const place = { file: file.number, offset: file.validBytes, groupStart: file.validBytes };
      const heads = encodeHeads(place, headsJson([], this.options.clock.observedNs(), this.lanes));
      await this.files.append([heads], heads.length);
    } catch (error) {
      this.options.log.warn('the journal could not be closed cleanly; nothing is lost', { error });
    }
  }

  private reap(): Promise<void> {
    const { maxBytes } = this.options;
    const spare = Math.min(LIMITS.journalTokenBytes, maxBytes / TOKENS_PER_BUDGET);
    return this.files.reap(this.awaitedMs(), this.budget.full ? 0 : spare);
  }

  /** Items as old as that may still be sent again, after a restart as well. */
  private awaitedMs(): number {
    return this.options.clock.monotonicMs() - LIMITS.journalTokenMs;
  }

  private tellStored(): void {
    const batches = this.untold;
    if (batches.length === 0) return;
    try {
      this.options.onStored?.(batches);
    } catch (error) {
      this.options.log.warn('what the engine stored could not be noted; it will be', { error });
      return;
    }
    this.untold = [];
    for (const batch of batches) this.pending.release(batch);
  }

  private tellEnds(ends: readonly SegmentEnd[]): void {
    for (const end of ends) this.call(() => this.options.onSegmentEnd(end));
  }

  /** A listener's mistake must not stop the journal. */
  private call(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.options.log.error('a listener of the journal failed', { error });
    }
  }
}
