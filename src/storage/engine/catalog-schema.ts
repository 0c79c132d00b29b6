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
  // Texts once, however many buckets have them; one row of `layout_use` for each service, or a
  // single one with `any_service` and no name. BLOBs: texts need not be UTF-8, and both may hold
  // any character.
  `CREATE TABLE layout (id INTEGER PRIMARY KEY, text BLOB NOT NULL UNIQUE) STRICT;
   CREATE TABLE layout_use (
     bucket TEXT NOT NULL REFERENCES bucket (id),
     layout INTEGER NOT NULL REFERENCES layout (id),
     any_service INTEGER NOT NULL,
     service BLOB NOT NULL,
     PRIMARY KEY (bucket, layout, any_service, service)
   ) STRICT, WITHOUT ROWID;`,
] as const;
