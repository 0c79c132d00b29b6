import type { Source, SourceGap, SourceKey } from '../../model/source.ts';
import type { Database } from '../../platform/sqlite.ts';

/** Part of `state.db`. Samples of rejected items are not kept: they may hold what must not stay. */
export const SOURCE_TABLE = `CREATE TABLE source (
     tenant TEXT NOT NULL,
     protocol TEXT NOT NULL,
     address TEXT NOT NULL,
     identity TEXT NOT NULL,
     agent TEXT NOT NULL,
     encrypted INTEGER NOT NULL,
     first_ns INTEGER NOT NULL,
     last_ns INTEGER NOT NULL,
     records INTEGER NOT NULL,
     bytes INTEGER NOT NULL,
     lag_ns INTEGER NOT NULL,
     rejects TEXT NOT NULL,
     gaps TEXT NOT NULL,
     PRIMARY KEY (tenant, protocol, address, identity, agent)
   ) STRICT, WITHOUT ROWID;`;

/** Who ever sent here, between one start and the next. */
export class SourceTable {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  load(): Source[] {
    return this.database.all('SELECT * FROM source').map((row) => ({
      tenant: String(row['tenant']),
      protocol: String(row['protocol']),
      address: String(row['address']),
      identity: String(row['identity']),
      agent: String(row['agent']),
      encrypted: row['encrypted'] === 1n,
      firstNs: row['first_ns'] as bigint,
      lastNs: row['last_ns'] as bigint,
      records: Number(row['records']),
      bytes: Number(row['bytes']),
      lagNs: row['lag_ns'] as bigint,
      rejects: new Map(
        Object.entries(JSON.parse(String(row['rejects'])) as Record<string, number>).map(
          ([reason, count]) => [reason, { count, sample: new Uint8Array(0) }],
        ),
      ),
      gaps: JSON.parse(String(row['gaps'])) as SourceGap[],
    }));
  }

  /** Writes these, over what was there under the same key. */
  save(sources: readonly Source[]): void {
    this.database.transaction(() => {
      for (const source of sources) this.write(source);
    });
  }

  /** Lets go of a source for good. */
  forget({ tenant, protocol, address, identity, agent }: SourceKey): void {
    this.database.all(
      `DELETE FROM source WHERE tenant = ? AND protocol = ? AND address = ? AND identity = ?
       AND agent = ?`,
      tenant,
      protocol,
      address,
      identity,
      agent,
    );
  }

  private write(source: Source): void {
    const rejects = Object.fromEntries([...source.rejects].map(([why, { count }]) => [why, count]));
    this.database.all(
      'INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      source.tenant,
      source.protocol,
      source.address,
      source.identity,
      source.agent,
      source.encrypted ? 1 : 0,
      source.firstNs,
      source.lastNs,
      source.records,
      source.bytes,
      source.lagNs,
      JSON.stringify(rejects),
      JSON.stringify(source.gaps),
    );
  }
}
