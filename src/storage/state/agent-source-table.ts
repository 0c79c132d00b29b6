import type { Watermark } from '../../model/origin.ts';
import type { Database } from '../../platform/sqlite.ts';

/** Part of `state.db`. */
export const AGENT_SOURCE_TABLE = `CREATE TABLE agent_source (
     tenant TEXT NOT NULL,
     agent TEXT NOT NULL,
     source TEXT NOT NULL,
     next INTEGER NOT NULL,
     PRIMARY KEY (tenant, agent, source)
   ) STRICT, WITHOUT ROWID;`;

/** How far the lines of each agent's sources are in the engine; the journal knows the rest. */
export class AgentSourceTable {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  watermarks(): Watermark[] {
    return this.database.all('SELECT * FROM agent_source').map((row) => ({
      tenant: String(row['tenant']),
      agent: String(row['agent']),
      source: String(row['source']),
      next: Number(row['next']),
    }));
  }

  /** Durable when it returns. A watermark never goes back. */
  raise(watermarks: readonly Watermark[]): void {
    this.database.transaction(() => {
      for (const { tenant, agent, source, next } of watermarks) {
        this.database.all(
          `INSERT INTO agent_source VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET next = max(next, excluded.next)`,
          tenant,
          agent,
          source,
          next,
        );
      }
    });
  }
}
