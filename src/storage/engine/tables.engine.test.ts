import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { must } from '../../model/errors.ts';
import { SpanBatch } from '../../model/span-batch.ts';
import { EMPTY_SPAN } from '../../model/span.ts';
import { systemClock } from '../../platform/clock.ts';
import { systemDisk } from '../../platform/disk.ts';
import { bucketStatement, loadMigrations } from './schema.ts';
import { batchOfLines, numberedLines } from './test-batches.ts';
import { startTestEngine, type TestEngine } from './testing.ts';

let directory: string;
let running: TestEngine;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-tables-'));
  running = await startTestEngine(directory);
});

afterAll(async () => {
  await running.engine.stop();
  rmSync(directory, { recursive: true, force: true });
});

const writer = async () => must(await running.home.connection(10_000), 'it runs').writer;

/** The bodies that hold a word, by the index of words. */
async function found(word: string): Promise<unknown> {
  const [row] = await running.engine.reader.rows(
    'SELECT count() FROM meshtrail.logs WHERE tenant = {tenant:String} AND hasAllTokens(body, {word:String})',
    { params: { tenant: 'acme', word } },
  );
  return row?.[0];
}

async function spanCount(): Promise<unknown> {
  const [row] = await running.engine.reader.rows('SELECT count() FROM meshtrail.spans');
  return row?.[0];
}

/** How a table is ordered, and its indexes. */
async function lookOf(table: string): Promise<string> {
  const [row] = await (await writer()).rows(`SHOW CREATE TABLE meshtrail.${table}`);
  return String(row?.[0]);
}

test('a table of the first migration keeps its rows and takes more after the later ones', async () => {
  const { bucket } = await running.store(batchOfLines(['to be replaced']));
  expect(await lookOf(bucket.table)).toContain('cityHash64(layout)');
  const migrations = await loadMigrations(systemDisk);
  const disk = running.home.diskSetting(bucket.disk);
  const terms = { ...bucket, disk };
  const client = await writer();
  await client.command(`DROP TABLE meshtrail.${bucket.table} SYNC`);
  for (const statement of must(migrations[0], 'there is a first').bucket) {
    await client.command(bucketStatement(statement, terms));
  }
  await running.store(batchOfLines(numberedLines('older', 100)));

  await client.command('DROP TABLE meshtrail.spans SYNC');
  running.engine.catalog.setTableVersion(bucket, 1);
  running.engine.catalog.setSchemaVersion(1);
  await running.engine.stop();
  running = await startTestEngine(directory);
  await running.store(batchOfLines(numberedLines('newer', 50)));

  const look = await lookOf(bucket.table);
  expect(look).toContain('ORDER BY (service, container, timestamp)');
  expect(look).toContain('INDEX i_labels');
  expect(look).toContain('map_buckets_min_avg_size = 3');
  expect([await found('older'), await found('newer')]).toEqual(['100', '50']);
  expect(await spanCount()).toBe('0');
  const spans = new SpanBatch();
  spans.begin(systemClock.observedNs());
  spans.append(EMPTY_SPAN, { bytes: new Uint8Array(0), receiverEnd: 0 });
  await running.store(spans.take('acme', 'test'));
  expect(await spanCount()).toBe('1');
  await (await writer()).command(`OPTIMIZE TABLE meshtrail.${bucket.table} FINAL`);
  expect([await found('older'), await found('newer')]).toEqual(['100', '50']);
});
