import { join } from 'node:path';
import {
  createAuthenticator,
  keyDigest,
  openAuthenticator,
  type Authenticator,
} from '../access/authentication.ts';
import { MeshtrailError } from '../model/errors.ts';
import { isMissing, type Disk } from '../platform/disk.ts';
import { systemRandom } from '../platform/random.ts';

const PREFIX = 'mtk_';
const MIN_LENGTH = 16;

/**
 * The administrator's key: from `MESHTRAIL_ADMIN_KEY`, else the one made at the first start, of
 * which only the SHA-256 is kept (`admin-key.sha256`, mode 0600). A new key is returned to be
 * shown once.
 */
export const openAdminKey = async (
  disk: Disk,
  directory: string,
  given: string | undefined,
  dev: boolean,
): Promise<{ authenticator: Authenticator; shown: string | undefined }> => {
  if (dev) return { authenticator: openAuthenticator, shown: undefined };
  if (given !== undefined && given !== '') {
    if (given.length < MIN_LENGTH) {
      throw new MeshtrailError(
        'admin_key_too_short',
        `MESHTRAIL_ADMIN_KEY has ${given.length} characters`,
        `use at least ${MIN_LENGTH}, for example: openssl rand -hex 24`,
      );
    }
    return { authenticator: createAuthenticator(keyDigest(given)), shown: undefined };
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
    return { authenticator: createAuthenticator(digest), shown: undefined };
  }
  const key = PREFIX + systemRandom.bytes(24).toString('base64url');
  await disk.replaceFile(file, `${keyDigest(key).toString('hex')}\n`, 0o600);
  return { authenticator: createAuthenticator(keyDigest(key)), shown: key };
};

const readIfAny = async (disk: Disk, file: string): Promise<Buffer | undefined> => {
  try {
    return await disk.readFile(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};
