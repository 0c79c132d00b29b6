import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measured, NS, parseCount, parseDuration } from './duration.ts';

const count = (text: string): number => parseCount(Buffer.from(text), 0, text.length);

const duration = (text: string, unitNs = 0): string => {
  const bytes = Buffer.from(`9${text}9`);
  if (!parseDuration(bytes, 1, bytes.length - 1, unitNs)) return 'refused';
  return `${measured.value}${measured.exact ? '' : ' about'}`;
};

describe('parseCount', () => {
  it('takes integers up to 2^53 - 1 as JSON would write them', () => {
    expect(['0', '7', '200', '9007199254740991'].map(count)).toEqual([0, 7, 200, 2 ** 53 - 1]);
    for (const text of [
      '',
      '-1',
      '01',
      '1.0',
      '1e3',
      '9007199254740992',
      '10000000000000000',
      ' 1',
    ])
      expect(count(text)).toBe(-1);
  });
});

describe('parseDuration', () => {
  it.each([
    ['13', NS.ms, '13000000'],
    ['12.75', NS.ms, '12750000'],
    ['0.000001', NS.s, '1000'],
    ['0.0000000015', NS.s, '1 about'],
    ['5.003', NS.s, '5003000000'],
    ['.5', NS.s, '500000000'],
    ['9007199254740969', NS.ns, '9007199254740969'],
    ['9007199.254740969', NS.s, '9007199254740969'],
    ['9007199254740991', NS.ns, '9007199254740991'],
    ['13ms', 0, '13000000'],
    ['1.5s', 0, '1500000000'],
    ['1m30s', 0, '90000000000'],
    ['2h45m30.5s', 0, '9930500000000'],
    ['250us', 0, '250000'],
    ['250µs', 0, '250000'],
    ['250μs', 0, '250000'],
    ['17ns', 0, '17'],
    ['1.5ns', 0, '1 about'],
    ['0', NS.ms, '0'],
  ])('reads %s of %d', (text, unit, expected) => {
    expect(duration(text, unit)).toBe(expected);
  });

  it.each([
    ['0', NS.ms, -1],
    ['10', NS.ms, -1],
    ['12.75', NS.ms, -1],
    ['12.50', NS.ms, 2],
    ['12.0', NS.s, 1],
    ['0.000', NS.s, 3],
    ['0.000001', NS.ms, -1],
    ['0.0000010', NS.ms, -2],
    ['0.000000001', NS.s, -1],
    ['1.0000', NS.us, -2],
    ['1.000', NS.us, 3],
    ['17', NS.ns, -1],
    ['17.0', NS.ns, -2],
    ['017', NS.ns, -2],
    ['00.5', NS.s, -2],
    ['00', NS.s, -2],
    ['.5', NS.s, -2],
    ['5.', NS.s, -2],
    ['0.0000000015', NS.s, -2],
    ['13ms', NS.ms, -2],
    ['1m30s', NS.ms, -2],
  ])('tells how %s of %d prints again', (text, unit, expected) => {
    duration(text, unit);
    expect(measured.decimals).toBe(expected);
  });

  it.each([
    ['', 1],
    ['13', 0],
    ['-1', 1],
    ['1e3', 1],
    ['1.2.3', 1],
    ['.', 1],
    ['fast', 1],
    ['1.5 s', 1],
    ['ms', 0],
    ['1m30', 1],
    ['200d', 0],
    ['9999999999999999999', 1],
    ['1µ', 0],
    ['NaN', 1],
  ])('refuses %s', (text, unit) => {
    expect(duration(text, unit)).toBe('refused');
  });

  it('counts as decimals do, whatever the unit', () => {
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.nat(999_999),
        fc.constantFrom(NS.us, NS.ms, NS.s),
        (whole, micro, unit) => {
          const text = `${whole}.${String(micro).padStart(6, '0')}`;
          const scaled = (BigInt(whole) * 1_000_000n + BigInt(micro)) * BigInt(unit);
          const exact = scaled % 1_000_000n === 0n;
          expect(duration(text, unit)).toBe(`${scaled / 1_000_000n}${exact ? '' : ' about'}`);
        },
      ),
    );
  });
});
