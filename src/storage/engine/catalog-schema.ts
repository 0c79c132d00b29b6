/** The schema of `catalog.db`, forward only: each step makes the next version. */
export const CATALOG_MIGRATIONS = [
  // Catalogs of before had these tables and no version: hence IF NOT EXISTS.
  `CREATE TABLE IF NOT EXISTS engine (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     schema_version INTEGER NOT NULL,
     last_disk INTEGER NOT NULL
   ) STRICT;
   INSERT OR IGNORE INTO engine VALUES (1, 0, 0);
   CREATE TABLE IF NOT EXISTS bucket (
     id TEXT PRIMARY KEY,
     tenant TEXT NOT NULL,
     class TEXT NOT NULL,
     from_ns INTEGER NOT NULL,
     table_name TEXT NOT NULL UNIQUE,
     disk INTEGER NOT NULL UNIQUE,
     schema_version INTEGER NOT NULL,
     min_ns INTEGER NOT NULL,
     max_ns INTEGER NOT NULL
   ) STRICT;`,
  // Texts once, however many buckets have them; they need not be UTF-8. `bucket` is a bucket's
  // disk; `services` is a JSON array of names, NULL where any service may use the layout.
  `CREATE TABLE layout (id INTEGER PRIMARY KEY, text BLOB NOT NULL UNIQUE) STRICT;
   CREATE TABLE layout_use (
     bucket INTEGER NOT NULL REFERENCES bucket (disk),
     layout INTEGER NOT NULL REFERENCES layout (id),
     services TEXT,
     PRIMARY KEY (bucket, layout)
   ) STRICT, WITHOUT ROWID;`,
  // Buckets of before hold logs.
  `ALTER TABLE bucket ADD COLUMN signal TEXT NOT NULL DEFAULT 'logs';`,
] as const;
