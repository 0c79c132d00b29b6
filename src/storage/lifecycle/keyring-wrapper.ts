import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync } from 'node:crypto';
import { MeshtrailError } from '../../model/errors.ts';
import { systemRandom, type Random } from '../../platform/random.ts';

/**
 * Seals small secrets under a key that it does not show. A key management service implements this
 * too. `context` is bound to the result: unwrapping with another context fails.
 */
export interface KeyWrapper {
  /** Names the wrapping key without giving it away; stored beside what it wrapped. */
  readonly id: string;
  wrap(secret: Uint8Array, context: string): Promise<Uint8Array>;
  /** Rejects when `wrapped` was altered, or was made under another key or context. */
  unwrap(wrapped: Uint8Array, context: string): Promise<Uint8Array>;
}

export const ROOT_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ALGORITHM = 'aes-256-gcm';

/**
 * Wraps with AES-256-GCM under a key derived from `rootKey` (32 bytes, HKDF-SHA256 of RFC 5869).
 * Nonces are random: with at most a few thousand wraps in the life of a root key, far below the
 * 2^32 that NIST SP 800-38D allows for them.
 */
export function localKeyWrapper(rootKey: Uint8Array, random: Random = systemRandom): KeyWrapper {
  if (rootKey.length !== ROOT_KEY_BYTES) throw badRootKey();
  const key = createSecretKey(derive(rootKey, 'meshtrail keyring wrapping key', 32));
  return {
    id: `local:${derive(rootKey, 'meshtrail keyring root key id', 8).toString('hex')}`,
    async wrap(secret, context) {
      const nonce = random.bytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, nonce);
      cipher.setAAD(Buffer.from(context));
      return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    },
    async unwrap(wrapped, context) {
      const bodyEnd = wrapped.length - TAG_BYTES;
      if (bodyEnd < NONCE_BYTES) throw new Error('wrapped key is too short');
      const decipher = createDecipheriv(ALGORITHM, key, wrapped.subarray(0, NONCE_BYTES));
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(wrapped.subarray(bodyEnd));
      const secret = decipher.update(wrapped.subarray(NONCE_BYTES, bodyEnd));
      decipher.final();
      return secret;
    },
  };
}

/** Reads a root key as an operator gives it: 64 hex digits, or base64 of 32 bytes. */
export function parseRootKey(text: string): Uint8Array {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return Buffer.from(trimmed, 'base64');
  throw badRootKey();
}

function badRootKey(): MeshtrailError {
  return new MeshtrailError(
    'keyring_bad_root_key',
    'the root key is not 32 bytes',
    'Give 64 hex digits or base64 of 32 random bytes, for example from: openssl rand -hex 32',
  );
}

function derive(rootKey: Uint8Array, info: string, sizeBytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', rootKey, '', info, sizeBytes));
}
