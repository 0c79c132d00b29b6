import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeJson } from '../model/layout-json.ts';
import { binary } from '../model/layout.ts';
import type { Place } from './hole-text.ts';
import { valueArbitrary } from './layout-arbitrary.ts';
import { unescapedTexts } from './unescaped-texts.ts';

const isIn = (value: string, place: Place, text: string): boolean => {
  if (place === 'equals') return value === text;
  return place === 'contains' ? value.includes(text) : value[place](text);
};

const place = fc.constantFrom<Place>('contains', 'startsWith', 'endsWith', 'equals');

test('a text is in the escaped value exactly where one of its texts is in the value', () => {
  fc.assert(
    fc.property(
      valueArbitrary,
      fc.integer({ min: 0, max: 1_023 }).map((dialect) => dialect & ~(1 | 8)),
      place,
      fc.nat(40),
      fc.nat(9),
      fc.constantFrom('', 'n', '"', 'u00', '\\'),
      (bytes, dialect, how, from, size, end) => {
        const escaped = binary(escapeJson(bytes, dialect));
        const start = how === 'startsWith' || how === 'equals' ? 0 : from % (escaped.length + 1);
        const stop = how === 'endsWith' || how === 'equals' ? undefined : start + size;
        for (const text of [escaped.slice(start, stop), escaped.slice(start, stop) + end]) {
          if (text === '' && how !== 'equals') continue;
          const texts = unescapedTexts(dialect, how, text);
          expect(texts?.some((one) => isIn(binary(bytes), how, one))).toBe(
            texts === undefined ? undefined : isIn(escaped, how, text),
          );
        }
      },
    ),
  );
});
