import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LayoutUse } from '../../model/batch.ts';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import type { Bucket } from '../../model/storage.ts';
import { Catalog } from './catalog.ts';

const at = BigInt(Date.parse('2026-11-20T12:00:00Z')) * 1_000_000n;
const WEEK_NS = 604_800_000_000_000n;
const LIMITS_BEFORE = { ...LIMITS };

let directory: string;
let catalog: Catalog;
let bucket: Bucket;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-catalog-layouts-'));
  catalog = new Catalog(`${directory}/catalog.db`);
  bucket = catalog.bucketFor('acme', 'default', at);
});

afterEach(() => {
  overrideLimits(LIMITS_BEFORE);
  catalog.close();
  rmSync(directory, { recursive: true });
});

const reopen = (): void => {
  catalog.close();
  catalog = new Catalog(`${directory}/catalog.db`);
  bucket = catalog.bucketFor('acme', 'default', at);
};

const use = (text: string, ...services: string[]): LayoutUse => ({ text, services });
const JSON_LINE = '{"msg":"<body>"}';
const ACCESS = '<method> <path>';

/** What readers are told of a bucket: services by text; '*' where any. */
const known = (of: Bucket = bucket): Record<string, string[] | '*'> => {
  const range = catalog.ranges(of.tenant, 0n, 2n ** 62n).find((one) => one.bucket.id === of.id);
  return Object.fromEntries(
    (range?.layouts ?? []).map(({ layout, services }) => [
      layout.text,
      services === undefined ? '*' : [...services].sort(),
    ]),
  );
};

/** Rows of a table, read behind the catalog's back. */
const rowsOf = (table: string): number => {
  const database = new DatabaseSync(`${directory}/catalog.db`, { readOnly: true });
  const row = database.prepare(`SELECT count(*) AS n FROM ${table}`).get();
  database.close();
  return Number(row?.['n']);
};

test('what was learnt is known at once, asked for no more, and survives a restart', async () => {
  const uses = [use(JSON_LINE, 'shop', ''), use(ACCESS, 'gateway')];
  await catalog.learn(bucket, uses);
  const expected = { [JSON_LINE]: ['', 'shop'], [ACCESS]: ['gateway'] };
  expect(known()).toEqual(expected);
  expect(catalog.learn(bucket, uses)).toBeUndefined();
  expect(catalog.learn(bucket, [])).toBeUndefined();
  reopen();
  expect(known()).toEqual(expected);
  expect(catalog.learn(bucket, uses)).toBeUndefined();
  await catalog.learn(bucket, [use(ACCESS, 'gateway', 'edge')]);
  expect(known()).toEqual({ [JSON_LINE]: ['', 'shop'], [ACCESS]: ['edge', 'gateway'] });
});

test('layouts hold any byte, services any character', async () => {
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');
  const text = `${bytes.replaceAll(/[\\<]/g, '\\$&')}<body>`;
  const service = '\ufeff\0"\xff日本';
  await catalog.learn(bucket, [use(text, service)]);
  reopen();
  expect(known()).toEqual({ [text]: [service] });
});

test('a text stands once, and is one layout, in however many buckets it is used', async () => {
  const others = [
    catalog.bucketFor('acme', 'default', at + WEEK_NS),
    catalog.bucketFor('globex', 'default', at),
  ];
  for (const one of [bucket, ...others]) {
    await catalog.learn(one, [use(JSON_LINE, 'shop'), use(ACCESS, 'shop')]);
  }
  for (const restarted of [false, true]) {
    if (restarted) reopen();
    const ranges = ['acme', 'globex'].flatMap((tenant) => catalog.ranges(tenant, at, at + WEEK_NS));
    const layouts = ranges.flatMap((range) => range.layouts.map(({ layout }) => layout));
    expect(layouts).toHaveLength(6);
    expect(new Set(layouts).size).toBe(2);
    const sets = ranges.flatMap((range) => range.layouts.map(({ services }) => services));
    if (restarted) expect(new Set(sets).size).toBe(1);
    expect(catalog.tenantLayoutCount('acme')).toBe(2);
    expect(catalog.tenantLayoutCount('nobody')).toBe(0);
  }
  expect(rowsOf('layout')).toBe(2);
  expect(rowsOf('layout_use')).toBe(6);
});

test('batches of one turn are written together, each durable when it is told so', async () => {
  const first = catalog.learn(bucket, [use(JSON_LINE, 'shop')]);
  const second = catalog.learn(bucket, [use(JSON_LINE, 'shop', 'pay')]);
  expect(second).toBe(first);
  expect(known()).toEqual({});
  // Another bucket with nothing new does not wait.
  expect(catalog.learn(catalog.bucketFor('globex', 'default', at), [])).toBeUndefined();
  await first;
  expect(rowsOf('layout_use')).toBe(1);
});

test('a batch without news does not overtake one of its bucket that waits', async () => {
  await catalog.learn(bucket, [use(JSON_LINE, 'shop')]);
  const order: string[] = [];
  const later = (name: string, uses: LayoutUse[]): Promise<void> =>
    (async () => {
      await catalog.learn(bucket, uses);
      order.push(name);
    })();
  await Promise.all([
    later('new', [use(ACCESS, 'shop')]),
    later('known', [use(JSON_LINE, 'shop')]),
    later('empty', []),
  ]);
  expect(order).toEqual(['new', 'known', 'empty']);
});

test('what could not be written is not known, and the next try writes it', async () => {
  const lock = new DatabaseSync(`${directory}/catalog.db`);
  catalog.close();
  catalog = new Catalog(`${directory}/catalog.db`);
  bucket = catalog.bucketFor('acme', 'default', at);
  lock.exec(
    'CREATE TRIGGER broken BEFORE INSERT ON layout_use BEGIN SELECT RAISE(ABORT, "no"); END',
  );
  await expect(catalog.learn(bucket, [use(JSON_LINE, 'shop')])).rejects.toThrow('no');
  expect(known()).toEqual({});
  expect(rowsOf('layout')).toBe(0);
  lock.exec('DROP TRIGGER broken');
  lock.close();
  await catalog.learn(bucket, [use(JSON_LINE, 'shop')]);
  expect(known()).toEqual({ [JSON_LINE]: ['shop'] });
});

test('beyond its services a layout is of any, with one row, and stays so', async () => {
  overrideLimits({ servicesPerLayout: 3 });
  await catalog.learn(bucket, [use(JSON_LINE, 'a', 'b'), use(ACCESS, 'a')]);
  await catalog.learn(bucket, [use(JSON_LINE, 'c')]);
  expect(known()[JSON_LINE]).toEqual(['a', 'b', 'c']);
  await catalog.learn(bucket, [use(JSON_LINE, 'd')]);
  expect(known()).toEqual({ [JSON_LINE]: '*', [ACCESS]: ['a'] });
  expect(rowsOf('layout_use')).toBe(2);
  expect(catalog.learn(bucket, [use(JSON_LINE, 'e')])).toBeUndefined();
  reopen();
  expect(known()).toEqual({ [JSON_LINE]: '*', [ACCESS]: ['a'] });
  expect(catalog.learn(bucket, [use(JSON_LINE, 'f')])).toBeUndefined();
});

test('beyond the uses of a bucket new services make a layout of any', async () => {
  overrideLimits({ layoutUsesPerBucket: 3 });
  await catalog.learn(bucket, [use(JSON_LINE, 'a', 'b'), use(ACCESS, 'a')]);
  await catalog.learn(bucket, [use(JSON_LINE, 'c')]);
  expect(known()).toEqual({ [JSON_LINE]: '*', [ACCESS]: ['a'] });
  // What the first one gave up is room for the second.
  await catalog.learn(bucket, [use(ACCESS, 'b', 'c')]);
  expect(known()).toEqual({ [JSON_LINE]: '*', [ACCESS]: ['a', 'b', 'c'] });
});

test.each([
  ['an endless name', 'x'.repeat(LIMITS.layoutServiceLength + 1)],
  ['a name that is not UTF-8', 'sh\ufffdp'],
])('a service with %s makes a layout of any', async (_what, service) => {
  await catalog.learn(bucket, [use(ACCESS, 'shop', service)]);
  expect(known()).toEqual({ [ACCESS]: '*' });
});

test('the bound of layouts is told, never enforced: the rows are already made', async () => {
  overrideLimits({ layoutsPerBucket: 2 });
  const uses = ['a<body>', 'b<body>', 'c<body>'].map((text) => use(text, ''));
  await catalog.learn(bucket, uses.slice(0, 1));
  expect(catalog.layoutCount(bucket)).toBe(1);
  await catalog.learn(bucket, uses);
  expect(catalog.layoutCount(bucket)).toBe(3);
  reopen();
  expect(catalog.layoutCount(bucket)).toBe(3);
  expect(catalog.layoutCount(catalog.bucketFor('acme', 'default', at + WEEK_NS))).toBe(0);
});

test.each([use('<no_such_column>', 'shop'), use('日本 <body>', 'shop')])(
  'a layout that could not be read back is refused: %j',
  (wrong) => {
    expect(() => catalog.learn(bucket, [wrong])).toThrow(
      expect.objectContaining({ code: 'layout_invalid' }),
    );
    reopen();
    expect(known()).toEqual({});
  },
);
