import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { errorCode, isDiskFull, systemDisk } from './disk.ts';
import { faultyDisk, type DiskCall, type DiskFault } from './faulty-disk.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meshtrail-faulty-'));
});
afterEach(() => rm(directory, { recursive: true }));

function failing(operation: DiskCall['operation'], fault: DiskFault) {
  return faultyDisk(systemDisk, (call) => (call.operation === operation ? fault : undefined));
}

test.each([
  ['failed', 'EIO', 'one,'],
  ['failed but persisted', 'EIO', 'one,two,'],
  ['cut short', 'EIO', 'one,tw'],
  ['full', 'ENOSPC', 'one,'],
] as const)('an append that %s: error %s, and the file holds %s', async (fault, code, expected) => {
  const path = join(directory, 'journal');
  const calls: DiskCall[] = [];
  const disk = faultyDisk(systemDisk, (call) => {
    calls.push(call);
    return calls.length === 3 ? fault : undefined;
  });
  const file = await disk.open(path, 'append');
  await file.append([Buffer.from('one,')]);
  const failure: unknown = await file
    .append([Buffer.from('two,')])
    .catch((error: unknown) => error);
  expect(errorCode(failure)).toBe(code);
  expect(isDiskFull(failure)).toBe(fault === 'full');
  await file.syncData();
  await file.close();
  expect(await readFile(path, 'utf8')).toBe(expected);
  expect(calls.map(({ operation }) => operation)).toEqual(['open', 'append', 'append', 'syncData']);
});

test('a file whose opening failed but persisted is there', async () => {
  const path = join(directory, 'made');
  await expect(failing('open', 'failed').open(path, 'create')).rejects.toThrow('EIO');
  expect(await systemDisk.status(path)).toBeUndefined();
  await expect(failing('open', 'failed but persisted').open(path, 'create')).rejects.toThrow('EIO');
  expect(await systemDisk.status(path)).toMatchObject({ kind: 'file' });
});

test('a replacement fails whole, before or after', async () => {
  const path = join(directory, 'keys');
  await systemDisk.replaceFile(path, 'old');
  await expect(failing('replaceFile', 'full').replaceFile(path, 'new')).rejects.toThrow('ENOSPC');
  expect(await readFile(path, 'utf8')).toBe('old');
  const persisted = failing('replaceFile', 'failed but persisted');
  await expect(persisted.replaceFile(path, 'new')).rejects.toThrow('EIO');
  expect(await readFile(path, 'utf8')).toBe('new');
});
