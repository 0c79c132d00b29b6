import { copyOf } from './bytes.ts';
import { LIMITS } from './limits.ts';

/**
 * A map key or dotted field name, kept once. `id` is dense from 0 for interned keys and -1 for keys
 * that the table had no room for; two interned keys with the same bytes are the same object.
 * `batch` and `index` are the batch's own memory of where it put the key (see `NameColumn`).
 */
export interface Key {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly id: number;
  batch: number;
  index: number;
}

const SLOTS = 1 << 15;
/**
 * Longest search among names whose hashes collide, which a sender may arrange: a name that finds no
 * place in so many steps is not interned.
 */
const MOST_PROBES = 64;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** FNV-1a over a byte range, unsigned 32 bit. */
export const hashBytes = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash >>> 0;
};

export const equalBytes = (
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  length: number,
): boolean => {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
};

/**
 * Interns names from hostile input: at most `LIMITS.internedKeys` are kept, later ones get a fresh
 * `Key` each time, which is slower and never wrong.
 */
export class KeyTable {
  private readonly slots: (Key | undefined)[] = new Array<Key | undefined>(SLOTS);
  private count = 0;

  get size(): number {
    return this.count;
  }

  intern(bytes: Uint8Array, start: number, end: number): Key {
    const length = end - start;
    let slot = hashBytes(bytes, start, end) & (SLOTS - 1);
    let probes = 0;
    for (; probes < MOST_PROBES; probes++) {
      const key = this.slots[slot];
      if (key === undefined) break;
      if (key.bytes.length === length && equalBytes(key.bytes, 0, bytes, start, length)) return key;
      slot = (slot + 1) & (SLOTS - 1);
    }
    const copy = copyOf(bytes, start, end);
    const full =
      probes === MOST_PROBES ||
      this.count >= LIMITS.internedKeys ||
      length > LIMITS.internedKeyBytes;
    const key: Key = {
      bytes: copy,
      text: decoder.decode(copy),
      id: full ? -1 : this.count++,
      batch: -1,
      index: 0,
    };
    if (!full) this.slots[slot] = key;
    return key;
  }

  of(text: string): Key {
    const bytes = encoder.encode(text);
    return this.intern(bytes, 0, bytes.length);
  }
}

/** One table per thread: keys carry per-batch memory and are never shared between threads. */
export const keys = new KeyTable();
