import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COLUMNS } from './columns.ts';
import { anyLayout, anyRow } from './layout-arbitrary.ts';
import { UNIT_DIGITS } from './layout-form.ts';
import { escapeJson } from './layout-json.ts';
import { printTime } from './layout-time.ts';
import { binary, fillLine, makeLayout, parseLayout, type Hole, type RowValues } from './layout.ts';

test('the text of a layout gives its parts', () => {
  fc.assert(
    fc.property(anyLayout, (layout) => {
      expect(parseLayout(layout.text)).toEqual(layout);
    }),
  );
});

const piece = fc.constantFrom(
  ...['<', '>', ':', '.', '\\', '<body>', '<status:number>', '<timestamp:time T.9Z>', '<a', 'json'],
  ...['<attributes.', '<duration_ns:ms.3>', '<attributes.x:json.ah>', 'time _,3 +0100', 'epoch 3'],
);

test('no text makes reading a layout throw, and one that is read is written again', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 12 })
      .map((p) => p.join('')),
    fc
      .tuple(anyLayout, fc.nat(200), fc.string({ maxLength: 2 }))
      .map(([{ text }, at, put]) => text.slice(0, at) + put + text.slice(at + 1)),
  );
  fc.assert(
    fc.property(text, (text) => {
      const layout = parseLayout(text);
      if (layout === undefined) return;
      const { literals, holes } = layout;
      expect(parseLayout(makeLayout(literals, holes).text)).toMatchObject({ literals, holes });
    }),
  );
});

/** What a hole prints, said again: slow, with big integers. */
const printed = ({ column, key, form }: Hole, row: RowValues): string => {
  if (form.kind === 'time') return printTime(form.time, row.time(column));
  if (form.kind === 'number') return String(row.number(column));
  if (form.kind === 'scaled') {
    const ns = BigInt(row.number(column));
    const unit = 10n ** BigInt(UNIT_DIGITS[form.unit]);
    const digits = String(ns % unit).padStart(UNIT_DIGITS[form.unit], '0');
    const least = digits.replace(/0+$/, '');
    const decimals =
      form.decimals < 0 ? least : `${digits}000000000`.slice(0, Math.max(0, form.decimals));
    return decimals === '' ? String(ns / unit) : `${ns / unit}.${decimals}`;
  }
  const value = COLUMNS[column]?.kind === 'map' ? row.pair(column, key) : row.text(column);
  if (form.kind === 'dash') return value.length === 0 ? '-' : binary(value);
  return binary(form.kind === 'json' ? escapeJson(value, form.dialect) : value);
};

test('a filled line is its literals and printed values', () => {
  fc.assert(
    fc.property(anyLayout, anyRow, (layout, row) => {
      const { literals, holes } = layout;
      const parts = literals.map((literal, i) => {
        const hole = holes[i];
        return hole === undefined ? literal : literal + printed(hole, row);
      });
      const read = parseLayout(layout.text);
      expect(read && binary(fillLine(read, row))).toBe(parts.join(''));
    }),
  );
});
