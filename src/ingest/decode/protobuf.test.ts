import { expect, test } from 'vitest';
import { ProtoReader, ProtoWriter, WIRE } from './protobuf.ts';

const reader = (...bytes: number[]): ProtoReader => {
  const made = new ProtoReader();
  made.open(new Uint8Array(bytes), 0, bytes.length);
  return made;
};

test.each([
  [0n, [0]],
  [127n, [127]],
  [300n, [0xac, 2]],
  [2n ** 32n - 1n, [255, 255, 255, 255, 15]],
  [2n ** 32n, [128, 128, 128, 128, 16]],
  [2n ** 63n, [128, 128, 128, 128, 128, 128, 128, 128, 128, 1]],
  [2n ** 64n - 1n, [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
])('reads the varint %s', (value, bytes) => {
  const read = reader(...bytes);
  read.varint64(bytes.length);
  expect((BigInt(read.high) << 32n) | BigInt(read.low)).toBe(value);
  expect(read.bad).toBe(false);
  const writer = new ProtoWriter();
  writer.int64(value);
  expect([...writer.take()]).toEqual(bytes);
});

test('a varint of more than ten bytes or beyond 2^53 is malformed', () => {
  const long = reader(...new Array<number>(11).fill(128));
  long.varint64(11);
  expect(long.bad).toBe(true);
  const huge = reader(255, 255, 255, 255, 255, 255, 255, 255, 255, 1);
  huge.uint(10);
  expect(huge.bad).toBe(true);
});

test('lengths that leave the message end everything', () => {
  for (const bytes of [[5, 1], [255, 255, 255, 255, 15], [128], []]) {
    const read = reader(...bytes);
    read.span(bytes.length);
    expect([read.bad, read.pos]).toEqual([true, bytes.length]);
  }
});

test('steps over fields of every type, and refuses groups and field 0', () => {
  const fields = reader(
    0x08,
    150,
    1,
    0x11,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    0x1a,
    2,
    9,
    9,
    0x25,
    1,
    2,
    3,
    4,
  );
  let seen = 0;
  while (fields.pos < 21) {
    fields.skip(fields.tag(21), 21);
    seen++;
  }
  expect([seen, fields.bad]).toEqual([4, false]);
  for (const tag of [0x0b, 0x0c, 0x00, 0x07]) {
    const read = reader(tag, 0, 0, 0);
    read.skip(read.tag(4), 4);
    expect(read.bad).toBe(true);
  }
});

test('a tag of several bytes is read whole', () => {
  const read = reader(0xfa, 0x7f, 1, 5);
  const tag = read.tag(4);
  expect([tag >> 3, tag & 7]).toEqual([2_047, WIRE.bytes]);
});

test('nested messages are written with lengths that fit', () => {
  const writer = new ProtoWriter();
  const outer = writer.begin(1);
  writer.text(2, '\u00e9'.repeat(100));
  writer.end(outer);
  const bytes = writer.take();
  const read = reader(...bytes);
  expect(read.tag(bytes.length)).toBe(0x0a);
  const end = read.span(bytes.length);
  expect([end, read.tag(end)]).toEqual([bytes.length, 0x12]);
  expect(read.span(end) - read.pos).toBe(200);
});
