import fc from 'fast-check';
import { expect, test } from 'vitest';
import { measured, NS, parseCount, parseDuration } from './duration.ts';
import { printScaled, UNIT_DIGITS } from './layout-form.ts';

const unit = fc.constantFrom('s' as const, 'ms' as const, 'us' as const);
const count = fc.oneof(
  fc.nat(100),
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(2 ** 53 - 1, 10 ** 9, 10 ** 6, 10 ** 15, 999_999_999),
);

const read = (text: string, unitNs: number): boolean => {
  const bytes = Buffer.from(`1${text}1`, 'latin1');
  return parseDuration(bytes, 1, bytes.length - 1, unitNs);
};

test('what is printed in a unit is read and printed again', () => {
  fc.assert(
    fc.property(count, unit, fc.integer({ min: -1, max: 9 }), (ns, unit, decimals) => {
      fc.pre(decimals !== 0 && decimals <= UNIT_DIGITS[unit]);
      const text = printScaled(ns, unit, decimals);
      expect(read(text, NS[unit])).toBe(true);
      expect(measured.exact).toBe(true);
      expect(measured.decimals).toBeGreaterThanOrEqual(-1);
      expect(printScaled(measured.value, unit, measured.decimals)).toBe(text);
      if (decimals > 0) expect(printScaled(measured.value, unit, measured.places)).toBe(text);
    }),
  );
});

/** Numbers as people and programs write them, and what only looks like one. */
const numeric = fc.oneof(
  fc.string({ unit: fc.constantFrom(...Array.from('0123456789.')), maxLength: 20 }),
  fc.string({ unit: fc.constantFrom(...Array.from('05.')), maxLength: 8 }),
  fc.string({ unit: fc.constantFrom(...Array.from('0123456789.smhundµ-+eE ')), maxLength: 8 }),
  fc.double({ min: 0, max: 1e6, noNaN: true }).map(String),
  count.map(String),
);

test('whatever is said to print again does, byte for byte', () => {
  fc.assert(
    fc.property(numeric, fc.constantFrom('s', 'ms', 'us', 'ns'), (text, unit) => {
      if (!read(text, NS[unit]) || measured.decimals === -2) return;
      const { value, decimals, places } = measured;
      if (unit === 'ns') {
        expect(String(value)).toBe(text);
        return;
      }
      expect(printScaled(value, unit, decimals)).toBe(text);
      if (places > 0) expect(printScaled(value, unit, places)).toBe(text);
    }),
  );
});

test('counts are printed again', () => {
  fc.assert(
    fc.property(numeric, (text) => {
      const bytes = Buffer.from(`1${text}1`, 'latin1');
      const value = parseCount(bytes, 1, bytes.length - 1);
      if (value >= 0) expect(String(value)).toBe(text);
    }),
  );
  fc.assert(
    fc.property(count, (value) => {
      const bytes = Buffer.from(String(value));
      expect(parseCount(bytes, 0, bytes.length)).toBe(value);
    }),
  );
});
