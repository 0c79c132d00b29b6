import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Catalog } from './catalog.ts';

const HOUR_NS = 3_600_000_000_000n;
const DAY_NS = 24n * HOUR_NS;
const at = BigInt(Date.parse('2026-11-20T12:00:00Z')) * 1_000_000n;

let directory: string;
let catalog: Catalog;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-catalog-'));
  catalog = new Catalog(`${directory}/catalog.db`);
});

afterEach(() => {
  catalog.close();
  rmSync(directory, { recursive: true });
});

const reopen = (): void => {
  catalog.close();
  catalog = new Catalog(`${directory}/catalog.db`);
};

test('a bucket is the same for a week and survives a restart', () => {
  const bucket = catalog.bucketFor('acme', 'default', at);
  expect(catalog.bucketFor('acme', 'default', at + DAY_NS)).toBe(bucket);
  reopen();
  expect(catalog.bucketFor('acme', 'default', at)).toEqual(bucket);
});

test('each tenant, class and week has a disk of its own', () => {
  const buckets = [
    catalog.bucketFor('acme', 'default', at),
    catalog.bucketFor('acme', 'long', at),
    catalog.bucketFor('globex', 'default', at),
    catalog.bucketFor('acme', 'default', at + 7n * DAY_NS),
  ];
  expect(buckets.map(({ disk }) => disk)).toEqual([1, 2, 3, 4]);
  expect(catalog.lastDisk).toBe(4);
  expect(catalog.tenants()).toEqual(['acme', 'globex']);
});

test('spans have buckets of their own, which logs are not asked for', () => {
  const logs = catalog.bucketFor('acme', 'default', at);
  const spans = catalog.bucketFor('acme', 'default', at, 'spans');
  expect([logs.signal, spans.signal]).toEqual(['logs', 'spans']);
  expect(spans.id).toBe(`${logs.id}/spans`);
  expect([logs.table, spans.table]).toEqual([
    expect.stringMatching(/^logs_/),
    expect.stringMatching(/^spans_/),
  ]);
  expect(spans.disk).not.toBe(logs.disk);
  reopen();
  expect(catalog.bucketFor('acme', 'default', at)).toEqual(logs);
  expect(catalog.bucketFor('acme', 'default', at + DAY_NS, 'spans')).toEqual(spans);
  expect(catalog.ranges('acme', at, at).map(({ bucket }) => bucket)).toEqual([logs]);
  expect(catalog.ranges('acme', at, at, 'spans').map(({ bucket }) => bucket)).toEqual([spans]);
});

test('an earlier week than before gets its own bucket (a clock set back)', () => {
  const later = catalog.bucketFor('acme', 'default', at);
  const earlier = catalog.bucketFor('acme', 'default', at - 7n * DAY_NS);
  expect(earlier.id).not.toBe(later.id);
  expect(catalog.bucketFor('acme', 'default', at)).toBe(later);
});

test('a new bucket has the day of its first row', () => {
  catalog.bucketFor('acme', 'default', at);
  expect(catalog.ranges('acme', at, at)).toHaveLength(1);
  expect(catalog.ranges('acme', at + 2n * DAY_NS, at + 3n * DAY_NS)).toEqual([]);
  expect(catalog.ranges('acme', at - 3n * DAY_NS, at - 2n * DAY_NS)).toEqual([]);
});

test('ranges are never narrower than the rows, and survive a restart', () => {
  const bucket = catalog.bucketFor('acme', 'default', at);
  catalog.widen(bucket, at - HOUR_NS, at);
  catalog.widen(bucket, at - 200n * DAY_NS, at - 199n * DAY_NS);
  reopen();
  const found = catalog.ranges('acme', at - 200n * DAY_NS, at - 200n * DAY_NS);
  expect(found.map((range) => range.bucket.id)).toEqual([bucket.id]);
  expect(catalog.ranges('acme', at, at)).toHaveLength(1);
  expect(catalog.ranges('acme', at + 2n * DAY_NS, at + 3n * DAY_NS)).toEqual([]);
  expect(catalog.ranges('acme', at - 300n * DAY_NS, at - 202n * DAY_NS)).toEqual([]);
  expect(catalog.ranges('globex', 0n, 2n ** 62n)).toEqual([]);
});

test('times at the ends of what a column holds are kept', () => {
  const bucket = catalog.bucketFor('acme', 'default', at);
  const greatest = 9_223_372_036_854_775_807n;
  catalog.widen(bucket, 0n, greatest);
  expect(catalog.ranges('acme', 0n, 0n)).toHaveLength(1);
  expect(catalog.ranges('acme', greatest, greatest)).toHaveLength(1);
});

test('a tenant or class that is none makes no bucket', () => {
  expect(() => catalog.bucketFor('a/b', 'default', at)).toThrow(/tenant/);
  expect(() => catalog.bucketFor('acme', "x'y", at)).toThrow(/class/);
  expect(catalog.buckets()).toEqual([]);
});

test('schema versions are kept, of the engine and of each table', () => {
  const bucket = catalog.bucketFor('acme', 'default', at);
  expect(catalog.tableVersion(bucket)).toBe(0);
  catalog.setTableVersion(bucket, 2);
  catalog.setSchemaVersion(2);
  reopen();
  expect(catalog.tableVersion(catalog.bucketFor('acme', 'default', at))).toBe(2);
  expect(catalog.schemaVersion).toBe(2);
});

/** What the first releases made: no version, and neither of the tables of layouts. */
const FIRST_SCHEMA = `
CREATE TABLE engine (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  schema_version INTEGER NOT NULL,
  last_disk INTEGER NOT NULL
) STRICT;
INSERT INTO engine VALUES (1, 3, 7);
CREATE TABLE bucket (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  class TEXT NOT NULL,
  from_ns INTEGER NOT NULL,
  table_name TEXT NOT NULL UNIQUE,
  disk INTEGER NOT NULL UNIQUE,
  schema_version INTEGER NOT NULL,
  min_ns INTEGER NOT NULL,
  max_ns INTEGER NOT NULL
) STRICT;
INSERT INTO bucket VALUES (
  'acme/default/2026-11-16', 'acme', 'default', 1794787200000000000, 'logs_of_old', 7, 3, 5, 9
);
`;

test('a catalog of the first releases keeps its buckets and learns layouts', async () => {
  const path = `${directory}/old.db`;
  const old = new DatabaseSync(path);
  old.exec(FIRST_SCHEMA);
  old.close();
  catalog.close();
  const uses = [{ text: '{"msg":"<body>"}', services: ['shop'] }];
  for (const start of ['first', 'second']) {
    catalog = new Catalog(path);
    const bucket = catalog.bucketFor('acme', 'default', at);
    expect(bucket).toMatchObject({ table: 'logs_of_old', disk: 7, signal: 'logs' });
    expect(catalog.lastDisk).toBe(7);
    expect(catalog.schemaVersion).toBe(3);
    expect(catalog.ranges('acme', 0n, 10n)).toMatchObject([
      {
        minNs: 5n,
        maxNs: 9n,
        layouts: start === 'first' ? [] : [{ layout: { text: uses[0]?.text } }],
      },
    ]);
    await catalog.learn(bucket, uses);
    if (start === 'first') catalog.close();
  }
});

test('a catalog of a newer program is refused', () => {
  catalog.close();
  const newer = new DatabaseSync(`${directory}/catalog.db`);
  newer.exec('PRAGMA user_version = 99');
  newer.close();
  expect(() => new Catalog(`${directory}/catalog.db`)).toThrow(
    expect.objectContaining({ code: 'data_newer' }),
  );
  catalog = new Catalog(`${directory}/other.db`);
});
