import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Disk, systemDisk } from '../../platform/disk.ts';
import { createLog } from '../../platform/log.ts';
import { type KeyringOptions, type LocalKeyring, openKeyring } from './keyring.ts';
import { parseRootKey } from './keyring-wrapper.ts';

let directory: string;
let file: string;
let writes: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-keyring-'));
  file = join(directory, 'keyring.json');
  writes = 0;
});
afterEach(() => rmSync(directory, { recursive: true }));

const ROOT = new Uint8Array(32).fill(7);

const counting: Disk = {
  ...systemDisk,
  replaceFile(...call) {
    writes += 1;
    return systemDisk.replaceFile(...call);
  },
};

function open(more: Partial<KeyringOptions> = {}): Promise<LocalKeyring> {
  return openKeyring({ file, disk: counting, rootKey: ROOT, ...more });
}

test('a key is 32 bytes, the same at every call and after reopening', async () => {
  const keyring = await open();
  const key = await keyring.dataKey(5);
  expect(key.length).toBe(32);
  expect(await keyring.dataKey(5)).toEqual(key);
  expect(await keyring.dataKey(6)).not.toEqual(key);
  expect(await (await open()).dataKey(5)).toEqual(key);
});

test('keys asked for together are made once and written once', async () => {
  const keyring = await open();
  const numbers = Array.from({ length: 128 }, (_, i) => i % 64);
  const keys = await Promise.all(numbers.map((number) => keyring.dataKey(number)));
  expect(writes).toBe(1);
  expect(keys.slice(0, 64)).toEqual(keys.slice(64));
  expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(64);
  await keyring.dataKey(3);
  expect(writes).toBe(1);
});

test('the file is for its owner alone and does not hold a key in clear', async () => {
  const keyring = await open();
  const key = Buffer.from(await keyring.dataKey(1));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const contents = readFileSync(file);
  expect(contents.includes(key)).toBe(false);
  expect(contents.includes(key.toString('base64'))).toBe(false);
  expect(contents.includes(key.toString('hex'))).toBe(false);
});

test('a caller who wipes its copy wipes nobody else', async () => {
  const keyring = await open();
  const key = await keyring.dataKey(1);
  const copy = Uint8Array.from(key);
  key.fill(0);
  expect(await keyring.dataKey(1)).toEqual(copy);
});

test('without a root key one is made beside the file, loudly', async () => {
  const said: string[] = [];
  const log = createLog('debug', { write: (line) => said.push(line) });
  const options = { file, disk: systemDisk, log };
  const keyring = await openKeyring(options);
  const rootFile = join(directory, 'root.key');
  expect(keyring.rootKeyFile).toBe(rootFile);
  expect(statSync(rootFile).mode & 0o777).toBe(0o600);
  expect(said.join('')).toContain('THE ROOT KEY LIES BESIDE THE DATA');
  expect(said.join('')).not.toContain(readFileSync(rootFile, 'utf8').trim());
  const key = await keyring.dataKey(1);
  expect(await (await openKeyring(options)).dataKey(1)).toEqual(key);
  // The same key given by hand opens it too, and then nothing is said.
  const given = parseRootKey(readFileSync(rootFile, 'utf8'));
  said.length = 0;
  expect(await (await openKeyring({ ...options, rootKey: given })).dataKey(1)).toEqual(key);
  expect(said).toEqual([]);
});

test('a keyring whose root key is gone is not begun anew', async () => {
  await (await openKeyring({ file, disk: systemDisk })).dataKey(1);
  rmSync(join(directory, 'root.key'));
  const before = readFileSync(file);
  await expect(openKeyring({ file, disk: systemDisk })).rejects.toMatchObject({
    code: 'keyring_root_key_missing',
  });
  expect(readdirSync(directory)).toEqual(['keyring.json']);
  expect(readFileSync(file)).toEqual(before);
});

test('another root key is refused by name', async () => {
  await (await open()).dataKey(1);
  const before = readFileSync(file);
  const other = open({ rootKey: new Uint8Array(32).fill(8) });
  await expect(other).rejects.toMatchObject({ code: 'keyring_wrong_root_key' });
  expect(readFileSync(file)).toEqual(before);
});

interface FileJson {
  version: number;
  generation: number;
  keys: [number, string][];
  destroyed: number[];
  seal: string;
}

test.each<[string, string, (json: FileJson) => unknown]>([
  ['a key is altered', 'keyring_damaged', (json) => (json.keys[0]![1] = json.keys[1]![1])],
  ['a key is taken out', 'keyring_damaged', (json) => json.keys.pop()],
  [
    'keys change places',
    'keyring_damaged',
    (json) => json.keys.reverse().forEach((key, i) => (key[0] = i)),
  ],
  ['a destroyed number is forgotten', 'keyring_damaged', (json) => (json.destroyed = [])],
  ['the generation is set back', 'keyring_damaged', (json) => (json.generation -= 1)],
  ['the seal is altered', 'keyring_damaged', (json) => (json.seal = `A${json.seal.slice(1)}B`)],
  ['a field is added', 'keyring_damaged', (json) => Object.assign(json, { more: 1 })],
  ['it comes from the future', 'keyring_version', (json) => (json.version = 2)],
])('refuses when %s', async (_, code, alter) => {
  const keyring = await open();
  await Promise.all([0, 1, 2].map((number) => keyring.dataKey(number)));
  await keyring.destroy(2);
  const json = JSON.parse(readFileSync(file, 'utf8')) as FileJson;
  alter(json);
  writeFileSync(file, JSON.stringify(json));
  await expect(open()).rejects.toMatchObject({ code });
});

test('refuses a cut or empty file, and what is not a keyring', async () => {
  await (await open()).dataKey(1);
  const text = readFileSync(file, 'utf8');
  for (const contents of ['', '{}', '[]', 'null', text.slice(0, -3), 'x'.repeat(100)]) {
    writeFileSync(file, contents);
    await expect(open()).rejects.toMatchObject({ code: 'keyring_damaged' });
  }
});

test('a destroyed key is gone for good, and its number gets no other', async () => {
  const keyring = await open();
  await keyring.dataKey(1);
  const kept = await keyring.dataKey(2);
  await keyring.destroy(1);
  await expect(keyring.dataKey(1)).rejects.toMatchObject({ code: 'key_destroyed' });
  const again = await open();
  await expect(again.dataKey(1)).rejects.toMatchObject({ code: 'key_destroyed' });
  expect(await again.dataKey(2)).toEqual(kept);
});

test('a key whose writing failed is not handed out, and the next call makes it', async () => {
  const outcomes = ['failed', 'persisted'];
  const faulty: Disk = {
    ...systemDisk,
    async replaceFile(...call) {
      const outcome = outcomes.shift();
      if (outcome !== 'failed') await systemDisk.replaceFile(...call);
      if (outcome !== undefined) throw Object.assign(new Error('EIO'), { code: 'EIO' });
    },
  };
  const keyring = await open({ disk: faulty });
  await expect(keyring.dataKey(1)).rejects.toThrow('EIO');
  await expect(keyring.dataKey(1)).rejects.toThrow('EIO');
  const key = await keyring.dataKey(1);
  expect(await (await open()).dataKey(1)).toEqual(key);
});

test('a second server on the same file cannot lose the keys of the first', async () => {
  const first = await open();
  const second = await open();
  const key = await first.dataKey(1);
  await expect(second.dataKey(2)).rejects.toMatchObject({ code: 'keyring_changed' });
  expect(await (await open()).dataKey(1)).toEqual(key);
});

test('the root key is 32 bytes in hex or base64', () => {
  const key = Buffer.alloc(32, 0xab);
  for (const text of [
    key.toString('hex'),
    ` ${key.toString('base64')}\n`,
    key.toString('base64url'),
  ]) {
    expect(Buffer.from(parseRootKey(text))).toEqual(key);
  }
  for (const text of ['', 'ab', 'g'.repeat(64), key.toString('hex').slice(1)]) {
    expect(() => parseRootKey(text)).toThrow('the root key is not 32 bytes');
  }
});

test('a leftover temporary file does no harm', async () => {
  await (await open()).dataKey(1);
  writeFileSync(`${file}.new`, 'half a keyr');
  mkdirSync(join(directory, 'other'));
  await (await open()).dataKey(2);
  expect(readdirSync(directory).sort()).toEqual(['keyring.json', 'other']);
});
