import { createHash } from 'node:crypto';

/**
 * What a file's first bytes are: the identity of its contents through renames and copies, where
 * device and inode fail. Files shorter than `FINGERPRINT_BYTES` have a shorter one, which grows.
 */
export interface Fingerprint {
  /** Bytes that it covers. */
  readonly length: number;
  readonly digest: string;
}

export const FINGERPRINT_BYTES = 1_024;

export const fingerprintOf = (head: Uint8Array, length: number): Fingerprint => ({
  length,
  digest: createHash('sha256').update(head.subarray(0, length)).digest('hex').slice(0, 32),
});

/** Whether a file with this head is the one of the fingerprint, maybe grown since. */
export const isSame = (head: Uint8Array, size: number, print: Fingerprint): boolean =>
  size >= print.length && fingerprintOf(head, print.length).digest === print.digest;
