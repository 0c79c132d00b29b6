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
import type { KeyWrapper } from '../storage/lifecycle/keyring-wrapper.ts';

const PREFIX = 'mtk_';
const MIN_LENGTH = 16;
const SEALED_FILE = 'admin-key.sealed';
const SEAL_CONTEXT = 'administrator key';

export interface AdminKey {
  readonly authenticator: Authenticator;
  /**
   * The key itself, for protocols that prove a key without sending it: as given, or as it was
   * sealed when it was made. Only its digest is known of keys made before 0.2.
   */
  secret(wrapper: KeyWrapper): Promise<SharedSecret>;
  /** A new key, to be shown once; undefined where there is nothing to show. */
  readonly shown: string | undefined;
  /**
   * Keeps the digest of a new key, and the key sealed. Called when the server is about to show it:
   * a start that fails before must not leave behind a key that nobody has seen.
   */
  keep(wrapper: KeyWrapper): Promise<void>;
}

const known = (digest: Uint8Array, secret: AdminKey['secret']): AdminKey => ({
  secret,
  authenticator: createAuthenticator(digest),
  shown: undefined,
  keep: () => Promise.resolve(),
});

/**
 * The administrator's key: from `MESHTRAIL_ADMIN_KEY`, else the one made at the first start, of
 * which the SHA-256 is kept (`admin-key.sha256`) and the key itself sealed under the root key
 * (`admin-key.sealed`), both of mode 0600.
 */
export const openAdminKey = async (
  disk: Disk,
  directory: string,
  given: string | undefined,
  dev: boolean,
): Promise<AdminKey> => {
  if (dev) {
    const anyone = known(Buffer.alloc(32), () => Promise.resolve({ kind: 'open' }));
    return { ...anyone, authenticator: openAuthenticator };
  }
  if (given !== undefined && given !== '') {
    if (given.length < MIN_LENGTH) {
      throw new MeshtrailError(
        'admin_key_too_short',
        `MESHTRAIL_ADMIN_KEY has ${given.length} characters`,
        `use at least ${MIN_LENGTH}, for example: openssl rand -hex 24`,
      );
    }
    return known(keyDigest(given), () => Promise.resolve({ kind: 'key', key: given }));
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
    return known(digest, (wrapper) => unsealed(disk, directory, wrapper));
  }
  const key = PREFIX + systemRandom.bytes(24).toString('base64url');
  const digest = keyDigest(key);
  return {
    ...known(digest, () => Promise.resolve({ kind: 'key', key })),
    shown: key,
    keep: async (wrapper) => {
      const sealed = await wrapper.wrap(Buffer.from(key), SEAL_CONTEXT);
      const text = Buffer.from(sealed).toString('base64');
      await disk.replaceFile(join(directory, SEALED_FILE), `${text}\n`, 0o600);
      await disk.replaceFile(file, `${digest.toString('hex')}\n`, 0o600);
    },
  };
};

/** The key as it was sealed at the first start, if it was and the root key is still the same. */
const unsealed = async (
  disk: Disk,
  directory: string,
  wrapper: KeyWrapper,
): Promise<SharedSecret> => {
  const held = await readIfAny(disk, join(directory, SEALED_FILE));
  if (held === undefined) return { kind: 'unknown' };
  try {
    const sealed = Buffer.from(held.toString('latin1'), 'base64');
    const key = Buffer.from(await wrapper.unwrap(sealed, SEAL_CONTEXT)).toString('utf8');
    return { kind: 'key', key };
  } catch {
    return { kind: 'unknown' };
  }
};

const readIfAny = async (disk: Disk, file: string): Promise<Buffer | undefined> => {
  try {
    return await disk.readFile(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};
