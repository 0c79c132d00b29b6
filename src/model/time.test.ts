import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timeFormOf } from './layout-time-forms.ts';
import { timeFormText } from './layout-time.ts';
import { MAX_TIME_SEC, parsed, parseKlogTime, parseTime } from './time.ts';

/** 2025-11-20T10:00:00Z */
const NOW = 1_763_632_800;

/** `seconds.nanoseconds`, with `cut` where digits were lost; undefined where not understood. */
const read = (text: string, referenceSec = 0): string | undefined => {
  const bytes = Buffer.from(`9${text}9`);
  if (!parseTime(bytes, 1, bytes.length - 1, referenceSec)) return undefined;
  const { sec, nano, cut } = parsed;
  return `${sec}.${String(nano).padStart(9, '0')}${cut ? ' cut' : ''}`;
};

/** The form's text; '' where there is none. */
const formOf = (text: string, parse: typeof parseKlogTime = parseTime): string => {
  const bytes = Buffer.from(`9${text}9`);
  expect(parse(bytes, 1, bytes.length - 1, NOW + 86_400)).toBe(true);
  return parsed.form === 0 ? '' : timeFormText(timeFormOf(parsed.form));
};

describe('parseTime', () => {
  it.each([
    ['2025-11-20T10:00:00Z', `${NOW}.000000000`],
    ['2025-11-20T10:00:00.1Z', `${NOW}.100000000`],
    ['2025-11-20t10:00:00.123456789z', `${NOW}.123456789`],
    ['2025-11-20T10:00:00.1234567891Z', `${NOW}.123456789 cut`],
    ['2025-11-20T10:00:00.1234567890Z', `${NOW}.123456789`],
    ['2025-11-20T11:30:00.5+01:30', `${NOW}.500000000`],
    ['2025-11-20T02:00:00-0800', `${NOW}.000000000`],
    ['2025-11-20T12:00:00+02', `${NOW}.000000000`],
    ['2025-11-20 10:00:00,123', `${NOW}.123000000`],
    ['2025-11-20 10:00', `${NOW}.000000000`],
    ['2025-11-20', '1763596800.000000000'],
    ['2025/11/20 10:00:00', `${NOW}.000000000`],
    ['2025-11-20 10:00:00.25 +0000 UTC m=+0.015', `${NOW}.250000000`],
    ['2025-11-20 10:00:00 UTC', `${NOW}.000000000`],
    ['20251120T100000Z', `${NOW}.000000000`],
    ['20/Nov/2025:10:00:00 +0000', `${NOW}.000000000`],
    ['[20/Nov/2025:11:00:00 +0100]', `${NOW}.000000000`],
    ['Thu, 20 Nov 2025 10:00:00 GMT', `${NOW}.000000000`],
    ['Thu Nov 20 10:00:00 2025', `${NOW}.000000000`],
    ['Nov 20 2025 10:00:00.007', `${NOW}.007000000`],
    ['2016-12-31T23:59:60Z', '1483228800.000000000'],
    ['2024-02-29T00:00:00Z', '1709164800.000000000'],
    ['1970-01-01T00:00:00Z', '0.000000000'],
    ['2262-04-11T23:47:15.999999999Z', `${MAX_TIME_SEC}.999999999`],
  ])('reads %s', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it.each([
    ['1763632800', `${NOW}.000000000`],
    ['1763632800.1234567', `${NOW}.123456700`],
    ['1763632800.12345678912', `${NOW}.123456789 cut`],
    ['1763632800123', `${NOW}.123000000`],
    ['1763632800123.456', `${NOW}.123456000`],
    ['1763632800123456', `${NOW}.123456000`],
    ['1763632800123456789', `${NOW}.123456789`],
    // The boundaries between the units.
    ['100000000', '100000000.000000000'],
    ['9223372035', `${MAX_TIME_SEC}.000000000`],
    ['100000000000', '100000000.000000000'],
    ['100000000000000', '100000000.000000000'],
    ['100000000000000000', '100000000.000000000'],
    ['9223372035999999999', `${MAX_TIME_SEC}.999999999`],
  ])('tells the unit of %s by its size', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it.each([
    ['Nov 20 10:00:00', `${NOW}.000000000`],
    ['Nov  9 10:00:00', '1762682400.000000000'],
    ['Nov 9 10:00:00', '1762682400.000000000'],
    ['Nov 20 10:00:00.123456', `${NOW}.123456000`],
    ['I1120 10:00:00.000001', `${NOW}.000001000`],
    ['Thu Nov 20 10:00:00', `${NOW}.000000000`],
  ])('gives %s the latest year in which it is past', (text, expected) => {
    expect(read(text, NOW + 86_400)).toBe(expected);
    expect(read(text)).toBeUndefined();
  });

  const dayOf = (text: string, reference: string): string | undefined => {
    const found = read(text, Date.parse(reference) / 1_000);
    return found && new Date(parseInt(found) * 1_000).toISOString().slice(0, 19);
  };

  it.each([
    // Months late, and a sender's clock that runs ahead by a day at most.
    ['I0102 10:00:00', '2025-11-20T10:00:00Z', '2025-01-02T10:00:00'],
    ['Jan  2 10:00:00', '2025-11-20T10:00:00Z', '2025-01-02T10:00:00'],
    ['Nov 21 10:00:00', '2025-11-20T10:00:00Z', '2025-11-21T10:00:00'],
    ['Nov 21 10:00:01', '2025-11-20T10:00:00Z', '2024-11-21T10:00:01'],
    ['Nov 21 11:00:00+01:00', '2025-11-20T10:00:00Z', '2025-11-21T10:00:00'],
    ['Nov 21 11:00:01+01:00', '2025-11-20T10:00:00Z', '2024-11-21T10:00:01'],
    // The turn of the year, both ways.
    ['Dec 31 23:59:59', '2026-01-01T00:05:00Z', '2025-12-31T23:59:59'],
    ['Jan  1 00:00:01', '2025-12-31T23:00:00Z', '2026-01-01T00:00:01'],
    ['Jan  1 23:00:00', '2025-12-31T23:00:00Z', '2026-01-01T23:00:00'],
    ['Jan  1 23:00:01', '2025-12-31T23:00:00Z', '2025-01-01T23:00:01'],
    ['Jan  1 03:00:00+05:00', '2025-12-30T22:00:00Z', '2025-12-31T22:00:00'],
    ['Dec 31 20:00:00-05:00', '2026-01-01T01:00:00Z', '2026-01-01T01:00:00'],
    ['Dec 31 00:00:00', '2025-12-31T00:00:00Z', '2025-12-31T00:00:00'],
    // 29 February is this year's or last year's, or none.
    ['Feb 29 00:00:00', '2024-02-28T00:00:00Z', '2024-02-29T00:00:00'],
    ['Feb 29 00:00:00', '2025-02-01T00:00:00Z', '2024-02-29T00:00:00'],
    ['Feb 29 00:00:00', '2026-02-28T00:00:00Z', undefined],
    ['Feb 29 00:00:00', '2024-02-27T00:00:00Z', undefined],
    ['Dec 31 00:00:00', '1970-01-02T00:00:00Z', undefined],
  ])('puts %s, read at %s, to %s', (text, reference, expected) => {
    expect(dayOf(text, reference)).toBe(expected);
  });

  it.each([
    ['2025-11-20T10:00:00Z', 'time TZ'],
    ['2025-11-20T10:00:00.123Z', 'time T.3Z'],
    ['2025-11-20T10:00:00.000000000z', 'time T.9z'],
    ['2025-11-20T10:00:00+01:30', 'time T+01:30'],
    ['2025-11-20T10:00:00-0800', 'time T-0800'],
    ['2025-11-20 10:00:00,123', 'time _,3'],
    ['2025-11-20 10:00:00.5 +0000', 'time _.1 +0000'],
    ['2025-11-20 10:00:00 UTC', 'time _ UTC'],
    ['2025/11/20 10:00:00', 'time /'],
    ['20/Nov/2025:10:00:00 +0000', 'time c +0000'],
    ['Nov 20 10:00:00', 'time m'],
    ['Nov  2 10:00:00', 'time m'],
    ['Nov 2 10:00:00.5', 'time n.1'],
    ['1763632800', 'epoch 0'],
    ['1763632800.1230', 'epoch 0.4'],
    ['1763632800123', 'epoch 3'],
    ['1763632800123.50', 'epoch 3.2'],
    ['1763632800123456', 'epoch 6'],
    ['1763632800123456789', 'epoch 9'],
    ['1763632800123456789.0', 'epoch 9.1'],
  ])('tells the form of %s', (text, expected) => {
    expect(formOf(text)).toBe(expected);
  });

  it.each([
    '2025-11-20',
    '2025-11-20T10:00Z',
    '2025-11-20t10:00:00Z',
    '2025/11/20T10:00:00',
    '2025-11-20T10:00:60Z',
    '2025-11-20T10:00:00.1234567891Z',
    '2025-11-20T10:00:00.1234567890Z',
    '2025-11-20T10:00:00  Z',
    '2025-11-20T10:00:00+01:00Z',
    '2025-11-20T10:00:00+01:',
    '2025-11-20 10:00:00.25 +0000 UTC m=+0.015',
    '[2025-11-20T10:00:00Z]',
    '20251120T100000Z',
    '20/nov/2025:10:00:00 +0000',
    '[20/Nov/2025:11:00:00 +0100]',
    'Thu, 20 Nov 2025 10:00:00 GMT',
    'Thu Nov 20 10:00:00 2025',
    'Thu Nov 20 10:00:00',
    'Nov 20 10:00:00 2025',
    'Nov 20 2025 10:00:00.007',
    'NOV 20 10:00:00',
    'Nov 02 10:00:00',
    'I1120 10:00:00.000001',
    '1763632800.12345678912',
    '1763632800.1000000000',
  ])('tells that %s has none', (text) => {
    expect(formOf(text)).toBe('');
  });

  it("tells the form of klog's time after its letter", () => {
    expect(formOf('1120 10:00:00.000001', parseKlogTime)).toBe('time k.6');
    expect(formOf('1120 10:00:00', parseKlogTime)).toBe('time k');
    expect(formOf('1120 10:00:60', parseKlogTime)).toBe('');
  });

  it('does not take bytes in front of a zone for the zone read last', () => {
    expect(read('2025-11-20T11:00:00+01:00')).toBe(`${NOW}.000000000`);
    expect(read('2025-11-20T11:00:00\0+01:00')).toBeUndefined();
    expect(read('2025-11-20T11:00:00 +01:00')).toBe(`${NOW}.000000000`);
  });

  it('keeps the numbers of forms', () => {
    const number = (text: string): number => (formOf(text), parsed.form);
    const plus = number('2025-11-20T10:00:00+07:45');
    const minus = number('2025-11-20T10:00:00-07:45');
    expect(minus).not.toBe(plus);
    expect(number('2024-01-01T00:00:00+07:45')).toBe(plus);
    expect(timeFormOf(plus)).toBe(timeFormOf(plus));
  });

  it.each([
    '',
    '0',
    '5',
    '99999999',
    '9223372036',
    '1.5e9',
    '1763632800.',
    '1763632800x',
    '-1763632800',
    '99999999999999999999',
    '123456789012345678901',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '1969-12-31T23:59:59Z',
    '1970-01-01T00:00:00+01:00',
    '2262-04-11T23:47:16Z',
    '2025-13-01T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2025-00-10T00:00:00Z',
    '2025-11-00',
    '2025-11-31',
    '2025-11-20T24:00:00Z',
    '2025-11-20T10:60:00Z',
    '2025-11-20T10:00:61Z',
    '2025-11-20T10:00:00+25:00',
    '2025-11-20T10:00:00Zjunk',
    '2025-11-20Tjunk',
    '2025-11-20T10',
    '20/Foo/2025:10:00:00 +0000',
    '20/Nov/2025',
    'Foo 20 10:00:00',
    'Nov 32 10:00:00',
    'Nov  : 10:00:00',
    'Nov A 10:00:00',
    'Thu, 20 Nov',
    'yesterday',
    '[',
    '[]',
    '10:00:00',
    '20251120',
    '2025-11-2x',
  ])('does not take %s for a time', (text) => {
    expect(read(text, NOW)).toBeUndefined();
  });

  it('agrees with Date over all the years it holds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_TIME_SEC }), fc.nat(999), (sec, ms) => {
        const text = new Date(sec * 1_000 + ms).toISOString();
        expect(read(text)).toBe(`${sec}.${String(ms).padStart(3, '0')}000000`);
      }),
    );
  });

  it('survives anything', () => {
    const letter = fc.constantFrom(...Array.from('0123456789-/:., TZ+[]IWNovThu'));
    fc.assert(
      fc.property(fc.string({ unit: letter, maxLength: 40 }), (text) => {
        const found = read(text, NOW);
        if (found === undefined) return;
        expect(parsed.sec).toBeGreaterThanOrEqual(0);
        expect(parsed.sec).toBeLessThanOrEqual(MAX_TIME_SEC);
        expect(parsed.nano).toBeLessThan(1e9);
      }),
      { numRuns: 5_000 },
    );
  });
});
