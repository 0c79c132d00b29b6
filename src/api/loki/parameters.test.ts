import { describe, expect, test } from 'vitest';
import {
  boundsOf,
  checkRange,
  directionOf,
  intervalOf,
  limitOf,
  matchersOf,
  parseTime,
  selectorOf,
  stepOf,
} from './parameters.ts';

const S = 1_000_000_000n;
const NOW = 1_793_700_000n * S;
const query = (parameters: Record<string, string>): URLSearchParams =>
  new URLSearchParams(parameters);

test.each<[string, bigint | undefined]>([
  ['1793700000', 1_793_700_000n * S],
  ['1793700000123456789', 1_793_700_000_123_456_789n],
  ['1793700000.5', 1_793_700_000_500_000_000n],
  ['1793700000.0004', 1_793_700_000n * S],
  ['4000000000', 4_000_000_000n * S],
  ['0', 0n],
  ['2026-11-03T10:00:00Z', 1_793_700_000n * S],
  ['2026-11-03T10:00:00.123456789Z', 1_793_700_000_123_456_789n],
  ['2026-11-03T12:00:00+02:00', 1_793_700_000n * S],
  ['yesterday', undefined],
  ['2026-11-03', undefined],
  ['99999999999999999999', undefined],
])('the time %s', (text, expected) => {
  expect(parseTime(text)).toBe(expected);
});

describe('bounds', () => {
  test.each<[Record<string, string>, bigint, bigint]>([
    [{}, NOW - 3_600n * S, NOW],
    [{ since: '5m' }, NOW - 300n * S, NOW],
    [{ end: '1793600000' }, 1_793_600_000n * S - 3_600n * S, 1_793_600_000n * S],
    [{ end: '1793800000', since: '1m' }, NOW - 60n * S, 1_793_800_000n * S],
    [{ start: '1', end: '2' }, S, 2n * S],
  ])('%j', (parameters, startNs, endNs) => {
    expect(boundsOf(query(parameters), NOW)).toEqual({ startNs, endNs });
  });

  test.each([
    [{ start: 'x' }, "could not parse 'start' parameter"],
    [{ end: 'x' }, "could not parse 'end' parameter"],
    [{ since: 'x' }, "could not parse 'since' parameter"],
  ])('%j is refused', (parameters, words) => {
    expect(() => boundsOf(query(parameters as unknown as Record<string, string>), NOW)).toThrow(
      words,
    );
  });
});

describe('steps', () => {
  const hour = { startNs: 0n, endNs: 3_600n * S };
  test.each<[string, bigint]>([
    ['', 14n * S],
    ['15', 15n * S],
    ['0.5', S / 2n],
    ['1m', 60n * S],
    ['250ms', S / 4n],
  ])('%j', (step, expected) => {
    expect(stepOf(query({ step }), hour)).toBe(expected);
  });

  test.each([
    ['0', 'zero or negative query resolution step widths are not accepted'],
    ['-1', 'zero or negative query resolution step widths are not accepted'],
    ['x', 'cannot parse "x" to a valid duration'],
    ['1e300', 'It overflows int64'],
  ])('%j is refused', (step, words) => {
    expect(() => stepOf(query({ step }), hour)).toThrow(words);
  });

  test('a range has at most 11,000 points', () => {
    expect(() => checkRange({ startNs: 0n, endNs: 11_001n * S }, S)).toThrow('11,000 points');
    expect(() => checkRange({ startNs: 0n, endNs: 11_000n * S }, S)).not.toThrow();
    expect(() => checkRange({ startNs: 2n, endNs: 1n }, S)).toThrow('end timestamp must not be');
  });
});

test('limits, directions, intervals', () => {
  expect(limitOf(query({}))).toBe(100);
  expect(limitOf(query({ limit: '7' }))).toBe(7);
  expect(() => limitOf(query({ limit: '0' }))).toThrow('limit must be a positive value');
  expect(() => limitOf(query({ limit: 'x' }))).toThrow('strconv.Atoi: parsing "x": invalid syntax');
  expect(directionOf(query({}))).toBe('backward');
  expect(directionOf(query({ direction: 'FORWARD' }))).toBe('forward');
  expect(() => directionOf(query({ direction: 'up' }))).toThrow("invalid direction 'up'");
  expect(intervalOf(query({ interval: '5s' }))).toBe(5n * S);
  expect(() => intervalOf(query({ interval: '-5' }))).toThrow('interval must be >= 0');
});

test('selectors', () => {
  expect(selectorOf('{}')).toEqual([]);
  expect(selectorOf('{a="b"}')).toHaveLength(1);
  expect(() => selectorOf('{a="b"} |= "x"')).toThrow('only label matchers are supported');
  expect(() => selectorOf('{a=')).toThrow('parse error at line 1');
  expect(matchersOf(query({ query: '{a="b"} | json' }))).toHaveLength(1);
  expect(matchersOf(query({}))).toEqual([]);
});
