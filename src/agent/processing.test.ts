import { expect, test } from 'vitest';
import { systemClock } from '../platform/clock.ts';
import { systemRandom } from '../platform/random.ts';
import { createCondition, type ConditionOptions } from './condition.ts';
import { EventReader } from './event-reader.ts';
import { Processing, type ProcessingOptions } from './processing.ts';
import { newSource } from './source-state.ts';
import { pieceOf } from './testing.ts';
import { TokenBucket } from './token-bucket.ts';

const FIELDS = { service: 'shop', team: 'payments' };

const fits = (options: ConditionOptions, line: string): boolean => {
  const reader = new EventReader();
  reader.open(pieceOf('s', [line]), 0, FIELDS);
  return createCondition(options)(reader);
};

const ERROR = '{"level":"error","msg":"it broke","status":503,"user":"ann"}';

test.each<[ConditionOptions, string, boolean]>([
  [{ line: 'broke' }, ERROR, true],
  [{ line: 'healthy' }, ERROR, false],
  [{ line: '"status":5\\d\\d' }, ERROR, true],
  [{ severityBelow: 'info' }, 'level=debug msg=x', true],
  [{ severityBelow: 'info' }, 'no level at all', false],
  [{ severityAtLeast: 'error' }, ERROR, true],
  [{ severityAtLeast: 'error' }, 'level=warn msg=x', false],
  [{ fields: { status: '503' } }, ERROR, true],
  [{ fields: { user: 'ann', team: 'payments' } }, ERROR, true],
  [{ fields: { user: '~^a.n$' } }, ERROR, true],
  [{ fields: { user: 'bob' } }, ERROR, false],
  [{ fields: { absent: '~.*' } }, ERROR, false],
  [{ line: 'broke', severityAtLeast: 'fatal' }, ERROR, false],
  [{}, 'anything', true],
])('%j of %s: %s', (options, line, expected) => {
  expect(fits(options, line)).toBe(expected);
});

test('an expression that RE2 does not know is refused in words', () => {
  expect(() => createCondition({ line: '(?=x)' })).toThrow(/cannot be used/);
});

const NOTHING: ProcessingOptions = { rules: [], sample: undefined, rateLimit: undefined };

const chosen = (options: Partial<ProcessingOptions>, lines: string[]) => {
  const processing = new Processing({ ...NOTHING, ...options }, systemClock, systemRandom);
  const state = newSource({ id: 's', input: 'app' });
  const kept = processing.choose(state, pieceOf('s', lines), FIELDS);
  return { kept, dropped: state.dropped };
};

test('rules are asked in order; what they leave out is counted', () => {
  const rules = [{ exclude: { line: 'health' } }, { include: { line: 'GET' } }];
  expect(chosen({ rules }, ['GET /health', 'GET /cart', 'POST /cart'])).toEqual({
    kept: [1],
    dropped: { excluded: 2 },
  });
});

test('sampling keeps every error and every joined trace, and counts the others', () => {
  const lines = [
    'level=info a',
    ERROR,
    'panic: x\n\tmain.go:7',
    ...Array<string>(97).fill('plain'),
  ];
  const sample = { keep: 0, alwaysSeverity: 17, when: undefined };
  expect(chosen({ sample }, lines)).toEqual({ kept: [1, 2], dropped: { sampled: 98 } });
  const half = chosen({ sample: { ...sample, keep: 0.5 } }, Array<string>(2_000).fill('plain'));
  expect(half.kept?.length).toBeGreaterThan(800);
  expect(half.kept?.length).toBeLessThan(1_200);
});

test('a rate limit lets a burst pass, and counts what is over it', () => {
  const rateLimit = { eventsPerSecond: 0.001, burst: 3 };
  expect(chosen({ rateLimit }, ['a', 'b', 'c', 'd', 'e'])).toEqual({
    kept: [0, 1, 2],
    dropped: { rate_limited: 2 },
  });
});

test('tokens come back with time, up to the burst', () => {
  const bucket = new TokenBucket(10, 2);
  expect([0, 0, 0].map((at) => bucket.take(at))).toEqual([true, true, false]);
  expect(bucket.take(99)).toBe(false);
  expect(bucket.take(200)).toBe(true);
  expect([100_000, 100_000, 100_000].map((at) => bucket.take(at))).toEqual([true, true, false]);
});
