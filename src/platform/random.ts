import { randomBytes, randomInt, randomUUID } from 'node:crypto';

/** The only door to chance; a simulation passes a seeded one. */
export interface Random {
  /** `sizeBytes` unpredictable bytes, fit for keys and nonces. */
  bytes(sizeBytes: number): Buffer;
  /** `sizeBytes` unpredictable bytes as lower-case hex (twice as many characters). */
  hex(sizeBytes: number): string;
  /** A version 4 UUID (RFC 9562). */
  uuid(): string;
  /** A whole number from 0 to `bound` - 1; `bound` at most 2^48 - 1. */
  below(bound: number): number;
}

/** The operating system's generator. */
export const systemRandom: Random = {
  bytes: (sizeBytes) => randomBytes(sizeBytes),
  hex: (sizeBytes) => randomBytes(sizeBytes).toString('hex'),
  uuid: () => randomUUID(),
  below: (bound) => randomInt(bound),
};
