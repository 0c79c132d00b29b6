import type { LayoutUse, Signal } from '../../model/batch.ts';
import { MeshtrailError, must } from '../../model/errors.ts';
import type { Bucket, BucketRange } from '../../model/storage.ts';
import { migrate, openDatabase, type Database } from '../../platform/sqlite.ts';
import {
  bucketId,
  checkTenant,
  floorDivide,
  tableName,
  weekStartNs,
  type BucketParts,
} from './bucket-name.ts';
import { LayoutBook, type BucketLayouts } from './catalog-layouts.ts';
import { CATALOG_MIGRATIONS } from './catalog-schema.ts';

/** Event times are widened to whole days, so that a busy bucket writes here once a day. */
const STEP_NS = 86_400_000_000_000n;
const MINUTE_NS = 60_000_000_000n;
const MINUTES_PER_DAY = 1_440n;
/** What SQLite and DateTime64(9) hold. */
const GREATEST_NS = 9_223_372_036_854_775_807n;

const CLASS = /^[a-z0-9][a-z0-9-]{0,31}$/;

interface Entry {
  readonly bucket: Bucket;
  readonly layouts: BucketLayouts;
  minNs: bigint;
  maxNs: bigint;
  /** Migration that the bucket's table stands at; 0 while there is no table. */
  version: number;
}

/**
 * Which buckets there are, where, and what times and layouts they hold. Kept in memory, written to
 * `catalog.db` before anything depends on it.
 */
export class Catalog {
  private readonly database: Database;
  private readonly entries = new Map<string, Entry>();
  private readonly byTenant = new Map<string, Entry[]>();
  private readonly book: LayoutBook;
  private lastDiskNumber = 0;
  private version = 0;

  /** Opens or makes the catalog at `path`. */
  constructor(path: string) {
    this.database = openDatabase(path);
    migrate(this.database, 'catalog.db', CATALOG_MIGRATIONS);
    this.book = new LayoutBook(this.database);
    const [engine] = this.database.all('SELECT schema_version, last_disk FROM engine');
    this.version = Number(engine?.['schema_version']);
    this.lastDiskNumber = Number(engine?.['last_disk']);
    for (const row of this.database.all('SELECT * FROM bucket ORDER BY from_ns')) {
      const bucket = Object.freeze({
        id: String(row['id']),
        tenant: String(row['tenant']),
        retentionClass: String(row['class']),
        signal: row['signal'] as Signal,
        fromNs: row['from_ns'] as bigint,
        table: String(row['table_name']),
        disk: Number(row['disk']),
      });
      this.remember({
        bucket,
        layouts: this.book.open(bucket),
        minNs: row['min_ns'] as bigint,
        maxNs: row['max_ns'] as bigint,
        version: Number(row['schema_version']),
      });
    }
  }

  /** The greatest disk that any bucket was ever bound to. Numbers are not used again. */
  get lastDisk(): number {
    return this.lastDiskNumber;
  }

  /**
   * The bucket of rows received at `observedNs`; made, durably and bound to the next disk, where
   * there is none. The same object each time. Throws MeshtrailError `tenant_invalid`.
   */
  bucketFor(
    tenant: string,
    retentionClass: string,
    observedNs: bigint,
    signal: Signal = 'logs',
  ): Bucket {
    const fromNs = weekStartNs(observedNs);
    const found = this.byTenant
      .get(tenant)
      ?.findLast(
        ({ bucket }) =>
          bucket.fromNs === fromNs &&
          bucket.retentionClass === retentionClass &&
          bucket.signal === signal,
      );
    const parts = { tenant, retentionClass, fromNs, signal };
    return found?.bucket ?? this.create(parts, observedNs);
  }

  /**
   * A tenant's buckets of a signal whose rows may have a `timestamp` in [startNs, endNs], oldest
   * first.
   */
  ranges(tenant: string, startNs: bigint, endNs: bigint, signal: Signal = 'logs'): BucketRange[] {
    const found: BucketRange[] = [];
    for (const { bucket, minNs, maxNs, layouts, version } of this.byTenant.get(tenant) ?? []) {
      if (bucket.signal !== signal || minNs > endNs || maxNs < startNs) continue;
      const isCurrent = version === this.version;
      found.push({ bucket, minNs, maxNs, layouts: layouts.list, isCurrent });
    }
    return found;
  }

  /**
   * Notes, durably, that the bucket holds rows with these layouts or soon will. Undefined where all
   * of them are known, which is nearly always; else wait before the rows are stored.
   */
  learn(bucket: Bucket, uses: readonly LayoutUse[]): Promise<void> | undefined {
    return this.book.learn(this.entryOf(bucket).layouts, uses);
  }

  /** How many layouts the bucket's rows may have. */
  layoutCount(bucket: Bucket): number {
    return this.entryOf(bucket).layouts.list.length;
  }

  /** Distinct layouts of a tenant over all its buckets. */
  tenantLayoutCount(tenant: string): number {
    return this.book.tenantCount(tenant);
  }

  /** All tenants, sorted. */
  tenants(): string[] {
    return [...this.byTenant.keys()].sort();
  }

  buckets(): Bucket[] {
    return [...this.entries.values()].map(({ bucket }) => bucket);
  }

  /** Notes, durably, that the bucket holds rows with times in [minNs, maxNs] or soon will. */
  widen(bucket: Bucket, minNs: bigint, maxNs: bigint): void {
    const entry = this.entryOf(bucket);
    if (entry.minNs <= minNs && entry.maxNs >= maxNs) return;
    if (entry.minNs > minNs) entry.minNs = floorNs(minNs, bucket.disk);
    if (entry.maxNs < maxNs) entry.maxNs = ceilingNs(maxNs, bucket.disk);
    const { minNs: min, maxNs: max } = entry;
    this.database.all('UPDATE bucket SET min_ns = ?, max_ns = ? WHERE id = ?', min, max, bucket.id);
  }

  /** Migration that the engine as a whole stands at. */
  get schemaVersion(): number {
    return this.version;
  }

  setSchemaVersion(version: number): void {
    this.database.all('UPDATE engine SET schema_version = ?', version);
    this.version = version;
  }

  /** Migration that a bucket's table stands at; 0 while it has none. */
  tableVersion(bucket: Bucket): number {
    return this.entryOf(bucket).version;
  }

  setTableVersion(bucket: Bucket, version: number): void {
    const { id } = bucket;
    this.database.all('UPDATE bucket SET schema_version = ? WHERE id = ?', version, id);
    this.entryOf(bucket).version = version;
  }

  close(): void {
    this.database.close();
  }

  private create(parts: BucketParts, observedNs: bigint): Bucket {
    const { tenant, retentionClass, fromNs, signal } = parts;
    checkTenant(tenant);
    if (!CLASS.test(retentionClass)) {
      throw new MeshtrailError('class_invalid', `no retention class is named ${retentionClass}`);
    }
    const bucket: Bucket = Object.freeze({
      id: bucketId(parts),
      ...parts,
      table: tableName(parts),
      disk: this.lastDiskNumber + 1,
    });
    const { id, table, disk } = bucket;
    // Most rows are young: with their day in it from the start, a bucket is one write, not two.
    const minNs = floorNs(observedNs, disk);
    const maxNs = ceilingNs(observedNs, disk);
    this.database.transaction(() => {
      this.database.all('UPDATE engine SET last_disk = ?', disk);
      const where = [id, tenant, retentionClass, fromNs, table, disk] as const;
      const insert = 'INSERT INTO bucket VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?)';
      this.database.all(insert, ...where, minNs, maxNs, signal);
    });
    this.lastDiskNumber = disk;
    this.remember({ bucket, layouts: this.book.open(bucket), minNs, maxNs, version: 0 });
    return bucket;
  }

  private remember(entry: Entry): void {
    const { id, tenant } = entry.bucket;
    this.entries.set(id, entry);
    const siblings = this.byTenant.get(tenant);
    if (siblings === undefined) this.byTenant.set(tenant, [entry]);
    else siblings.push(entry);
  }

  private entryOf(bucket: Bucket): Entry {
    return must(this.entries.get(bucket.id), `the catalog made bucket ${bucket.id}`);
  }
}

/** Each bucket has its own minute of the day, so that they do not all write at midnight. */
const shiftOf = (disk: number): bigint => (BigInt(disk) % MINUTES_PER_DAY) * MINUTE_NS;

function floorNs(ns: bigint, disk: number): bigint {
  const shift = shiftOf(disk);
  const floor = floorDivide(ns - shift, STEP_NS) * STEP_NS + shift;
  return floor < 0n ? 0n : floor;
}

function ceilingNs(ns: bigint, disk: number): bigint {
  const shift = shiftOf(disk);
  const ceiling = (floorDivide(ns - shift, STEP_NS) + 1n) * STEP_NS + shift;
  return ceiling > GREATEST_NS ? GREATEST_NS : ceiling;
}
