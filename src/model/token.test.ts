import { expect, test } from 'vitest';
import { Token } from './token.ts';

const tokenOf = (bytes: Uint8Array, start = 0, end = bytes.length): string => {
  const token = new Token();
  token.begin(1).bytes(bytes, start, end).end();
  return `${token.high >>> 0} ${token.low >>> 0}`;
};

test('a token is of the bytes, wherever they stand', () => {
  const bytes = new TextEncoder().encode(
    'the same line of sixty bytes, more or less, at any offset.',
  );
  for (let end = 0; end <= bytes.length; end++) {
    const around = new Uint8Array(end + 20).fill(end);
    const expected = tokenOf(bytes, 0, end);
    for (let at = 0; at < 9; at++) {
      around.set(bytes.subarray(0, end), at);
      expect(tokenOf(around, at, at + end)).toBe(expected);
    }
  }
});

test('the parts of an item are told apart, and its kind, and that there is one', () => {
  const texts = (...parts: string[]): string => {
    const token = new Token().begin(1);
    for (const part of parts) token.text(part);
    token.end();
    return `${token.high} ${token.low}`;
  };
  const different = [
    texts('ab', 'c'),
    texts('a', 'bc'),
    texts('abc'),
    texts('abc', ''),
    texts('', 'abc'),
    texts('abc\0'),
    texts(''),
  ];
  expect(new Set(different).size).toBe(different.length);
  const kinds = Array.from({ length: 50 }, (_, kind) => {
    const token = new Token().begin(kind);
    token.end();
    expect(token.isSet).toBe(true);
    return `${token.high} ${token.low}`;
  });
  expect(new Set(kinds).size).toBe(50);
});

/**
 * Each half of the token is as good as a random number: among n items n^2 / 2^33 pairs of halves
 * agree by chance. Lines as they are: counters, times, ids of few digits, in several places.
 */
test('lines that hardly differ have tokens that have nothing to do with each other', () => {
  const encoder = new TextEncoder();
  const highs = new Set<number>();
  const lows = new Set<number>();
  const both = new Set<bigint>();
  const token = new Token();
  const n = 300_000;
  for (let i = 0; i < n; i++) {
    const [x, y, z] = [i % 100, Math.floor(i / 100) % 100, Math.floor(i / 10_000)];
    const line = encoder.encode(`at=${z}00 GET /cart/${x} user=${y} took ${x ^ y}ms id=${z * x}`);
    token.begin(1).bytes(line, 0, line.length).end();
    highs.add(token.high);
    lows.add(token.low);
    both.add((BigInt(token.high >>> 0) << 32n) | BigInt(token.low >>> 0));
  }
  expect(both.size).toBe(n);
  const expected = (n * n) / 2 ** 33;
  for (const half of [highs, lows]) {
    expect(n - half.size).toBeLessThan(expected * 2 + 20);
    expect(n - half.size).toBeGreaterThan(expected / 4 - 5);
  }
});

test('one bit more or less changes half of the bits', () => {
  const line = new TextEncoder().encode('2026-11-21T18:30:00Z INFO checkout declined card=4242');
  const token = new Token();
  token.begin(1).bytes(line, 0, line.length).end();
  const [high, low] = [token.high, token.low];
  let changed = 0;
  let least = 64;
  const bits = line.length * 8;
  for (let bit = 0; bit < bits; bit++) {
    const altered = line.slice();
    altered[bit >> 3]! ^= 1 << (bit & 7);
    token.begin(1).bytes(altered, 0, altered.length).end();
    const count = ones(token.high ^ high) + ones(token.low ^ low);
    changed += count;
    least = Math.min(least, count);
  }
  expect(changed / bits).toBeGreaterThan(31);
  expect(changed / bits).toBeLessThan(33);
  expect(least).toBeGreaterThan(12);
});

const ones = (word: number): number => {
  let count = 0;
  for (let left = word >>> 0; left !== 0; left >>>= 1) count += left & 1;
  return count;
};
