import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { errorCode, isMissing, systemDisk, writeFully } from './disk.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meshtrail-disk-'));
});
afterEach(() => rm(directory, { recursive: true }));

const bytes = (text: string): Uint8Array => Buffer.from(text);

test('appends at the end, also after reopening and truncating', async () => {
  const path = join(directory, 'a');
  const first = await systemDisk.open(path, 'create');
  await first.append([bytes('one '), bytes(''), bytes('two ')]);
  await first.close();
  const second = await systemDisk.open(path, 'append');
  await second.truncate(4);
  await second.append([bytes('three')]);
  await second.syncData();
  expect(await second.sizeBytes()).toBe(9);
  const into = Buffer.alloc(20);
  expect(await second.read(into, 2)).toBe(7);
  expect(into.toString('utf8', 0, 7)).toBe('e three');
  await second.close();
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('more chunks than the system takes in one call all arrive, in order', async () => {
  const path = join(directory, 'many');
  const file = await systemDisk.open(path, 'append');
  const words = Array.from({ length: 5_000 }, (_, at) => `${at},`);
  await file.append(words.map(bytes));
  await file.close();
  expect((await systemDisk.readFile(path)).toString()).toBe(words.join(''));
});

test('creating a file that exists fails, reading a missing one too', async () => {
  const path = join(directory, 'a');
  await (await systemDisk.open(path, 'create')).close();
  await expect(systemDisk.open(path, 'create')).rejects.toSatisfy(
    (error) => errorCode(error) === 'EEXIST',
  );
  await expect(systemDisk.open(join(directory, 'b'), 'read')).rejects.toSatisfy(isMissing);
  expect(await systemDisk.status(join(directory, 'b'))).toBeUndefined();
});

test('replaces a file whole, over what a crash left behind', async () => {
  const path = join(directory, 'key');
  await (await systemDisk.open(`${path}.new`, 'create')).close();
  await systemDisk.replaceFile(path, 'old and longer');
  await systemDisk.replaceFile(path, 'new');
  expect((await systemDisk.readFile(path)).toString()).toBe('new');
  expect(await readdir(directory)).toEqual(['key']);
});

test('makes a directory with its parents, also where some or all are there', async () => {
  const path = join(directory, 'a', 'b', 'c');
  await systemDisk.makeDirectory(path);
  await systemDisk.makeDirectory(path);
  await systemDisk.makeDirectory(join(directory, 'a', 'd/'));
  await systemDisk.makeDirectory('/');
  expect((await stat(join(directory, 'a', 'd'))).mode & 0o777).toBe(0o700);
  await (await systemDisk.open(join(directory, 'file'), 'create')).close();
  await expect(systemDisk.makeDirectory(join(directory, 'file'))).rejects.toThrow('EEXIST');
  await expect(systemDisk.makeDirectory(join(directory, 'file', 'x'))).rejects.toThrow('ENOTDIR');
});

test.runIf(process.platform === 'linux')(
  'a directory that the kernel refuses is told',
  async () => {
    await expect(systemDisk.makeDirectory('/proc/nope')).rejects.toThrow('ENOENT');
    await expect(systemDisk.makeDirectory('/proc/nope/deeper/x')).rejects.toThrow('ENOENT');
  },
);

test('lists, renames, removes; directories are private', async () => {
  const deep = join(directory, 'x', 'y');
  await systemDisk.makeDirectory(deep);
  await systemDisk.makeDirectory(deep);
  expect((await stat(deep)).mode & 0o777).toBe(0o700);
  await systemDisk.replaceFile(join(deep, 'f'), '12');
  await systemDisk.rename(join(deep, 'f'), join(deep, 'g'));
  await systemDisk.syncDirectory(deep);
  expect(await systemDisk.list(deep)).toEqual([{ name: 'g', kind: 'file' }]);
  expect(await systemDisk.status(join(deep, 'g'))).toMatchObject({ kind: 'file', sizeBytes: 2 });
  await systemDisk.unlink(join(deep, 'g'));
  await systemDisk.removeTree(join(directory, 'x'));
  await systemDisk.removeTree(join(directory, 'x'));
  expect(await systemDisk.list(directory)).toEqual([]);
  const space = await systemDisk.space(directory);
  expect(space.freeBytes).toBeGreaterThan(0);
  expect(space.totalBytes).toBeGreaterThanOrEqual(space.freeBytes);
});

test.each([1, 2, 3, 5, 7, 100])('a disk that takes %i bytes at a time gets all', async (stingy) => {
  const taken: number[] = [];
  const take = (chunks: Uint8Array[]): Promise<number> => {
    const some = Buffer.concat(chunks).subarray(0, stingy);
    taken.push(...some);
    return Promise.resolve(some.length);
  };
  await writeFully(take, [bytes('abc'), bytes(''), bytes('de'), bytes('fghij')]);
  expect(Buffer.from(taken).toString()).toBe('abcdefghij');
});

test('a disk that takes nothing is an error, not an endless loop', async () => {
  await expect(writeFully(() => Promise.resolve(0), [bytes('a')])).rejects.toThrow('no bytes');
});
