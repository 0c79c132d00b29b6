import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_TIME_SEC, parsed, parseTime } from './time.ts';

/** 2025-11-20T10:00:00Z */
const NOW = 1_763_632_800;

/** `seconds.nanoseconds`, with `cut` where digits were lost; undefined where not understood. */
const read = (text: string, referenceSec = 0): string | undefined => {
  const bytes = Buffer.from(`9${text}9`);
  if (!parseTime(bytes, 1, bytes.length - 1, referenceSec)) return undefined;
  const { sec, nano, cut } = parsed;
  return `${sec}.${String(nano).padStart(9, '0')}${cut ? ' cut' : ''}`;
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
  ])('gives %s the year in which it is nearest', (text, expected) => {
    expect(read(text, NOW + 86_400)).toBe(expected);
    expect(read(text)).toBeUndefined();
  });

  it('looks across the turn of the year, both ways, and to the next leap day', () => {
    const january = Date.UTC(2026, 0, 1, 0, 5) / 1_000;
    expect(read('Dec 31 23:59:59', january)).toBe(
      `${Date.UTC(2025, 11, 31, 23, 59, 59) / 1_000}.000000000`,
    );
    expect(read('Jan  1 00:00:01', Date.UTC(2025, 11, 31, 23) / 1_000)).toBe(
      `${Date.UTC(2026, 0, 1, 0, 0, 1) / 1_000}.000000000`,
    );
    expect(read('Feb 29 00:00:00', Date.UTC(2024, 1, 28) / 1_000)).toBe('1709164800.000000000');
    expect(read('Feb 29 00:00:00', Date.UTC(2026, 1, 28) / 1_000)).toBeUndefined();
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
