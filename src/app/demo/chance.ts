/**
 * Seeded chance. Everything that the demo makes up comes from here, keyed by the seed and by what
 * it is about (a second, a pod, a slot of time): a moment looks the same whenever it is made.
 */
export interface Chance {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number;
  /** True in `share` of all cases. */
  happens(share: number): boolean;
  pick<T>(choices: readonly T[]): T;
  /** A number around `median` with a long tail upwards, as latencies have; `spread` is sigma. */
  around(median: number, spread: number): number;
  /** `digits` lower-case hexadecimal digits, never all zero. */
  hex(digits: number): string;
  /** A version 4 UUID (RFC 9562). */
  uuid(): string;
}

/** A key of numbers and texts as one 32-bit number (FNV-1a, then murmur's finisher). */
export const hashOf = (...parts: readonly (string | number)[]): number => {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    const text = String(part);
    for (let i = 0; i < text.length; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    }
    hash = Math.imul(hash ^ 0x1f, 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};

/** Chance for one key (generator: mulberry32). */
export const chanceOf = (...key: readonly (string | number)[]): Chance => {
  let state = hashOf(...key);
  const word = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  const next = (): number => word() / 4_294_967_296;
  const below = (bound: number): number => Math.floor(next() * bound);
  const hex = (digits: number): string => {
    let text = '';
    while (text.length < digits) text += word().toString(16).padStart(8, '0');
    text = text.slice(0, digits);
    return /[1-9a-f]/.test(text) ? text : `${text.slice(1)}1`;
  };
  return {
    next,
    below,
    happens: (share) => next() < share,
    pick: (choices) => choices[below(choices.length)] as (typeof choices)[number],
    around(median, spread) {
      // Box-Muller; 1 - next() is never 0.
      const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
      return median * Math.exp(spread * normal);
    },
    hex,
    uuid() {
      const digits = hex(32);
      const variant = '89ab'[below(4)] ?? '8';
      return [
        digits.slice(0, 8),
        digits.slice(8, 12),
        `4${digits.slice(13, 16)}`,
        `${variant}${digits.slice(17, 20)}`,
        digits.slice(20),
      ].join('-');
    },
  };
};
