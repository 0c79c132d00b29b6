import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../model/limits.ts';
import { readBinary, readCompact, TYPE, type ThriftReader } from './thrift.ts';

/** Bytes as apache/thrift's specifications of both protocols write them. */
const bytes = (...parts: (number | string)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => Buffer.from(typeof part === 'string' ? part : [part])));

type Open = (buf: Uint8Array) => ThriftReader;

describe('numbers', () => {
  test.each([
    ['binary, greatest', readBinary, [0x7f, ...Array<number>(7).fill(0xff)], 2n ** 63n - 1n],
    ['binary, least', readBinary, [0x80, 0, 0, 0, 0, 0, 0, 0], -(2n ** 63n)],
    ['binary, -1', readBinary, Array<number>(8).fill(0xff), -1n],
    ['compact, 0', readCompact, [0], 0n],
    ['compact, -1', readCompact, [1], -1n],
    ['compact, 1', readCompact, [2], 1n],
    ['compact, 28 bits', readCompact, [0xfe, 0xff, 0xff, 0x7f], 2n ** 27n - 1n],
    ['compact, greatest', readCompact, [0xfe, ...Array<number>(8).fill(0xff), 1], 2n ** 63n - 1n],
    ['compact, least', readCompact, [...Array<number>(9).fill(0xff), 1], -(2n ** 63n)],
  ] as [string, Open, number[], bigint][])('i64 %s', (_name, open, input, expected) => {
    const reader = open(bytes(...input));
    expect([reader.i64(), reader.bad, reader.pos]).toEqual([expected, false, input.length]);
  });

  test.each([
    ['binary byte', readBinary, TYPE.byte, [0xfe], -2],
    ['binary i16', readBinary, TYPE.i16, [0xff, 0xfe], -2],
    ['binary i32', readBinary, TYPE.i32, [0x80, 0, 0, 0], -2_147_483_648],
    ['compact byte', readCompact, TYPE.byte, [0xfe], -2],
    ['compact i16', readCompact, TYPE.i16, [3], -2],
    ['compact i32', readCompact, TYPE.i32, [0xff, 0xff, 0xff, 0xff, 0x0f], -2_147_483_648],
  ] as [string, Open, number, number[], number][])('%s', (_name, open, type, input, expected) => {
    const reader = open(bytes(...input));
    expect([reader.int(type), reader.bad]).toEqual([expected, false]);
  });

  test('doubles: big-endian in one, little-endian in the other', () => {
    expect(readBinary(bytes(0x3f, 0xd0, 0, 0, 0, 0, 0, 0)).double()).toBe(0.25);
    expect(readCompact(bytes(0, 0, 0, 0, 0, 0, 0xd0, 0x3f)).double()).toBe(0.25);
  });

  test.each([
    ['a compact i16 beyond its bits', readCompact(bytes(0xff, 0xff, 0x7f)), TYPE.i16],
    ['a compact i32 beyond its bits', readCompact(bytes(0xff, 0xff, 0xff, 0xff, 0x7f)), TYPE.i32],
    ['a number that is cut', readBinary(bytes(0, 0)), TYPE.i32],
    ['a varint without an end', readCompact(new Uint8Array(20).fill(0xff)), TYPE.i64],
  ])('%s is bad', (_name, reader, type) => {
    reader.skip(type);
    expect([reader.bad, reader.pos]).toEqual([true, reader.buf.length]);
  });
});

describe('structs', () => {
  /** Fields 1 to 3 in a row, 1000 by its number, a struct in between. */
  const compact = bytes(
    ...[0x11, 0x12, 0x18, 2, 'hi', 0x0c, 0xd0, 0x0f, 0x15, 3, 0, 0x22, 0x15, 4, 0],
  );
  const binary = bytes(
    ...[2, 0, 1, 1, 2, 0, 2, 0, 0x0b, 0, 3, 0, 0, 0, 2, 'hi'],
    ...[0x0c, 3, 0xe8, 8, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 2, 3, 0xea, 0],
    ...[8, 3, 0xeb, 0, 0, 0, 2, 0],
  );

  test.each([
    ['compact', readCompact, compact],
    ['binary', readBinary, binary],
  ] as [string, Open, Uint8Array][])('%s', (_name, open, input) => {
    const reader = open(input);
    const seen: unknown[] = [];
    const struct = (): void => {
      reader.begin();
      for (let type = reader.field(); type !== TYPE.stop; type = reader.field()) {
        seen.push(reader.id);
        if (type === TYPE.bool) seen.push(reader.bool());
        else if (type === TYPE.binary) seen.push(reader.text());
        else if (type === TYPE.struct) struct();
        else seen.push(reader.int(type));
      }
      reader.end();
    };
    struct();
    expect(reader.bad).toBe(false);
    expect(reader.pos).toBe(input.length);
    expect(seen).toEqual([1, true, 2, false, 3, 'hi', 1000, 1, -2, 1002, false, 1003, 2]);
    const skipped = open(input);
    skipped.skip(TYPE.struct);
    expect([skipped.bad, skipped.pos]).toEqual([false, input.length]);
  });

  test.each([
    ['binary', readBinary, bytes(0x0c, 0, 1)],
    ['compact', readCompact, bytes(0x1c)],
  ] as [string, Open, Uint8Array][])('%s: depth is bounded', (_name, open, level) => {
    const nested = (depth: number): ThriftReader => {
      const levels = Array<Uint8Array>(depth).fill(level);
      const reader = open(Buffer.concat([...levels, new Uint8Array(depth + 1)]));
      reader.skip(TYPE.struct);
      return reader;
    };
    expect(nested(LIMITS.thriftDepth - 1).bad).toBe(false);
    expect(nested(LIMITS.thriftDepth).bad).toBe(true);
    expect(nested(100_000).bad).toBe(true);
  });
});

describe('lists and maps', () => {
  test.each([
    ['binary list', readBinary, TYPE.list, [TYPE.i16, 0, 0, 0, 2, 0, 1, 0, 2]],
    ['binary set', readBinary, TYPE.set, [TYPE.byte, 0, 0, 0, 1, 9]],
    ['binary map', readBinary, TYPE.map, [TYPE.byte, TYPE.bool, 0, 0, 0, 1, 7, 1]],
    ['compact list', readCompact, TYPE.list, [0x24, 2, 4]],
    ['compact long list', readCompact, TYPE.list, [0xf3, 16, ...Array<number>(16).fill(1)]],
    ['compact list of booleans', readCompact, TYPE.list, [0x21, 1, 2]],
    ['compact map', readCompact, TYPE.map, [1, 0x38, 7, 1, 'x']],
    ['compact empty map', readCompact, TYPE.map, [0]],
    ['uuid', readCompact, TYPE.uuid, Array<number>(16).fill(7)],
  ] as [string, Open, number, (number | string)[]][])('%s', (_name, open, type, input) => {
    const reader = open(bytes(...input));
    reader.skip(type);
    expect([reader.bad, reader.pos]).toEqual([false, reader.buf.length]);
  });

  test.each([
    ['binary', readBinary, [TYPE.struct, 0x7f, 0xff, 0xff, 0xff, 0]],
    ['binary, negative', readBinary, [TYPE.byte, 0xff, 0xff, 0xff, 0xff, 0]],
    ['compact', readCompact, [0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0]],
    ['compact, beyond 32 bits', readCompact, [0xfc, ...Array<number>(9).fill(0xff), 1]],
    ['compact, of no type', readCompact, [0x1e, 1]],
  ] as [string, Open, number[]][])('%s: more elements than bytes are bad', (_name, open, input) => {
    const reader = open(bytes(...input));
    expect([reader.list() > 0 && !reader.bad, reader.bad]).toEqual([false, true]);
  });

  test('text longer than the bytes is bad', () => {
    for (const reader of [readBinary(bytes(0x7f, 0xff, 0xff, 0xff)), readCompact(bytes(9, 'x'))]) {
      expect([reader.text(), reader.bad]).toEqual(['', true]);
    }
  });
});

describe('messages', () => {
  test.each([
    ['strict', readBinary, [0x80, 1, 0, 4, 0, 0, 0, 2, 'ab', 0, 0, 0, 7]],
    ['of an old writer', readBinary, [0, 0, 0, 2, 'ab', 4, 0, 0, 0, 7]],
    ['compact', readCompact, [0x82, 0x81, 7, 2, 'ab']],
  ] as [string, Open, (number | string)[]][])('%s', (_name, open, input) => {
    const reader = open(bytes(...input));
    expect(reader.message()).toEqual({ name: 'ab', type: 4 });
    expect([reader.bad, reader.pos]).toEqual([false, reader.buf.length]);
  });

  test.each([
    ['another version', readBinary(bytes(0x80, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0))],
    ['another protocol', readCompact(bytes(0x80, 1, 0, 4, 0, 0, 0, 0))],
    ['a name beyond the end', readBinary(bytes(0x7f, 0, 0, 0))],
  ])('%s is bad', (_name, reader) => {
    reader.message();
    expect(reader.bad).toBe(true);
  });
});
