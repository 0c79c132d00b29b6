import { LIMITS } from '../../model/limits.ts';
import type { Bucket, NumberedBatch } from '../../model/storage.ts';
import { bytesOf, rowsOf, type Slice } from './native-body.ts';

/**
 * Rows that were sent, or may have been before this process started, without a confirmation. They
 * are asked for by (lane, seq) before anything else of the bucket is sent.
 */
export interface Doubt {
  slices: readonly Slice[];
  /** The insert that may still run, on the engine of that generation; undefined when it ended. */
  readonly insert: { readonly queryId: string; readonly generation: number } | undefined;
  /** The rows of an earlier process: whatever it sent last may still run. */
  readonly recovered: boolean;
}

interface Waiter {
  readonly left: Set<NumberedBatch>;
  readonly resolve: () => void;
}

/** What one bucket's table still has to get, in order, and when it is to be sent. */
export class BucketQueue {
  readonly bucket: Bucket;
  /** An insert of this bucket is under way. */
  busy = false;
  doubt: Doubt | undefined;
  /** Pause after a failure: nothing is sent before, on the monotonic clock. */
  notBeforeMs = 0;
  /** Failures in a row. */
  failures = 0;
  /** Last start of an insert, on the monotonic clock. */
  startedMs = -Infinity;
  rows = 0;
  bytes = 0;
  private pending: Slice[] = [];
  private sinceMs = 0;
  private waiters: Waiter[] = [];
  /** Rows that are neither stored nor quarantined, by batch. */
  private readonly left = new Map<NumberedBatch, number>();

  constructor(bucket: Bucket) {
    this.bucket = bucket;
  }

  get isEmpty(): boolean {
    return this.pending.length === 0 && this.doubt === undefined;
  }

  /** Every row of every batch is stored or quarantined. */
  get isSettled(): boolean {
    return this.left.size === 0;
  }

  push(batch: NumberedBatch, nowMs: number): void {
    if (this.isEmpty) this.sinceMs = nowMs;
    const slice = { batch, from: 0, to: batch.rows };
    this.pending.push(slice);
    this.rows += batch.rows;
    this.bytes += batch.sizeBytes;
    this.left.set(batch, batch.rows);
  }

  /** Batches of an earlier process: what the table holds of them is asked first. */
  recover(batches: readonly NumberedBatch[]): void {
    for (const batch of batches) this.left.set(batch, batch.rows);
    const slices = batches.map((batch) => ({ batch, from: 0, to: batch.rows }));
    this.doubt = { slices, insert: undefined, recovered: true };
  }

  /**
   * When the next insert is due, on the monotonic clock; `waitMs` is for few rows. More than few
   * wait longer: under load an insert is large.
   */
  dueMs(waitMs: number): number {
    if (this.doubt !== undefined) return this.notBeforeMs;
    const full = this.rows >= LIMITS.insertRowsReady || this.bytes >= LIMITS.insertBytes;
    const wanted = this.waiters.length > 0;
    const few = this.rows <= LIMITS.insertRowsFew;
    const patienceMs = few ? waitMs : Math.max(waitMs, LIMITS.insertWaitMoreMs);
    const due = full
      ? 0
      : wanted
        ? this.startedMs + LIMITS.flushSpacingMs
        : this.sinceMs + patienceMs;
    return Math.max(due, this.notBeforeMs);
  }

  /**
   * Takes what goes into one insert: at least one slice, within `share` of the bounds of an insert
   * (each insert under way costs the engine memory for all its rows).
   */
  take(nowMs: number, share: number): Slice[] {
    const rowsMost = LIMITS.insertRows * share;
    const bytesMost = LIMITS.insertBytes * share;
    let rows = 0;
    let bytes = 0;
    let count = 0;
    for (const slice of this.pending) {
      rows += rowsOf(slice);
      bytes += bytesOf(slice);
      if (count > 0 && (rows > rowsMost || bytes > bytesMost)) break;
      count += 1;
    }
    const taken = this.pending.splice(0, count);
    this.count(taken, -1);
    this.sinceMs = nowMs;
    return taken;
  }

  /** Puts back, in front, what an insert did not store. */
  putBack(slices: readonly Slice[]): void {
    this.pending.unshift(...slices);
    this.count(slices, 1);
  }

  /** Notes rows as stored or quarantined; returns the batches that are complete now. */
  settle(slices: readonly Slice[]): NumberedBatch[] {
    const complete: NumberedBatch[] = [];
    for (const { batch, from, to } of slices) {
      const left = (this.left.get(batch) ?? 0) - (to - from);
      if (left > 0) {
        this.left.set(batch, left);
        continue;
      }
      this.left.delete(batch);
      complete.push(batch);
    }
    for (const waiter of this.waiters) {
      for (const batch of complete) waiter.left.delete(batch);
    }
    this.waiters = this.waiters.filter((waiter) => {
      if (waiter.left.size === 0) waiter.resolve();
      return waiter.left.size > 0;
    });
    return complete;
  }

  /** Resolves once everything that is here now, with a time in [startNs, endNs], is stored. */
  drained(startNs: bigint, endNs: bigint): Promise<void> | undefined {
    const left = new Set<NumberedBatch>();
    for (const batch of this.left.keys()) {
      if (batch.minNs <= endNs && batch.maxNs >= startNs) left.add(batch);
    }
    if (left.size === 0) return undefined;
    return new Promise((resolve) => this.waiters.push({ left, resolve }));
  }

  private count(slices: readonly Slice[], sign: 1 | -1): void {
    for (const slice of slices) {
      this.rows += sign * rowsOf(slice);
      this.bytes += sign * bytesOf(slice);
    }
  }
}
