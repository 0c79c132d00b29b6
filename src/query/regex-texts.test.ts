import { expect, test } from 'vitest';
import { regexTexts } from './regex-texts.ts';

test.each([
  ['error', { exact: true, texts: ['error'] }],
  ['error|warn', { exact: true, texts: ['error', 'warn'] }],
  ['"status":5..', { exact: false, texts: ['"status":5'] }],
  ['timeout after \\d+ms', { exact: false, texts: ['timeout after '] }],
  ['(?:a|b)c failed', { exact: false, texts: ['c failed'] }],
  ['errors?', { exact: false, texts: ['error'] }],
  ['deni(ed|al)|refus.', { exact: false, texts: ['deni', 'refus'] }],
  ['(?i)error', undefined],
  ['[a-z]+', undefined],
  ['error.|.', undefined],
])('%s', (regex, expected) => {
  expect(regexTexts(regex)).toEqual(expected);
});
