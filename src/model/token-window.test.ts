import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenWindow } from './token-window.ts';

const WIDE = { most: 1_000, ageMs: 600_000, nowMs: 0 };
const tokensOf = (values: readonly number[]): Int32Array =>
  Int32Array.from(values.flatMap((value) => (value === 0 ? [0, 0] : [value % 3, value])));

const claim = (
  window: TokenWindow,
  values: readonly number[],
  mark: number,
  bounds = WIDE,
): number[] => {
  const holders = new Int32Array(values.length);
  const fresh = window.claim(tokensOf(values), values.length, mark, holders, bounds);
  expect(fresh).toBe(holders.filter((holder) => holder === 0).length);
  return [...holders];
};

test('a token is held by the claim that brought it, also within one claim', () => {
  const window = new TokenWindow();
  expect(claim(window, [5, 6, 0, 5, 0], 1)).toEqual([0, 0, 0, 1, 0]);
  expect(claim(window, [6, 7, 0], 2)).toEqual([1, 0, 0]);
  expect(claim(window, [5, 7], 3)).toEqual([1, 2]);
  expect(window.size).toBe(3);
});

test('what a claim takes back is new again, and only that', () => {
  const window = new TokenWindow();
  claim(window, [1, 2], 1);
  claim(window, [2, 3], 2);
  window.release(tokensOf([1, 2, 3]), 3, 2);
  expect(claim(window, [1, 2, 3], 3)).toEqual([1, 1, 0]);
  window.release(tokensOf([1, 2]), 2, 1);
  expect(claim(window, [2, 1], 4)).toEqual([0, 0]);
});

test('at least half of what may be remembered is, and no more than all of it', () => {
  const window = new TokenWindow();
  const bounds = { ...WIDE, most: 100 };
  for (let value = 1; value <= 1_000; value++) {
    expect(claim(window, [value], value, bounds)).toEqual([0]);
    expect(window.size).toBeLessThanOrEqual(100);
    for (const back of [1, 25, 49]) {
      if (value > back) expect(claim(window, [value - back], 9, bounds)).toEqual([value - back]);
    }
  }
  expect(claim(window, [1], 9, bounds)).toEqual([0]);
});

test('tokens are remembered for half of the time, and forgotten after all of it', () => {
  const window = new TokenWindow();
  const at = (nowMs: number): typeof WIDE => ({ ...WIDE, ageMs: 100, nowMs });
  claim(window, [1], 1, at(1_000));
  expect(claim(window, [1], 2, at(1_049))).toEqual([1]);
  expect(claim(window, [1, 2], 3, at(1_060))).toEqual([1, 0]);
  expect(claim(window, [2], 4, at(1_105))).toEqual([3]);
  expect(claim(window, [1], 4, at(1_105))).toEqual([0]);
  expect(window.age(at(1_106))).toBe(false);
  expect(window.age(at(1_300))).toBe(true);
  expect(claim(window, [1, 2], 5, at(1_301))).toEqual([0, 0]);
});

test('room is given back, the older half first', () => {
  const window = new TokenWindow();
  const bounds = { ...WIDE, most: 20 };
  for (let value = 1; value <= 15; value++) claim(window, [value], value, bounds);
  window.shrink();
  expect(claim(window, [15, 1], 99, bounds)).toEqual([15, 0]);
  window.shrink();
  window.shrink();
  expect(window.size).toBe(0);
});

test('a window is a map that forgets', () => {
  const values = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 40 });
  const step = fc.oneof(
    fc.record({ claim: values }),
    fc.record({ release: fc.integer({ min: 1, max: 30 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const window = new TokenWindow();
      const held = new Map<number, number>();
      const claims: number[][] = [];
      for (const one of steps) {
        if ('claim' in one) {
          claims.push(one.claim);
          const mark = claims.length;
          const expected = one.claim.map((value) => {
            const holder = value === 0 ? 0 : (held.get(value) ?? 0);
            if (value !== 0 && holder === 0) held.set(value, mark);
            return holder;
          });
          expect(claim(window, one.claim, mark)).toEqual(expected);
        } else {
          const taken = claims[one.release - 1] ?? [];
          window.release(tokensOf(taken), taken.length, one.release);
          for (const [value, mark] of held) if (mark === one.release) held.delete(value);
        }
      }
    }),
  );
});
