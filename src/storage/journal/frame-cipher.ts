import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { LIMITS } from '../../model/limits.ts';
import type { Keyring } from '../../model/storage.ts';
import { SALT_BYTES, TAG_BYTES } from './format.ts';

/**
 * Frame encryption: AES-256-GCM, the frame's clear header as associated data.
 *
 * The key is HKDF-SHA256(data key of the bucket, salt, 'meshtrail journal frame'); the salt is 16
 * random bytes, drawn when the journal is opened, and the nonce counts frames from then on. So a
 * nonce cannot come twice under one key while the process lives, and two openings share a key only
 * if their salts collide: after a million openings the odds are 2^-89.
 */
const ALGORITHM = 'aes-256-gcm';
const INFO = 'meshtrail journal frame';
const NONCE_BYTES = 12;

export class FrameKeys {
  private readonly keyring: Keyring;
  private readonly keys = new Map<string, KeyObject>();

  constructor(keyring: Keyring) {
    this.keyring = keyring;
  }

  /** The frame key of a bucket's disk under a salt, if it was derived before. */
  known(disk: number, salt: Buffer): KeyObject | undefined {
    return this.keys.get(cacheName(disk, salt));
  }

  /** Rejects as the keyring does. */
  async get(disk: number, salt: Buffer): Promise<KeyObject> {
    const name = cacheName(disk, salt);
    const known = this.keys.get(name);
    if (known !== undefined) return known;
    const dataKey = await this.keyring.dataKey(disk);
    const key = createSecretKey(Buffer.from(hkdfSync('sha256', dataKey, salt, INFO, 32)));
    if (this.keys.size >= LIMITS.journalFrameKeys) this.keys.clear();
    this.keys.set(name, key);
    return key;
  }
}

/** The ciphertext of each part, then the tag; the parts are not copied or changed. */
export function encrypt(
  key: KeyObject,
  counter: number,
  header: Uint8Array,
  ...parts: readonly Uint8Array[]
): Buffer[] {
  const cipher = createCipheriv(ALGORITHM, key, nonceOf(counter));
  cipher.setAAD(header);
  const chunks = parts.filter(({ length }) => length > 0).map((part) => cipher.update(part));
  cipher.final();
  return [...chunks, cipher.getAuthTag()];
}

/** Undefined when the header or the payload is not what was encrypted. */
export function decrypt(
  key: KeyObject,
  counter: number,
  header: Uint8Array,
  payload: Uint8Array,
): Buffer | undefined {
  const bodyEnd = payload.length - TAG_BYTES;
  if (bodyEnd < 0) return undefined;
  const decipher = createDecipheriv(ALGORITHM, key, nonceOf(counter));
  decipher.setAAD(header);
  decipher.setAuthTag(payload.subarray(bodyEnd));
  const data = decipher.update(payload.subarray(0, bodyEnd));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return data;
}

function nonceOf(counter: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(counter, NONCE_BYTES - 6, 6);
  return nonce;
}

function cacheName(disk: number, salt: Buffer): string {
  return `${disk} ${salt.toString('latin1', 0, SALT_BYTES)}`;
}
