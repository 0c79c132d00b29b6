import type { Batch, Signal } from '../../model/batch.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Origin } from '../../model/origin.ts';
import type { Bucket, NumberedBatch } from '../../model/storage.ts';
import type { JournalFile } from './files.ts';
import type { FramePlace } from './format.ts';

/** Reads a frame back from disk and checks it. */
export type ReadBack = (frame: JournalBatch) => Promise<Uint8Array>;

type Meta = Omit<Batch, 'data' | 'layouts' | 'tenant' | 'signal' | 'tokens' | 'origins'> &
  Pick<NumberedBatch, 'lane' | 'seq' | 'segment' | 'sizeBytes'> & {
    readonly notesBytes: number;
    readonly origins: readonly Origin[] | undefined;
  };

/** A batch that is durable in the journal. */
export class JournalBatch implements NumberedBatch {
  readonly signal: Signal;
  readonly tenant: string;
  readonly protocol: string;
  readonly rows: number;
  readonly columns: number;
  readonly rawBytes: number;
  readonly observedNs: bigint;
  readonly minNs: bigint;
  readonly maxNs: bigint;
  readonly lane: string;
  readonly seq: number;
  readonly segment: number;
  readonly bucket: Bucket;
  readonly sizeBytes: number;
  /** Bytes behind the columns in the frame. */
  readonly notesBytes: number;
  declare readonly origins?: readonly Origin[];
  readonly file: JournalFile;
  readonly offset: number;
  /** The columns, while there is room for them in memory. */
  data: Uint8Array | undefined;
  private readonly readBack: ReadBack;

  constructor(
    meta: Meta,
    bucket: Bucket,
    file: JournalFile,
    place: FramePlace,
    readBack: ReadBack,
  ) {
    this.signal = bucket.signal;
    this.tenant = bucket.tenant;
    this.protocol = meta.protocol;
    this.rows = meta.rows;
    this.columns = meta.columns;
    this.rawBytes = meta.rawBytes;
    this.observedNs = meta.observedNs;
    this.minNs = meta.minNs;
    this.maxNs = meta.maxNs;
    this.lane = meta.lane;
    this.seq = meta.seq;
    this.segment = meta.segment;
    this.bucket = bucket;
    this.sizeBytes = meta.sizeBytes;
    this.notesBytes = meta.notesBytes;
    if (meta.origins !== undefined) this.origins = meta.origins;
    this.file = file;
    this.offset = place.offset;
    this.readBack = readBack;
  }

  async load(): Promise<Uint8Array> {
    return this.data ?? this.readBack(this);
  }
}

/** The durable batches that the engine does not hold yet, oldest first. */
export class PendingBatches {
  private readonly batches = new Set<JournalBatch>();
  private dataBytes = 0;
  private heldBytes = 0;

  /**
   * Keeps `data` in memory if there is room. The oldest keep theirs, as they are the next that the
   * engine's writer asks for; a long queue's end is read back when its turn comes.
   */
  add(batch: JournalBatch, data: Uint8Array): void {
    this.batches.add(batch);
    batch.file.pending += 1;
    this.dataBytes += batch.sizeBytes;
    if (this.heldBytes + batch.sizeBytes > LIMITS.pendingMemoryBytes) return;
    batch.data = data;
    this.heldBytes += batch.sizeBytes;
  }

  /** False when it was released before, or never was here. */
  release(batch: NumberedBatch): batch is JournalBatch {
    if (!(batch instanceof JournalBatch) || !this.batches.delete(batch)) return false;
    batch.file.pending -= 1;
    this.dataBytes -= batch.sizeBytes;
    if (batch.data !== undefined) this.heldBytes -= batch.sizeBytes;
    batch.data = undefined;
    return true;
  }

  get count(): number {
    return this.batches.size;
  }

  /** Encoded bytes of all pending batches. */
  get sizeBytes(): number {
    return this.dataBytes;
  }

  /** Encoded bytes that are in memory. */
  get memoryBytes(): number {
    return this.heldBytes;
  }

  oldest(): JournalBatch | undefined {
    for (const batch of this.batches) return batch;
    return undefined;
  }

  all(): JournalBatch[] {
    return [...this.batches];
  }
}
