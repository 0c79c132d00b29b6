import type { Batch, Signal } from './batch.ts';
import type { Layout } from './layout.ts';

/**
 * What the journal, the engine and the pipeline say to each other. The order is: a bucket is found
 * for the batch, the journal numbers and stores it (the acknowledgement point), the engine's writer
 * takes it from the journal and releases it once the engine holds it durably.
 */

/**
 * A table of one tenant, class, week of `observed_at` and signal, with a key and an encrypted disk
 * of its own.
 */
export interface Bucket {
  /** `<tenant>/<class>/<monday, YYYY-MM-DD>`, and `/spans` where it is of spans. */
  readonly id: string;
  readonly tenant: string;
  readonly retentionClass: string;
  readonly signal: Signal;
  /** First instant of the period, nanoseconds since 1970 UTC. */
  readonly fromNs: bigint;
  /** Name of the engine's table: only [a-z0-9_]. */
  readonly table: string;
  /** Number of the encrypted disk; its key in the keyring is the bucket's key. */
  readonly disk: number;
}

/** What the catalog knows about a bucket's rows; conservative: never narrower than the truth. */
export interface BucketRange {
  readonly bucket: Bucket;
  /** Least and greatest `timestamp`, nanoseconds; undefined while no row was journalled. */
  readonly minNs: bigint | undefined;
  readonly maxNs: bigint | undefined;
  /** The layouts that its rows may have: the catalog's own list, which grows as it learns. */
  readonly layouts: readonly BucketLayout[];
  /** Whether the table is made and has all columns, so that it can be asked by its own name. */
  readonly isCurrent?: boolean;
}

/** A layout that rows of a bucket may have; changes as the catalog learns. */
export interface BucketLayout {
  /** One object for each text, whatever the bucket. */
  readonly layout: Layout;
  /**
   * Values of `service`, '' among them, that such rows may have; undefined: any, also such as are
   * not UTF-8.
   */
  readonly services: ReadonlySet<string> | undefined;
}

/** A batch that has its place: rows `seq` to `seq + rows - 1` of `lane`. */
export interface NumberedBatch extends Omit<Batch, 'data' | 'layouts' | 'tokens'> {
  readonly lane: string;
  readonly seq: number;
  readonly segment: number;
  readonly bucket: Bucket;
  /** The encoded columns: from memory while they are there, else read back and checked. */
  load(): Promise<Uint8Array>;
  /** Size of the encoded columns, bytes. */
  readonly sizeBytes: number;
}

/** The engine's writer calls this once the rows are durable in the engine (or quarantined). */
export interface JournalRelease {
  release(batch: NumberedBatch): void;
}

export interface SegmentEnd {
  readonly lane: string;
  readonly segment: number;
  readonly bucket: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly bytes: number;
  readonly openedNs: bigint;
  readonly closedNs: bigint;
}

/** Keys by number; the engine's disks and the journal's frames derive theirs from them. */
export interface Keyring {
  /** 32 secret bytes, made and stored durably at first use. */
  dataKey(disk: number): Promise<Uint8Array>;
}

/** Bound parameters of a query: `{name:Type}` in the SQL, values here. */
export type QueryParams = Readonly<Record<string, string | number | bigint | readonly string[]>>;

export interface QueryOptions {
  readonly params?: QueryParams;
  /** Engine settings for this query only, for example `max_threads`. */
  readonly settings?: Readonly<Record<string, string | number>>;
  readonly signal?: AbortSignal;
}

export interface QueryStats {
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly elapsedNs: number;
}

/** Read access to the engine, as the `reader` user: read-only, bounded time, memory and rows. */
export interface EngineReader {
  /**
   * Runs one statement and streams its result in RowBinary (the SQL must not name a FORMAT).
   * Throws MeshtrailError: `engine_unavailable`, `query_timeout`, `query_memory`, `query_failed`.
   */
  stream(sql: string, options?: QueryOptions): Promise<AsyncIterable<Uint8Array>>;
  /** Runs one statement and returns its rows as JSONCompact arrays: for small results. */
  rows(sql: string, options?: QueryOptions): Promise<unknown[][]>;
}
