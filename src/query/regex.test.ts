import { expect, test } from 'vitest';
import { labelRegex, lineRegex, plainAlternatives } from './regex.ts';

test.each<[string, readonly string[] | undefined]>([
  ['a', ['a']],
  ['a|b', ['a', 'b']],
  ['', ['']],
  ['a|', ['a', '']],
  ['a\\.b|c\\|d', ['a.b', 'c|d']],
  ['prod-\\d', undefined],
  ['a.b', undefined],
  ['(a|b)', undefined],
  ['a\\', undefined],
  ['été|日本', ['été', '日本']],
])('alternatives of %j', (regex, expected) => {
  expect(plainAlternatives(regex)).toEqual(expected);
});

test('labels are matched whole, lines anywhere, and only there newlines are no characters', () => {
  expect(labelRegex('a.b')('a\nb')).toBe(true);
  expect(labelRegex('a')('ab')).toBe(false);
  expect(labelRegex('a|ab')('ab')).toBe(true);
  expect(lineRegex('a.b')('xa\nbx')).toBe(false);
  expect(lineRegex('a.b')('xaxbx')).toBe(true);
});

test('time is linear in the value', () => {
  expect(lineRegex('(a*)*$')('a'.repeat(50_000) + 'b')).toBe(true);
  expect(labelRegex('(a|aa)+')('a'.repeat(50_000) + 'b')).toBe(false);
});
