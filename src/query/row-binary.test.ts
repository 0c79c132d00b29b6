import { expect, test } from 'vitest';
import { RowBinaryReader, type BinaryKind } from './row-binary.ts';

const KINDS: readonly BinaryKind[] = [
  'time',
  'name',
  'u64',
  'u8',
  'u16',
  'bytes',
  'labels',
  'map',
  'bytes map',
  'texts',
  'i64',
  'text',
];

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
const text = (value: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from(varint(bytes.length)), bytes]);
};
const int64 = (value: bigint): Buffer => {
  const buf = Buffer.alloc(8);
  buf.writeBigInt64LE(value);
  return buf;
};
const many = (...parts: Buffer[]): Buffer => Buffer.concat(parts);

const INVALID = Uint8Array.from([0x61, 0xff, 0xfe, 0x62]);
const row = (n: number): Buffer =>
  many(
    int64(1_793_700_000_123_456_789n),
    text(`name ${n % 2}`),
    int64(2n ** 40n + 7n),
    Buffer.from([200, 0x34, 0x12]),
    text(INVALID),
    many(Buffer.from([1]), text('app'), text('shop')),
    many(Buffer.from([2]), text('a'), text(''), text('b'), text('ü'.repeat(200))),
    many(Buffer.from([1]), text(INVALID), text(INVALID)),
    many(Buffer.from([2]), text('x'), text('')),
    int64(-5n),
    text('long '.repeat(100)),
  );
const expected = (n: number): unknown[] => [
  1_793_700_000_123_456_789n,
  `name ${n % 2}`,
  2 ** 40 + 7,
  200,
  0x1234,
  Buffer.from(INVALID),
  [['app', 'shop']],
  [
    ['a', ''],
    ['b', 'ü'.repeat(200)],
  ],
  [['a\xff\xfeb', Buffer.from(INVALID)]],
  ['x', ''],
  -5n,
  'long '.repeat(100),
];

const BYTES = many(row(0), row(1), row(1));

test('rows come whole wherever the chunks end', () => {
  for (let split = 0; split <= BYTES.length; split++) {
    const reader = new RowBinaryReader(KINDS);
    const rows = [...reader.push(BYTES.subarray(0, split)), ...reader.push(BYTES.subarray(split))];
    expect(rows).toEqual([expected(0), expected(1), expected(1)]);
    expect(reader.complete).toBe(true);
  }
});

test('rows come byte by byte', () => {
  const reader = new RowBinaryReader(KINDS);
  const rows: unknown[] = [];
  for (const byte of BYTES) rows.push(...reader.push(Uint8Array.of(byte)));
  expect(rows).toEqual([expected(0), expected(1), expected(1)]);
});

test('an answer that ends within a row is not complete', () => {
  const reader = new RowBinaryReader(KINDS);
  expect([...reader.push(BYTES.subarray(0, BYTES.length - 1))]).toHaveLength(2);
  expect(reader.complete).toBe(false);
});

test('equal label sets are one object, also with others between', () => {
  const reader = new RowBinaryReader(['labels']);
  const set = (value: string): Buffer => many(Buffer.from([1]), text('app'), text(value));
  const rows = [...reader.push(many(set('a'), set('b'), set('a')))];
  expect(rows[0]?.[0]).toBe(rows[2]?.[0]);
  expect(rows[1]?.[0]).toEqual([['app', 'b']]);
});
