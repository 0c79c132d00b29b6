import type { Bucket } from '../../model/storage.ts';
import type { Disk } from '../../platform/disk.ts';
import type { Catalog } from './catalog.ts';
import type { EngineConnection, EngineHome } from './engine.ts';
import { LIMITS } from '../../model/limits.ts';
import {
  bucketStatement,
  loadMigrations,
  newestBucket,
  onceStatement,
  type Migration,
} from './schema.ts';

/** Brings the engine's schema to the newest migration and makes buckets' tables when needed. */
export class Tables {
  private readonly catalog: Catalog;
  private readonly home: EngineHome;
  private readonly disk: Disk;
  private migrations: readonly Migration[] = [];
  private readonly making = new Map<string, Promise<void>>();

  constructor(catalog: Catalog, home: EngineHome, disk: Disk) {
    this.catalog = catalog;
    this.home = home;
    this.disk = disk;
  }

  /** Applies the migrations that the engine has not seen, to it and to the tables of old. */
  async migrate({ writer }: EngineConnection): Promise<void> {
    this.migrations = await loadMigrations(this.disk);
    const { catalog } = this;
    for (const migration of this.migrations) {
      // The first is repeated at every start: a cluster may be another one than last time.
      if (migration.version > 1 && migration.version <= catalog.schemaVersion) continue;
      for (const statement of migration.once) await writer.command(onceStatement(statement));
      for (const bucket of catalog.buckets()) {
        const at = catalog.tableVersion(bucket);
        if (at === 0 || at >= migration.version) continue;
        for (const statement of bucket.signal === 'logs' ? migration.existing : []) {
          await writer.command(bucketStatement(statement, this.termsOf(bucket)));
        }
        catalog.setTableVersion(bucket, migration.version);
      }
      if (migration.version > catalog.schemaVersion) catalog.setSchemaVersion(migration.version);
    }
  }

  /**
   * Resolves once the bucket's table stands, with its disk loaded. The result is the connection to
   * go on with: a new disk may have restarted the engine.
   */
  async ensure(bucket: Bucket, connection: EngineConnection): Promise<EngineConnection> {
    if (this.catalog.tableVersion(bucket) === this.migrations.length) return connection;
    let making = this.making.get(bucket.id);
    if (making === undefined) {
      making = this.make(bucket, connection).finally(() => this.making.delete(bucket.id));
      this.making.set(bucket.id, making);
    }
    await making;
    return (await this.home.connection(LIMITS.engineStartMs)) ?? connection;
  }

  /** The engine says that there is no such table: it is made anew by the next `ensure`. */
  forget(bucket: Bucket): void {
    this.catalog.setTableVersion(bucket, 0);
  }

  private async make(bucket: Bucket, connection: EngineConnection): Promise<void> {
    await this.home.needDisk(bucket.disk);
    const { writer } = (await this.home.connection(LIMITS.engineStartMs)) ?? connection;
    for (const statement of newestBucket(this.migrations, bucket.signal)) {
      await writer.command(bucketStatement(statement, this.termsOf(bucket)));
    }
    this.catalog.setTableVersion(bucket, this.migrations.length);
  }

  private termsOf(bucket: Bucket): Parameters<typeof bucketStatement>[1] {
    const { table, signal, tenant, disk } = bucket;
    return { table, signal, tenant, disk: this.home.diskSetting(disk) };
  }
}
