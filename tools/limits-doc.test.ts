import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { limitsText, readSections, valueText } from './limits-text.ts';

test('docs/limits.md is current (npm run docs)', () => {
  const written = readFileSync(new URL('../docs/limits.md', import.meta.url), 'utf8');
  expect(written).toBe(limitsText());
});

test('reads sections, names and reasons', () => {
  const text = `export const LIMITS = {
    // --- record
    /** Longest line,
     * bytes. */
    lineBytes: 1,
    longerLineBytes: 2,
    // --- journal
    /** Wait. */
    waitMs: 3,
  } as const;`;
  expect(readSections(text)).toEqual([
    {
      title: 'Record',
      limits: [
        { name: 'lineBytes', reason: 'Longest line, bytes.' },
        { name: 'longerLineBytes', reason: 'As above.' },
      ],
    },
    { title: 'Journal', limits: [{ name: 'waitMs', reason: 'Wait.' }] },
  ]);
});

test.each([
  ['export const LIMITS = { /** Why. */ a: 1 };', 'before the first section'],
  ['export const LIMITS = {\n// --- x\na: 1 };', 'no reason'],
  ['export const OTHER = {};', 'no object LIMITS'],
])('refuses %s', (text, message) => {
  expect(() => readSections(text)).toThrow(message);
});

test.each([
  ['lineBytes', 1_048_576, '1 MiB'],
  ['lineBytes', 1_000_000, '1,000,000 bytes'],
  ['waitMs', 15_000, '15 s'],
  ['waitMs', 1_500, '1,500 ms'],
  ['rows', 65_536, '65,536'],
  ['bulkItems', 4_096, '4,096'],
])('%s %i reads %s', (name, value, expected) => {
  expect(valueText(name, value)).toBe(expected);
});
