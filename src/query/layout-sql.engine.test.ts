import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { binary, type Layout } from '../model/layout.ts';
import { startTestEngine, type TestEngine } from '../storage/engine/testing.ts';
import { layoutArbitrary, valuesArbitrary } from './layout-arbitrary.ts';
import { lineLengthSql } from './layout-length-sql.ts';
import { lineSql } from './layout-sql.ts';
import { laidOut, testBatch, type TestRecord } from './testing.ts';

/** The law of filling in SQL: the engine prints what `fillLine` prints, for whatever values. */

let directory: string;
let target: TestEngine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meshtrail-layout-sql-'));
  target = await startTestEngine(directory);
});

afterAll(async () => {
  await target.engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const OBSERVED_NS = 1_793_700_000_000_000_000n;
const seed = Number(process.env['MESHTRAIL_FUZZ_SEED'] ?? 7);

test('lines of random layouts and values', async () => {
  const layouts = fc.sample(layoutArbitrary, { numRuns: 60, seed });
  const values = fc.sample(valuesArbitrary, { numRuns: 20 * layouts.length, seed });
  const records = values.map((one, i): TestRecord => {
    if (i % 21 === 0) return { ...one, columns: {}, line: 'kept in body' };
    if (i % 23 === 0) return { ...one, structured: true, line: '{"kept":"whole"}' };
    return laidOut(one, layouts[i % layouts.length] as Layout);
  });
  const { bucket } = await target.store(testBatch('t', OBSERVED_NS, records));
  const found = await target.engine.reader.rows(
    `SELECT seq, hex(${lineSql(layouts)}), ${lineLengthSql(layouts)}, layout ` +
      `FROM meshtrail.${bucket.table} ORDER BY seq`,
  );
  expect(found).toHaveLength(records.length);
  for (const [seq, hex, length, layout] of found as [string, string, string, string][]) {
    const one = records[Number(seq)] as TestRecord;
    const line = typeof one.line === 'string' ? Buffer.from(one.line) : one.line;
    expect(layout !== '').toBe(one.layout !== undefined);
    expect([binary(Buffer.from(hex, 'hex')), Number(length)], layout).toEqual([
      binary(line),
      line.length,
    ]);
  }
});
