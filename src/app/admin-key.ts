import { join } from 'node:path';
import {
  createAuthenticator,
  keyDigest,
  openAuthenticator,
  type Authenticator,
} from '../access/authentication.ts';
import type { SharedSecret } from '../ingest/decode/all.ts';
import { MeshtrailError } from '../model/errors.ts';
import { isMissing, type Disk } from '../platform/disk.ts';
import { systemRandom } from '../platform/random.ts';

const PREFIX = 'mtk_';
const MIN_LENGTH = 16;

export interface AdminKey {
  readonly authenticator: Authenticator;
  /** For protocols that prove a key without sending it. */
  readonly secret: SharedSecret;
  /** A new key, to be shown once; undefined where there is nothing to show. */
  readonly shown: string | undefined;
  /**
   * Keeps the digest of a new key. Called when the server is about to show it: a start that fails
   * before must not leave behind a key that nobody has seen.
   */
  keep(): Promise<void>;
}

const known = (digest: Uint8Array, key?: string): AdminKey => ({
  secret: key === undefined ? { kind: 'unknown' } : { kind: 'key', key },
  authenticator: createAuthenticator(digest),
  shown: undefined,
  keep: () => Promise.resolve(),
});

/**
 * The administrator's key: from `MESHTRAIL_ADMIN_KEY`, else the one made at the first start, of
 * which only the SHA-256 is kept (`admin-key.sha256`, mode 0600).
 */
export const openAdminKey = async (
  disk: Disk,
  directory: string,
  given: string | undefined,
  dev: boolean,
): Promise<AdminKey> => {
  if (dev) {
    const secret = { kind: 'open' } as const;
    return { ...known(Buffer.alloc(32)), authenticator: openAuthenticator, secret };
  }
  if (given !== undefined && given !== '') {
    if (given.length < MIN_LENGTH) {
      throw new MeshtrailError(
        'admin_key_too_short',
        `MESHTRAIL_ADMIN_KEY has ${given.length} characters`,
        `use at least ${MIN_LENGTH}, for example: openssl rand -hex 24`,
      );
    }
    return known(keyDigest(given), given);
  }
  const file = join(directory, 'admin-key.sha256');
  const held = await readIfAny(disk, file);
  if (held !== undefined) {
    const digest = Buffer.from(Buffer.from(held).toString('latin1').trim(), 'hex');
    if (digest.length !== 32) {
      throw new MeshtrailError(
        'admin_key_unreadable',
        `${file} does not hold a key's digest`,
        'set MESHTRAIL_ADMIN_KEY, or remove the file to have a new key made',
      );
    }
    return known(digest);
  }
  const key = PREFIX + systemRandom.bytes(24).toString('base64url');
  const digest = keyDigest(key);
  return {
    ...known(digest, key),
    shown: key,
    keep: () => disk.replaceFile(file, `${digest.toString('hex')}\n`, 0o600),
  };
};

const readIfAny = async (disk: Disk, file: string): Promise<Buffer | undefined> => {
  try {
    return await disk.readFile(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};
