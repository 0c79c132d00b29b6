import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bytes } from './bytes.ts';
import { COLUMNS } from './columns.ts';
import { createFill } from './layout-fill.ts';
import { DASH_FORM, NUMBER_FORM, TEXT_FORM, UNIT_DIGITS, type Form } from './layout-form.ts';
import { escapeJson } from './layout-json.ts';
import { printTime, TIME_STYLES, zoneOffset, type TimeForm } from './layout-time.ts';
import {
  binary,
  bytesOf,
  fillLine,
  makeLayout,
  parseLayout,
  type Hole,
  type Layout,
  type RowValues,
} from './layout.ts';
import { MAX_TIME_SEC } from './time.ts';

const byte = fc.oneof(
  fc.constantFrom(...Array.from('<>\\:."{} =-')),
  fc.nat(255).map((code) => String.fromCharCode(code)),
);
const binaryText = fc.string({ unit: byte, maxLength: 12 });

const timeForm: fc.Arbitrary<TimeForm> = fc.oneof(
  fc.constant({ style: 'nano' as const }),
  fc.record({
    style: fc.constant('epoch' as const),
    exponent: fc.constantFrom(0 as const, 3 as const, 6 as const, 9 as const),
    decimals: fc.nat(9),
  }),
  fc
    .record({
      style: fc.constantFrom(...TIME_STYLES),
      digits: fc.nat(9),
      mark: fc.constantFrom('.' as const, ',' as const),
      zone: fc.constantFrom('', 'Z', 'z', ' UTC', '+01:00', ' -0730', '+14', '-23:59', ' +0000'),
    })
    .map((form) => ({
      ...form,
      mark: form.digits === 0 ? '.' : form.mark,
      offsetSec: zoneOffset(form.zone),
    })),
);

const form = {
  text: fc.oneof<fc.Arbitrary<Form>[]>(
    fc.constant(TEXT_FORM),
    fc.constant(DASH_FORM),
    fc.nat(1_023).map((dialect) => ({ kind: 'json', dialect })),
  ),
  count: fc.constant<Form>(NUMBER_FORM),
  scaled: fc
    .tuple(fc.constantFrom('s' as const, 'ms' as const, 'us' as const), fc.nat(10))
    .map(([unit, decimals]): Form => ({ kind: 'scaled', unit, decimals: decimals - 1 })),
  time: timeForm.map((time): Form => ({ kind: 'time', time })),
};

const holesOf = (column: number): fc.Arbitrary<Hole> => {
  const of = (key: fc.Arbitrary<string>, form: fc.Arbitrary<Form>): fc.Arbitrary<Hole> =>
    fc.record({ column: fc.constant(column), key, form });
  const none = fc.constant('');
  switch (COLUMNS[column]?.kind) {
    case 'map':
      return of(binaryText, form.text);
    case 'time':
      return of(none, form.time);
    case 'u8':
    case 'u16':
      return of(none, form.count);
    case 'u64':
      return of(none, fc.oneof(form.count, form.scaled));
    default:
      return of(none, form.text);
  }
};

const hole = fc.oneof(...COLUMNS.map((_, column) => holesOf(column)));

const anyLayout: fc.Arbitrary<Layout> = fc
  .uniqueArray(hole, { maxLength: 8, selector: ({ column, key }) => `${column}.${key}` })
  .chain((holes) =>
    fc
      .array(binaryText, { minLength: holes.length + 1, maxLength: holes.length + 1 })
      .map((literals) => makeLayout(literals, holes)),
  );

const value = fc.oneof(
  fc.constant(''),
  binaryText,
  fc.string({ unit: 'binary', maxLength: 60 }).map((text) => Buffer.from(text).toString('latin1')),
  fc.constantFrom('"', '\n', '/', '\x7f', '\xe2\x80\xa8', '\xc3\xa9', '\xf0\x9f\x98\x80', '\xff'),
);

const count = fc.oneof(
  fc.nat(9),
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(10, 999_999_999, 1e9, 1e9 - 1, 1e15, 12_500_000, 2 ** 53 - 1, 1_500_000_000),
);

const timeNs = fc.oneof(
  fc.bigInt(0n, BigInt(MAX_TIME_SEC) * 1_000_000_000n + 999_999_999n),
  // Seconds, days and years that come together, and their borders.
  fc
    .tuple(
      fc.constantFrom(0, 86_400, 1_763_596_800, 1_767_225_600, 951_782_400, MAX_TIME_SEC - 1),
      fc.constantFrom(-1, 0, 1, 3_599, 43_200),
      fc.constantFrom(0, 1, 999_999_999, 120_000_000, 1_000),
    )
    .filter(([sec, more]) => sec + more >= 0 && sec + more <= MAX_TIME_SEC)
    .map(([sec, more, nano]) => BigInt(sec + more) * 1_000_000_000n + BigInt(nano)),
);

/** Rows that have some value in every column and under every key. */
const anyRow: fc.Arbitrary<RowValues> = fc
  .record({
    texts: fc.array(value, { minLength: 1, maxLength: 6 }),
    counts: fc.array(count, { minLength: 1, maxLength: 4 }),
    times: fc.array(timeNs, { minLength: 1, maxLength: 2 }),
  })
  .map(({ texts, counts, times }) => {
    const at = <T>(values: readonly T[], i: number): T => values[i % values.length] as T;
    return {
      text: (column) => bytesOf(at(texts, column)),
      number: (column) => at(counts, column),
      time: (column) => at(times, column),
      pair: (column, key) => bytesOf(at(texts, column + key.length)),
    };
  });

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

test('rows filled one after the other by a prepared layout are the same', () => {
  fc.assert(
    fc.property(anyLayout, fc.array(anyRow, { maxLength: 5 }), (layout, rows) => {
      const fill = createFill(layout);
      const out = new Bytes(1);
      for (const row of rows) fill(row, out);
      const lines = rows.map((row) => binary(fillLine(layout, row)));
      expect(binary(out.take())).toBe(lines.join(''));
    }),
  );
});
