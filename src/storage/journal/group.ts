import type { KeyObject } from 'node:crypto';
import type { Batch } from '../../model/batch.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Bucket, NumberedBatch, SegmentEnd } from '../../model/storage.ts';
import type { JournalFile } from './files.ts';
import type { FrameNotes } from './frame-notes.ts';
import { encodeBatchHeader, HEADER_MAX_BYTES, TAG_BYTES } from './format.ts';
import { encrypt, type FrameKeys } from './frame-cipher.ts';
import type { Lanes } from './lanes.ts';
import { JournalBatch, type ReadBack } from './pending.ts';

/** One append that waits for its group to be durable. */
export interface Waiting {
  readonly batch: Batch;
  readonly bucket: Bucket;
  readonly lane: string;
  readonly notes: FrameNotes;
  readonly resolve: (batch: NumberedBatch) => void;
  readonly reject: (error: unknown) => void;
}

/** Bytes of its payload in clear. */
export const payloadOf = ({ batch, notes }: Pick<Waiting, 'batch' | 'notes'>): number =>
  batch.data.length + notes.bytes.length;

/** Frames of one write and one sync. */
export interface Group {
  readonly chunks: readonly Uint8Array[];
  readonly sizeBytes: number;
  /** In the order of `chunks`. */
  readonly entries: readonly { readonly waiting: Waiting; readonly numbered: JournalBatch }[];
  /** Segments that ended within the group; told once the group is durable. */
  readonly ends: readonly SegmentEnd[];
}

/** Room for the small frames of a group; more than one is rarely needed. */
const ARENA_BYTES = 262_144;
/** Ciphertext up to this size is copied beside its header: one long write beats many short ones. */
const SMALL_BYTES = 16_384;
/** Bytes encrypted (about 1 ms) before others get the event loop. */
const TURN_BYTES = 1_048_576;

/** Builds groups: numbers batches, encrypts them and lays their frames one after another. */
export class GroupBuilder {
  private readonly keys: FrameKeys;
  private readonly lanes: Lanes;
  private readonly readBack: ReadBack;
  private readonly salt: Buffer;
  private counter = 0;
  private arena = Buffer.alloc(ARENA_BYTES);
  private used = 0;

  constructor(parts: { keys: FrameKeys; lanes: Lanes; readBack: ReadBack; salt: Buffer }) {
    this.keys = parts.keys;
    this.lanes = parts.lanes;
    this.readBack = parts.readBack;
    this.salt = parts.salt;
  }

  /**
   * Lays the group out for the end of `file`. An append whose key cannot be had is rejected alone.
   * The arena is reused: the group before must have been written.
   */
  async build(waiting: readonly Waiting[], file: JournalFile, nowMs: number): Promise<Group> {
    const chunks: Uint8Array[] = [];
    const entries: { waiting: Waiting; numbered: JournalBatch }[] = [];
    const ends: SegmentEnd[] = [];
    const groupStart = file.validBytes;
    let offset = groupStart;
    let turnBytes = 0;
    this.used = 0;
    for (const one of waiting) {
      const { batch, bucket, lane, notes } = one;
      const key = this.keys.known(bucket.disk, this.salt) ?? (await this.deriveKey(one));
      if (key === undefined) continue;
      const clearBytes = payloadOf(one);
      const rows = { rows: batch.rows, bytes: clearBytes, observedNs: batch.observedNs };
      const place = this.lanes.place(lane, { ...rows, bucketId: bucket.id }, nowMs);
      if (place.ended !== undefined) ends.push(place.ended);
      this.counter += 1;
      const { rawBytes, columns, minNs, maxNs, protocol } = batch;
      const meta = { ...rows, rawBytes, columns, minNs, maxNs, protocol, lane, ...place };
      const at = { file: file.number, offset, groupStart };
      const header = this.room(HEADER_MAX_BYTES);
      const sealed = { disk: bucket.disk, salt: this.salt, counter: this.counter };
      const fields = { ...meta, ...at, ...sealed, bucketId: bucket.id, notes: notes.flags };
      const payloadBytes = clearBytes + TAG_BYTES;
      const headerBytes = encodeBatchHeader({ ...fields, payloadBytes }, header);
      const clear = header.subarray(0, headerBytes);
      this.used += headerBytes;
      this.lay(chunks, clear, encrypt(key, this.counter, clear, batch.data, notes.bytes));
      const sizes = { sizeBytes: batch.data.length, notesBytes: notes.bytes.length };
      const kept = { ...meta, ...sizes, origins: batch.origins };
      const numbered = new JournalBatch(kept, bucket, file, at, this.readBack);
      entries.push({ waiting: one, numbered });
      offset += headerBytes + payloadBytes;
      turnBytes += clearBytes;
      if (turnBytes >= TURN_BYTES) {
        turnBytes = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    return { chunks, sizeBytes: offset - groupStart, entries, ends };
  }

  private async deriveKey(one: Waiting): Promise<KeyObject | undefined> {
    try {
      return await this.keys.get(one.bucket.disk, this.salt);
    } catch (error) {
      one.reject(error);
      return undefined;
    }
  }

  private lay(chunks: Uint8Array[], header: Buffer, payload: readonly Buffer[]): void {
    const body = payload.reduce((sum, { length }) => sum + length, 0);
    if (body > SMALL_BYTES + TAG_BYTES) {
      chunks.push(header, ...payload);
      return;
    }
    const frame = this.arena.subarray(header.byteOffset - this.arena.byteOffset);
    let end = header.length;
    for (const part of payload) {
      frame.set(part, end);
      end += part.length;
    }
    this.used += body;
    // Frames that touch are one chunk.
    const last = chunks.at(-1);
    const whole = frame.subarray(0, end);
    const touches =
      last?.buffer === whole.buffer && last.byteOffset + last.length === whole.byteOffset;
    if (!touches) chunks.push(whole);
    else chunks[chunks.length - 1] = joined(last, whole);
  }

  /** A place in the arena for a header and a small body behind it. */
  private room(sizeBytes: number): Buffer {
    if (this.used + sizeBytes + SMALL_BYTES + TAG_BYTES > this.arena.length) {
      // Chunks of the group may lie in the old one; it goes when they are written.
      this.arena = Buffer.alloc(ARENA_BYTES);
      this.used = 0;
    }
    return this.arena.subarray(this.used, this.used + sizeBytes);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  return new Uint8Array(first.buffer, first.byteOffset, first.length + second.length);
}

/** Takes the next group's appends off the front of the queue. */
export function takeGroup(queue: Waiting[]): Waiting[] {
  let count = 0;
  let sizeBytes = 0;
  for (const one of queue) {
    if (count > 0 && sizeBytes + payloadOf(one) > LIMITS.journalGroupBytes) break;
    sizeBytes += payloadOf(one);
    count += 1;
  }
  return queue.splice(0, count);
}
