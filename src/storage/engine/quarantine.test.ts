import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Bucket } from '../../model/storage.ts';
import { systemDisk } from '../../platform/disk.ts';
import { systemRandom } from '../../platform/random.ts';
import { createQuarantine, readQuarantined } from './quarantine.ts';
import { testKeyring } from './testing.ts';

const bucket: Bucket = {
  id: 'acme/default/2026-11-16',
  tenant: 'acme',
  retentionClass: 'default',
  signal: 'logs',
  fromNs: 0n,
  table: 'logs_acme',
  disk: 1,
};
const rows = {
  bucket,
  lane: 'acme/default/a',
  seq: 7,
  rows: 1,
  columns: 2,
  data: new TextEncoder().encode('a secret line'),
  reason: '469',
};

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-quarantine-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

async function kept(): Promise<Buffer> {
  const random = systemRandom;
  const sink = createQuarantine({ directory, keyring: testKeyring, disk: systemDisk, random });
  await sink.keep(rows);
  await sink.keep(rows);
  const names = readdirSync(`${directory}/${bucket.table}`);
  expect(names).toHaveLength(1);
  const path = `${directory}/${bucket.table}/${names[0] ?? ''}`;
  expect(statSync(path).mode & 0o777).toBe(0o600);
  return readFileSync(path);
}

test('rows are kept once, unreadable without the key, and come back whole', async () => {
  const file = await kept();
  expect(file.includes('secret')).toBe(false);
  const read = await readQuarantined(file, bucket, testKeyring);
  expect({ ...read, data: new Uint8Array(read.data) }).toEqual(rows);
});

test('a changed byte anywhere is noticed', async () => {
  const file = await kept();
  for (let at = 0; at < file.length; at++) {
    const changed = Buffer.from(file);
    changed[at] = (changed[at] as number) ^ 1;
    await expect(readQuarantined(changed, bucket, testKeyring)).rejects.toMatchObject({
      code: 'quarantine_damaged',
    });
  }
});

test('another key does not open it', async () => {
  const file = await kept();
  await expect(readQuarantined(file, { ...bucket, disk: 2 }, testKeyring)).rejects.toMatchObject({
    code: 'quarantine_damaged',
  });
});
