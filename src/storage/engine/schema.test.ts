import { expect, test } from 'vitest';
import { COLUMNS, TAIL_COLUMNS } from '../../model/columns.ts';
import { SPAN_COLUMNS } from '../../model/span-columns.ts';
import { systemDisk } from '../../platform/disk.ts';
import {
  bucketStatement,
  loadMigrations,
  newestBucket,
  onceStatement,
  parseMigration,
  quoted,
  type Migration,
} from './schema.ts';

test('sections and statements are found, comments are not', () => {
  const text =
    'words\n-- @once\nA;\n-- no\nB\n  b;\n-- @bucket\nC -- x;y\n;\n-- @existing\nD;\n-- @spans\nE;\n';
  expect(parseMigration(3, text)).toEqual({
    version: 3,
    once: ['A', 'B\n  b'],
    bucket: ['C -- x;y\n'],
    existing: ['D'],
    spans: ['E'],
  });
});

test('a file that ends inside a statement is refused', () => {
  expect(() => parseMigration(1, '-- @once\nA')).toThrow(/inside a statement/);
});

test('every column stands in the bucket table and in the one that reads them all', async () => {
  const migrations = await loadMigrations(systemDisk);
  const [first] = migrations;
  const bucket = newestBucket(migrations).join('\n');
  const terms = { table: 'logs_x', signal: 'logs', tenant: 'acme', disk: "disk = 'e1'," } as const;
  const sql = bucketStatement(bucket, terms);
  const all = onceStatement(first?.once.at(-1) ?? '');
  for (const { name } of [...COLUMNS, ...TAIL_COLUMNS]) {
    expect(sql).toMatch(new RegExp(`^ *${name} `, 'm'));
    expect(all).toMatch(new RegExp(`^ *${name} `, 'm'));
  }
  expect(sql + all).not.toContain('{{');
});

test('every column of spans stands in their table and in the one that reads them all', async () => {
  const migrations = await loadMigrations(systemDisk);
  const terms = { table: 'spans_x', signal: 'spans', tenant: 'acme', disk: '' } as const;
  const sql = bucketStatement(newestBucket(migrations, 'spans').join('\n'), terms);
  const once = migrations.flatMap((migration) => migration.once);
  const all = onceStatement(once.find((text) => text.includes('meshtrail.spans')) ?? '');
  for (const { name } of [...SPAN_COLUMNS, ...TAIL_COLUMNS]) {
    expect(sql).toMatch(new RegExp(`^ *${name} `, 'm'));
    expect(all).toMatch(new RegExp(`^ *${name} `, 'm'));
  }
  expect(sql + all).not.toContain('{{');
});

test('a new bucket is made by the newest migration that says how', () => {
  const [first, second, third] = ['-- @bucket\nA;\n', '-- @bucket\nB;\n', '-- @existing\nC;\n'].map(
    (text, index) => parseMigration(index + 1, text),
  ) as [Migration, Migration, Migration];
  expect(newestBucket([first, third])).toEqual(['A']);
  expect(newestBucket([first, second, third])).toEqual(['B']);
});

test('a tenant is a literal whatever it holds', () => {
  expect(quoted("it's\\")).toBe("'it\\x27s\\x5C'");
});
