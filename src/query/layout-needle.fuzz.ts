import fc from 'fast-check';
import { expect, test } from 'vitest';
import { binary, printHole } from '../model/layout.ts';
import { layoutArbitrary, valuesArbitrary } from './layout-arbitrary.ts';
import { passes, placesOfNeedle } from './layout-needle.ts';
import { laidOut, valuesOf } from './testing.ts';

/** Needles cut from the filled line, perhaps changed by a byte, or made of what lines hold. */
const needleOf = (line: string) =>
  fc.oneof(
    fc
      .record({ from: fc.nat(line.length), size: fc.integer({ min: 1, max: 30 }) })
      .map(({ from, size }) => line.slice(from, from + size)),
    fc
      .record({ from: fc.nat(line.length), size: fc.integer({ min: 1, max: 9 }), at: fc.nat(9) })
      .map(({ from, size, at }) => {
        const cut = line.slice(from, from + size);
        return `${cut.slice(0, at)}${'0"-3\\.'[at % 6] ?? ''}${cut.slice(at + 1)}`;
      }),
    fc.constantFrom('0', '"', '","', '-', '\\', '.', '20', 'T', ':', 'u00', '\\n', ' ', '50', '5'),
  );

test('a needle is found in the places of a layout exactly where the line contains it', () => {
  fc.assert(
    fc.property(
      fc.tuple(layoutArbitrary, valuesArbitrary).chain(([layout, values]) => {
        const line = binary(laidOut(values, layout).line as Uint8Array);
        return fc.tuple(
          fc.constant(layout),
          fc.constant(values),
          fc.constant(line),
          needleOf(line),
        );
      }),
      ([layout, values, line, needle]) => {
        fc.pre(needle !== '');
        const places = placesOfNeedle(layout, needle);
        fc.pre(places !== undefined);
        const row = valuesOf(values);
        const found =
          places === true ||
          places.some((tests) =>
            tests.every((one) => passes(binary(printHole(one.hole, row)), one)),
          );
        expect(found).toBe(line.includes(needle));
      },
    ),
  );
});
