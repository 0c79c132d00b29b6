import type { Database } from '../../platform/sqlite.ts';

/** Part of `state.db`. */
export const DEFINITION_TABLE = `CREATE TABLE definition (
     tenant TEXT NOT NULL,
     kind TEXT NOT NULL,
     name TEXT NOT NULL,
     text TEXT NOT NULL,
     PRIMARY KEY (tenant, kind, name)
   ) STRICT, WITHOUT ROWID;`;

export interface KeptDefinition {
  readonly tenant: string;
  readonly kind: string;
  readonly name: string;
  readonly text: string;
}

/** What clients have set up by name: templates and policies, as they gave them. */
export class DefinitionTable {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  load(): KeptDefinition[] {
    return this.database.all('SELECT * FROM definition').map((row) => ({
      tenant: String(row['tenant']),
      kind: String(row['kind']),
      name: String(row['name']),
      text: String(row['text']),
    }));
  }

  put({ tenant, kind, name, text }: KeptDefinition): void {
    this.database.all(
      'INSERT OR REPLACE INTO definition VALUES (?, ?, ?, ?)',
      tenant,
      kind,
      name,
      text,
    );
  }

  remove({ tenant, kind, name }: Omit<KeptDefinition, 'text'>): void {
    this.database.all(
      'DELETE FROM definition WHERE tenant = ? AND kind = ? AND name = ?',
      tenant,
      kind,
      name,
    );
  }
}
