import { dirname, join } from 'node:path';
import { assert, MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Keyring } from '../../model/storage.ts';
import type { Disk } from '../../platform/disk.ts';
import { type Log, silentLog } from '../../platform/log.ts';
import { systemRandom, type Random } from '../../platform/random.ts';
import {
  decodeKeyring,
  EMPTY_KEYRING,
  encodeKeyring,
  type KeyringContents,
} from './keyring-file.ts';
import {
  type KeyWrapper,
  localKeyWrapper,
  parseRootKey,
  ROOT_KEY_BYTES,
} from './keyring-wrapper.ts';

export interface KeyringOptions {
  /** Path of the sealed file; made (0600) at the first key. */
  readonly file: string;
  readonly disk: Disk;
  readonly random?: Random;
  /** 32 bytes. Without it, and without `wrapper`, `root.key` beside the file is used or made. */
  readonly rootKey?: Uint8Array;
  /** A key management service; wins over `rootKey`. */
  readonly wrapper?: KeyWrapper;
  readonly log?: Log;
}

/** The data keys of the buckets. A key is durable in the file before anybody gets it. */
export interface LocalKeyring extends Keyring {
  /**
   * 32 secret bytes (a copy). Calls made together share one write of the file.
   * Rejects with `key_destroyed`, `keyring_full`, `keyring_changed`, or the disk's own error.
   */
  dataKey(number: number): Promise<Uint8Array>;
  /** Zeroes the key and takes it out of the file for ever: the number never gets another key. */
  destroy(number: number): Promise<void>;
  /** Seals other small secrets of the server under the root key. */
  readonly wrapper: KeyWrapper;
  /** Path of the root key when it lies on this machine's disk: it belongs elsewhere. */
  readonly rootKeyFile: string | undefined;
}

interface Request {
  readonly number: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Opens or begins a keyring. Rejects with `keyring_wrong_root_key`, `keyring_damaged`,
 * `keyring_version`, `keyring_root_key_missing` or `keyring_bad_root_key`; it never makes new keys
 * over a file that it cannot read.
 */
export async function openKeyring(options: KeyringOptions): Promise<LocalKeyring> {
  const { file, disk, random = systemRandom, log = silentLog } = options;
  const text = await readIfThere(disk, file);
  const root = await findWrapper(options, text !== undefined, random, log);
  const contents = text === undefined ? EMPTY_KEYRING : await decodeKeyring(text, root.wrapper);
  return new FileKeyring({ file, disk, random, ...root, contents, text });
}

interface Parts {
  readonly file: string;
  readonly disk: Disk;
  readonly random: Random;
  readonly wrapper: KeyWrapper;
  readonly rootKeyFile: string | undefined;
  readonly contents: KeyringContents;
  readonly text: string | undefined;
}

class FileKeyring implements LocalKeyring {
  readonly rootKeyFile: string | undefined;
  readonly wrapper: KeyWrapper;
  private readonly parts: Parts;
  private contents: KeyringContents;
  /** What may stand in the file: what was last written, and what a failed write may have left. */
  private textsOnDisk: (string | undefined)[];
  private wanted: Request[] = [];
  /** Writes follow each other; each starts when this settles. */
  private lastWrite: Promise<void> = Promise.resolve();

  constructor(parts: Parts) {
    this.parts = parts;
    this.rootKeyFile = parts.rootKeyFile;
    this.wrapper = parts.wrapper;
    this.contents = parts.contents;
    this.textsOnDisk = [parts.text];
  }

  async dataKey(number: number): Promise<Uint8Array> {
    assert(Number.isSafeInteger(number) && number >= 0, 'key numbers are whole');
    if (!this.contents.keys.has(number)) {
      await new Promise<void>((resolve, reject) => {
        this.wanted.push({ number, resolve, reject });
        if (this.wanted.length === 1) void this.inTurn(() => this.makeWanted());
      });
    }
    const key = this.contents.keys.get(number);
    if (key === undefined) throw destroyedError(number);
    return Uint8Array.from(key);
  }

  async destroy(number: number): Promise<void> {
    return this.inTurn(async () => {
      const keys = new Map(this.contents.keys);
      const key = keys.get(number);
      keys.delete(number);
      await this.write(keys, new Set([...this.contents.destroyed, number]));
      key?.fill(0);
    });
  }

  /** Runs `write` after the writes before it, whether they succeeded or not. */
  private inTurn(write: () => Promise<void>): Promise<void> {
    const result = this.lastWrite.then(write);
    this.lastWrite = result.catch(() => undefined);
    return result;
  }

  private async makeWanted(): Promise<void> {
    const requests = this.wanted;
    this.wanted = [];
    try {
      const keys = new Map(this.contents.keys);
      for (const { number } of requests) {
        if (keys.has(number) || this.contents.destroyed.has(number)) continue;
        keys.set(number, this.parts.random.bytes(ROOT_KEY_BYTES));
      }
      if (keys.size > LIMITS.keyringKeys) throw fullError();
      if (keys.size > this.contents.keys.size) await this.write(keys, this.contents.destroyed);
      for (const request of requests) request.resolve();
    } catch (error) {
      for (const request of requests) request.reject(error);
    }
  }

  /** Makes the new contents durable, then current. */
  private async write(
    keys: Map<number, Uint8Array>,
    destroyed: Set<number> | KeyringContents['destroyed'],
  ): Promise<void> {
    const { disk, file, wrapper } = this.parts;
    const before = await readIfThere(disk, file);
    if (!this.textsOnDisk.includes(before)) throw changedError(file);
    const next = { keys, destroyed, generation: this.contents.generation + 1 };
    const { text, wrapped } = await encodeKeyring(next, this.contents.wrapped, wrapper);
    this.textsOnDisk = [before, text];
    await disk.replaceFile(file, text, 0o600);
    this.textsOnDisk = [text];
    this.contents = { ...next, wrapped };
  }
}

async function findWrapper(
  options: KeyringOptions,
  keyringExists: boolean,
  random: Random,
  log: Log,
): Promise<{ wrapper: KeyWrapper; rootKeyFile: string | undefined }> {
  const { file, disk, rootKey, wrapper } = options;
  if (wrapper !== undefined) return { wrapper, rootKeyFile: undefined };
  if (rootKey !== undefined) {
    return { wrapper: localKeyWrapper(rootKey, random), rootKeyFile: undefined };
  }
  const rootKeyFile = join(dirname(file), 'root.key');
  let text = await readIfThere(disk, rootKeyFile);
  if (text === undefined) {
    if (keyringExists) throw rootKeyMissing(rootKeyFile);
    text = `${random.hex(ROOT_KEY_BYTES)}\n`;
    await disk.makeDirectory(dirname(file));
    await disk.replaceFile(rootKeyFile, text, 0o600);
  }
  log.warn(
    'THE ROOT KEY LIES BESIDE THE DATA IT PROTECTS: whoever takes this disk can read everything. ' +
      'Keep it elsewhere and give it as MESHTRAIL_ROOT_KEY.',
    { path: rootKeyFile },
  );
  return { wrapper: localKeyWrapper(parseRootKey(text), random), rootKeyFile };
}

async function readIfThere(disk: Disk, path: string): Promise<string | undefined> {
  const status = await disk.status(path);
  if (status === undefined) return undefined;
  if (status.sizeBytes > LIMITS.keyringBytes) {
    throw new MeshtrailError('keyring_damaged', `${path} is too large to be a keyring`);
  }
  return (await disk.readFile(path)).toString('utf8');
}

function rootKeyMissing(path: string): MeshtrailError {
  return new MeshtrailError(
    'keyring_root_key_missing',
    `there is a keyring but no root key: ${path} is missing`,
    'Give the root key that the keyring was made with. No new one is made over it.',
  );
}

function destroyedError(number: number): MeshtrailError {
  return new MeshtrailError('key_destroyed', `data key ${number} was destroyed`);
}

function fullError(): MeshtrailError {
  return new MeshtrailError('keyring_full', `the keyring holds ${LIMITS.keyringKeys} keys already`);
}

function changedError(path: string): MeshtrailError {
  return new MeshtrailError(
    'keyring_changed',
    `${path} was changed by somebody else while in use`,
    'Only one server may use a data directory.',
  );
}
