import fc from 'fast-check';
import { expect, test } from 'vitest';
import { timeFormOf } from './layout-time-forms.ts';
import {
  parseTimeForm,
  printTime,
  TIME_STYLES,
  timeFormText,
  zoneOffset,
  type TimeForm,
} from './layout-time.ts';
import { MAX_TIME_SEC, parsed, parseKlogTime, parseTime } from './time.ts';

const BILLION = 1_000_000_000n;
const two = (value: number): string => String(value).padStart(2, '0');

/** Fewer than a thread remembers (`LIMITS.timeZones`). */
const zone = fc.oneof(
  fc.constantFrom('', 'Z', 'z', ' UTC', 'UTC', ' GMT', ' Z', '+00:00', '-00:00', ' +0000', '+00'),
  fc
    .tuple(
      fc.constantFrom('', ' '),
      fc.constantFrom('+', '-'),
      fc.constantFrom(0, 1, 5, 14, 23),
      fc.constantFrom(':', '', undefined),
      fc.constantFrom(0, 30, 45, 59),
    )
    .map(([space, sign, hours, between, minutes]) => {
      const rest = between === undefined ? '' : `${between}${two(minutes)}`;
      return `${space}${sign}${two(hours)}${rest}`;
    }),
);

const clockForm: fc.Arbitrary<TimeForm> = fc
  .record({
    style: fc.constantFrom(...TIME_STYLES),
    digits: fc.nat(9),
    mark: fc.constantFrom('.' as const, ',' as const),
    zone,
  })
  .map((form) => ({
    ...form,
    mark: form.digits === 0 ? '.' : form.mark,
    zone: form.style === 'k' ? '' : form.zone,
    offsetSec: form.style === 'k' ? 0 : zoneOffset(form.zone),
  }));

const epochForm: fc.Arbitrary<TimeForm> = fc.record({
  style: fc.constant('epoch' as const),
  exponent: fc.constantFrom(0 as const, 3 as const, 6 as const, 9 as const),
  decimals: fc.nat(9),
});

/** Where days, months, leap years and the record's range begin and end. */
const edge = fc
  .tuple(
    fc.constantFrom(
      ...['1970-01-01', '1970-12-31', '1972-02-29', '1999-12-31', '2000-02-29', '2100-02-28'],
      ...['2100-03-01', '2024-02-29', '2025-01-01', '2025-09-09', '2025-10-10', '2262-04-11'],
    ),
    fc.constantFrom('00:00:00', '23:59:59', '12:00:00', '09:59:59'),
  )
  .map(([date, clock]) => Date.parse(`${date}T${clock}Z`) / 1_000)
  .filter((sec) => sec <= MAX_TIME_SEC);

const sec = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: MAX_TIME_SEC }), weight: 3 },
  { arbitrary: fc.integer({ min: 1_700_000_000, max: 1_800_000_000 }), weight: 3 },
  edge,
);

const nano = fc.oneof(
  fc.nat(999_999_999),
  fc.constantFrom(0, 1, 999_999_999, 500_000_000, 123_000_000, 123_456_000, 1_000, 999_999),
);

/** The nanoseconds read last, as the record holds them. */
const heldNs = (): bigint => BigInt(parsed.sec) * BILLION + BigInt(parsed.nano);

/** What is printed from the form and nanoseconds that the text gave; undefined without a form. */
const again = (
  text: string,
  parse: typeof parseKlogTime,
  reference: number,
): string | undefined => {
  const bytes = Buffer.from(`1${text}1`, 'latin1');
  if (!parse(bytes, 1, bytes.length - 1, reference) || parsed.form === 0) return undefined;
  return printTime(timeFormOf(parsed.form), heldNs());
};

const readerOf = (form: TimeForm): typeof parseKlogTime =>
  form.style === 'k' ? parseKlogTime : parseTime;

test('what is printed in a form has a form, and is printed again', () => {
  fc.assert(
    fc.property(clockForm, sec, nano, (form, sec, nano) => {
      const text = printTime(form, BigInt(sec) * BILLION + BigInt(nano));
      expect(again(text, readerOf(form), sec + 1)).toBe(text);
    }),
  );
});

test('numbers since 1970 are printed again', () => {
  const late = fc.integer({ min: 100_000_000, max: MAX_TIME_SEC });
  fc.assert(
    fc.property(epochForm, late, nano, (form, sec, nano) => {
      const ns = BigInt(sec) * BILLION + BigInt(nano);
      const text = printTime(form, ns);
      expect(again(text, parseTime, 0)).toBe(text);
      expect(timeFormText(timeFormOf(parsed.form))).toBe(timeFormText(form));
    }),
  );
});

test('nanoseconds that the form has digits for are held', () => {
  fc.assert(
    fc.property(clockForm, sec, nano, (form, sec, nano) => {
      const ns = BigInt(sec) * BILLION + BigInt(nano);
      const full: TimeForm = 'digits' in form ? { ...form, digits: 9 } : form;
      expect(again(printTime(full, ns), readerOf(full), sec + 1)).toBeDefined();
      expect(heldNs()).toBe(ns);
    }),
  );
});

test('the text of a form is read back', () => {
  fc.assert(
    fc.property(fc.oneof(clockForm, epochForm), (form) => {
      expect(parseTimeForm(timeFormText(form))).toEqual(form);
    }),
  );
});

/** Texts that are near to forms without having one. */
const odd = fc.constantFrom(
  ...['2025-11-20', '20251120T100000Z', '2016-12-31T23:59:60Z', '2025-11-20T10:00Z'],
  ...['[20/Nov/2025:11:00:00 +0100]', 'Thu, 20 Nov 2025 10:00:00 GMT', 'Nov 20 2025 10:00:00'],
  ...['Thu Nov 20 10:00:00 2025', 'Nov 02 10:00:00', 'I1120 10:00:00.000000', '1763632800.'],
  ...['2025-11-20 10:00:00.25 +0000 UTC m=+0.015', '2025-11-20T10:00:00.1234567890Z'],
  ...['17636328001234567890', '2025-11-20T10:00:00+01:00Z', '2025-11-20T10:00:00  Z'],
);

const text = fc.oneof(
  odd,
  fc
    .tuple(fc.oneof(clockForm, epochForm), sec, nano)
    .map(([form, sec, nano]) => printTime(form, BigInt(sec) * BILLION + BigInt(nano))),
);

const byte = fc.oneof(
  fc.constantFrom(...Array.from('0123456789TtZz+-:., /[]UTCGMNovJanIm=')),
  fc.nat(255).map((code) => String.fromCharCode(code)),
);

const change = fc.record({ at: fc.nat(40), cut: fc.nat(2), put: fc.array(byte, { maxLength: 2 }) });

test('whatever has a form is printed again, byte for byte', () => {
  fc.assert(
    fc.property(text, fc.array(change, { maxLength: 3 }), sec, (text, changes, reference) => {
      for (const { at, cut, put } of changes) {
        const from = at % (text.length + 1);
        text = text.slice(0, from) + put.join('') + text.slice(from + cut);
      }
      for (const parse of [parseTime, parseKlogTime]) {
        const printed = again(text, parse, reference);
        if (printed !== undefined) expect(printed).toBe(text);
      }
    }),
  );
});
