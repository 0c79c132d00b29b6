import { createCipheriv, hkdfSync } from 'node:crypto';
import { join } from 'node:path';
import type { Keyring } from '../model/storage.ts';
import type { Clock } from '../platform/clock.ts';
import type { Disk } from '../platform/disk.ts';
import type { Random } from '../platform/random.ts';
import { QUARANTINE_KEY } from './disk-buffer.ts';

/**
 * Batches that no server takes, one file each, encrypted as the buffer is:
 *
 *   'MTQ1' | salt, 16 bytes | AES-256-GCM of the request's body | tag, 16 bytes
 *
 * The key is HKDF-SHA-256 of the keyring's key 2 with the salt, the nonce 12 zero bytes: each key
 * is used once. Beside it lies `NAME.txt` with what the server said.
 */
export interface QuarantineOptions {
  readonly directory: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly keyring: Keyring;
  readonly random: Random;
}

const MAGIC = Buffer.from('MTQ1');
const SALT_BYTES = 16;
const NONCE = Buffer.alloc(12);

/** Durable when it resolves; gives the file's path. */
export const quarantine = async (
  { directory, disk, clock, keyring, random }: QuarantineOptions,
  body: Uint8Array,
  why: string,
): Promise<string> => {
  const folder = join(directory, 'quarantine');
  await disk.makeDirectory(folder);
  const path = join(folder, `${clock.nowNs()}-${random.hex(4)}.batch`);
  const salt = random.bytes(SALT_BYTES);
  const secret = await keyring.dataKey(QUARANTINE_KEY);
  const key = Buffer.from(hkdfSync('sha256', secret, salt, 'meshtrail agent quarantine', 32));
  const cipher = createCipheriv('aes-256-gcm', key, NONCE);
  const sealed = [cipher.update(body), cipher.final(), cipher.getAuthTag()];
  await disk.replaceFile(path, Buffer.concat([MAGIC, salt, ...sealed]));
  await disk.replaceFile(`${path}.txt`, `${why}\n`);
  return path;
};
