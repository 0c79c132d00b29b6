import { DatabaseSync } from 'node:sqlite';
import { MeshtrailError } from '../model/errors.ts';

/**
 * The only door to SQLite (Node's own `node:sqlite`). Calls are synchronous and short: callers keep
 * what they read often in memory.
 */
export interface Database {
  /** Runs statements without a result. */
  run(sql: string): void;
  /** Runs one statement with `?` parameters; integers come back as bigint. */
  all(sql: string, ...values: readonly SqlValue[]): Record<string, SqlValue>[];
  /** Runs `work` in one transaction: all of it stands afterwards, durably, or nothing. */
  transaction<T>(work: () => T): T;
  close(): void;
}

export type SqlValue = string | bigint | number | null | Uint8Array;

/**
 * Opens or makes a database file. A finished transaction survives power loss: write-ahead log with
 * a sync at each commit (https://sqlite.org/pragma.html#pragma_synchronous).
 */
export function openDatabase(path: string): Database {
  const database = new DatabaseSync(path, { readBigInts: true });
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;',
  );
  return {
    run: (sql) => database.exec(sql),
    all: (sql, ...values) => database.prepare(sql).all(...values),
    transaction(work) {
      database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        database.exec('COMMIT');
        return result;
      } catch (error) {
        database.exec('ROLLBACK');
        throw error;
      }
    },
    close: () => database.close(),
  };
}

/**
 * Brings a schema forward: `migrations[n]` makes version n + 1 of version n, all of them in one
 * transaction. It writes even where there is nothing to do, so that a file that is to be locked is
 * locked from here on. Throws `data_newer` where a newer program wrote the file.
 */
export function migrate(database: Database, file: string, migrations: readonly string[]): void {
  const [row] = database.all('PRAGMA user_version');
  const version = Number(row?.['user_version']);
  if (version > migrations.length) {
    throw new MeshtrailError(
      'data_newer',
      `${file} is of version ${version}; this program knows ${migrations.length}`,
      'run the newer version that wrote it',
    );
  }
  database.transaction(() => {
    for (const sql of migrations.slice(version)) database.run(sql);
    database.run(`PRAGMA user_version = ${migrations.length}`);
  });
}
