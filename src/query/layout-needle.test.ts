import { expect, test } from 'vitest';
import { must } from '../model/errors.ts';
import { parseLayout } from '../model/layout.ts';
import { placesOfNeedle } from './layout-needle.ts';

const LAYOUT = must(
  parseLayout('{"at":"<timestamp:time T.3Z>","msg":"<body:json>","status":<status:number>,"n":1}'),
  'a layout',
);

const placesIn = (needle: string): unknown => {
  const places = placesOfNeedle(LAYOUT, needle);
  if (places === true || places === undefined) return places;
  return places.map((tests) => tests.map(({ place, text }) => `${place} ${text}`).join(' and '));
};

test.each([
  ['"status":503,', ['equals 503']],
  ['"status":5', ['startsWith 5']],
  ['x","status":5', ['endsWith x and startsWith 5']],
  ['":503,"n', ['equals 503']],
  ['503', ['contains 503', 'contains 503', 'contains 503']],
  ['00Z","msg":"a', ['endsWith 00Z and startsWith a']],
  ['T10:00', ['contains T10:00', 'contains T10:00']],
  ['a "b"', []],
  ['"n":1', true],
])('%s', (needle, expected) => {
  expect(placesIn(needle)).toEqual(expected);
});

test('too many ways to lie over seams are given up', () => {
  const text = '<body> <path> <trace_id> <attributes.a> <attributes.b> <attributes.c> <user_agent>';
  const layout = must(parseLayout(text), 'a layout');
  expect(placesOfNeedle(layout, ' '.repeat(40))).toBeUndefined();
});
