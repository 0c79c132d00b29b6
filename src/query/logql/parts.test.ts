import { expect, test } from 'vitest';

import { formatBytes, parseBytes } from './bytes.ts';
import {
  formatGoDuration,
  formatPrometheusDuration,
  parseDuration,
  parseGoDuration,
  parsePrometheusDuration,
} from './duration.ts';
import { parseIpAddress, parseIpPattern } from './ip.ts';
import { parseJsonPath, parseLogfmtKey } from './json-path.ts';
import { formatFixed, formatNumber, parseFloatText } from './number.ts';
import { parsePattern } from './pattern.ts';
import { quote, unquote } from './quote.ts';
import { regexWeight } from './regex.ts';

const S = 1_000_000_000n;

test.each([
  ['5m', 300n * S],
  ['1d12h', 129_600n * S],
  ['1y2w3d4h5m6s7ms', 33_019_506_007_000_000n],
  ['0', 0n],
  ['0s', 0n],
  ['1.5h', 5400n * S],
  ['-5m', -300n * S],
  ['1h0.0m0s', 3600n * S],
  ['100ns', 100n],
  ['1.5us', 1500n],
  ['1.5µs', 1500n],
  ['.5s', 500_000_000n],
  ['0.3333333333333333333h', 1_199_999_999_999n],
  ['9223372036854775807ns', 9_223_372_036_854_775_807n],
  ['-9223372036854775808ns', -9_223_372_036_854_775_808n],
  ['9223372036854775808ns', null],
  ['5', null],
  ['1.5d', null],
  ['m', null],
  ['.s', null],
  ['', null],
  ['-', null],
  ['5m ', null],
  ['1h1', null],
  ['99999999999999999999y', null],
] as const)('the duration %j is %s ns', (text, ns) => {
  expect(parseDuration(text)).toBe(ns);
});

test.each([
  ['', 'empty duration string'],
  ['5', 'not a valid duration string: "5"'],
  ['1m1h', 'not a valid duration string: "1m1h"'],
  ['1m1m', 'not a valid duration string: "1m1m"'],
  ['-5m', 'not a valid duration string: "-5m"'],
  ['5x', 'unknown unit "x" in duration "5x"'],
  ['1.5h', 'unknown unit "." in duration "1.5h"'],
  ['300y', 'duration out of range'],
] as const)("Prometheus' form refuses %j", (text, wrong) => {
  expect(parsePrometheusDuration(text)).toBe(wrong);
});

test.each([
  [0n, '0s', '0s'],
  [1n, '1ns', '0s'],
  [1_500n, '1.5µs', '0s'],
  [250_000_000n, '250ms', '250ms'],
  [1_500_000_000n, '1.5s', '1s500ms'],
  [90n * 60n * S, '1h30m0s', '1h30m'],
  [86_400n * S, '24h0m0s', '1d'],
  [90n * 86_400n * S, '2160h0m0s', '90d'],
  [14n * 86_400n * S, '336h0m0s', '2w'],
  [365n * 86_400n * S, '8760h0m0s', '1y'],
] as const)('%s ns is written %s and %s', (ns, go, prometheus) => {
  expect(formatGoDuration(ns)).toBe(go);
  expect(parseGoDuration(go)).toBe(ns);
  expect(formatPrometheusDuration(ns)).toBe(prometheus);
});

test.each([
  ['5B', 5n],
  ['5', 5n],
  ['1kB', 1000n],
  ['1KB', 1000n],
  ['1k', 1000n],
  ['1KiB', 1024n],
  ['1.5MB', 1_500_000n],
  ['2.5 KiB', 2560n],
  ['1,234B', 1234n],
  ['3GiB', 3_221_225_472n],
  ['1TB', 1_000_000_000_000n],
  ['1PiB', 1_125_899_906_842_624n],
  ['0.1B', 0n],
  ['', null],
  ['kB', null],
  ['1XB', null],
  ['1.2.3B', null],
  ['-1B', null],
  ['17EiB', null],
] as const)('the size %j is %s bytes', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each([
  [0n, '0B'],
  [999n, '999B'],
  [1000n, '1.0kB'],
  [1500n, '1.5kB'],
  [1536n, '1536B'],
  [2048n, '2KiB'],
  [250_000n, '250kB'],
  [209_715_200n, '200MiB'],
  [1_234_567n, '1234567B'],
] as const)('%s bytes are written %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
  expect(parseBytes(text)).toBe(bytes);
});

test.each([
  ['10.0.0.1', 32, 0x0a000001n, 0x0a000001n],
  ['10.1.2.3/8', 32, 0x0a000000n, 0x0affffffn],
  ['0.0.0.0/0', 32, 0n, 0xffffffffn],
  ['1.1.1.1-1.1.1.9', 32, 0x01010101n, 0x01010109n],
  ['::1', 128, 1n, 1n],
  ['fe80::/10', 128, 0xfe80n << 112n, (0xfec0n << 112n) - 1n],
  [
    '1:2:3:4:5:6:7:8',
    128,
    0x00010002000300040005000600070008n,
    0x00010002000300040005000600070008n,
  ],
  ['::ffff:1.2.3.4', 128, 0xffff01020304n, 0xffff01020304n],
  ['::-::ff', 128, 0n, 255n],
] as const)('the addresses of %s', (pattern, bits, from, to) => {
  expect(parseIpPattern(pattern)).toEqual({ bits, from, to });
});

test.each([
  '',
  'x',
  '1.2.3',
  '1.2.3.256',
  '01.2.3.4',
  '1.2.3.4/33',
  '1.2.3.4/08',
  '1.2.3.9-1.2.3.1',
  '1.2.3.4-::1',
  '1.2.3.4 - 1.2.3.5',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '::12345',
  '1.2.3.4::',
])('%j means no addresses', (pattern) => {
  expect(parseIpPattern(pattern)).toBeNull();
});

test('an address is its number', () => {
  expect(parseIpAddress('0.0.1.0')).toEqual({ bits: 32, value: 256n });
});

test.each([
  ['a', ['a']],
  ['a.b_1', ['a', 'b_1']],
  ['a[0].b', ['a', 0, 'b']],
  ['["a b"][10]', ['a b', 10]],
  [' a . b [ 0 ] ', ['a', 'b', 0]],
  ['[""]', ['']],
] as const)('the path %j', (expression, steps) => {
  expect(parseJsonPath(expression)).toEqual({ steps });
});

test('the key of logfmt may be quoted', () => {
  expect(parseLogfmtKey('a_b')).toEqual({ key: 'a_b' });
  expect(parseLogfmtKey(' "a.b c" ')).toEqual({ key: 'a.b c' });
});

test('a pattern is captures between literals', () => {
  expect(parsePattern('<ip> - <_> <1> <>')).toEqual([
    { type: 'capture', name: 'ip' },
    { type: 'literal', text: ' - ' },
    { type: 'capture', name: null },
    { type: 'literal', text: ' <1> <>' },
  ]);
  expect(parsePattern('')).toEqual([]);
});

test.each([
  [1, '1', '1'],
  [-0, '-0', '-0'],
  [0.1, '0.1', '0.1'],
  [1e-5, '1e-05', '0.00001'],
  [1.5e-7, '1.5e-07', '0.00000015'],
  [123456789012345680000, '123456789012345680000', '123456789012345680000'],
  [1.25e21, '1.25e+21', '1250000000000000000000'],
  [-1e100, '-1e+100', `-1${'0'.repeat(100)}`],
  [Infinity, '+Inf', 'Infinity'],
] as const)('%s is written %s and %s', (value, shortest, fixed) => {
  expect(formatNumber(value)).toBe(shortest);
  expect(formatFixed(value)).toBe(fixed);
});

test.each([
  ['1', 1],
  ['1.', 1],
  ['.5', 0.5],
  ['1e3', 1000],
  ['017', 17],
  ['1_000', 1000],
  ['0x1p4', 16],
  ['0x1.8p-1', 0.75],
  ['0x10', 'strconv.ParseFloat: parsing "0x10": invalid syntax'],
  ['1__0', 'strconv.ParseFloat: parsing "1__0": invalid syntax'],
  ['1e400', 'strconv.ParseFloat: parsing "1e400": value out of range'],
] as const)('the number %j', (text, value) => {
  expect(parseFloatText(text)).toBe(value);
});

test('strings are quoted as Go quotes them, and read back', () => {
  const text = 'é"\\\n\t\x01\x7f\u00a0\u200b😀\u{e0001}';
  const quoted = String.raw`"é\"\\\n\t\x01\x7f\u00a0\u200b😀\U000e0001"`;
  expect(quote(text)).toBe(quoted);
  expect(unquote(quoted, 0)).toEqual({ value: text, end: quoted.length });
  expect(unquote(String.raw`"\xc3\xa9\303\251\ud800"`, 0)).toMatchObject({ value: 'éé\ufffd' });
  expect(unquote(String.raw`"\xc3x"`, 0)).toEqual({ wrong: 'invalid UTF-8 rune' });
});

test.each([
  ['', 0],
  ['abc', 3],
  ['[^]a-z]{10}', 10],
  ['a{2,5}b', 6],
  ['(ab){10}', 40],
  ['((a{10}b){10}){10}', 1320],
  [String.raw`\d{3}\pL\p{Greek}\x{41}\{`, 7],
  ['x{', 2],
  ['))((', 4],
] as const)('the weight of %j', (regex, weight) => {
  expect(regexWeight(regex)).toBe(weight);
});
