import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  writeBinary,
  writeCompact,
  type ThriftType,
  type ThriftValue,
} from '../../../fixtures/decode/thrift-writer.ts';
import { readBinary, readCompact, TYPE, type ThriftReader } from './thrift.ts';

const signed = (bits: bigint): fc.Arbitrary<bigint> =>
  fc.bigInt({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n });

const leaf: Readonly<Record<string, fc.Arbitrary<ThriftValue>>> = {
  bool: fc.boolean().map((value) => ({ type: 'bool', value })),
  byte: signed(8n).map((value) => ({ type: 'byte', value })),
  i16: signed(16n).map((value) => ({ type: 'i16', value })),
  i32: signed(32n).map((value) => ({ type: 'i32', value })),
  i64: signed(64n).map((value) => ({ type: 'i64', value })),
  double: fc.double().map((value) => ({ type: 'double', value })),
  binary: fc.uint8Array({ maxLength: 20 }).map((value) => ({ type: 'binary', value })),
};

/** A list's items have one type. */
const lists = (inner: fc.Arbitrary<ThriftValue>): fc.Arbitrary<ThriftValue> =>
  fc.oneof(
    ...Object.entries(leaf).map(([of, item]) =>
      fc
        .array(item, { maxLength: 20 })
        .map((items): ThriftValue => ({ type: 'list', of: of as ThriftType, items })),
    ),
    fc.array(inner, { maxLength: 4 }).map((found): ThriftValue => {
      const items = found.filter(({ type }) => type === 'struct');
      return { type: 'list', of: 'struct', items };
    }),
  );

const { value } = fc.letrec<{ value: ThriftValue; struct: ThriftValue }>((tie) => ({
  struct: fc
    .array(fc.record({ id: fc.integer({ min: -32_768, max: 32_767 }), value: tie('value') }), {
      maxLength: 6,
    })
    .map((fields) => ({ type: 'struct', fields })),
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
    fc.oneof(...Object.values(leaf)),
    tie('struct'),
    lists(tie('struct')),
  ),
}));

const NAMES = Object.entries(TYPE);
const nameOf = (type: number): string => NAMES.find(([, code]) => code === type)?.[0] ?? 'none';

const readBack = (reader: ThriftReader, type: string): ThriftValue => {
  switch (type) {
    case 'bool':
      return { type, value: reader.bool() };
    case 'byte':
    case 'i16':
    case 'i32':
      return { type, value: BigInt(reader.int(TYPE[type])) };
    case 'i64':
      return { type, value: reader.i64() };
    case 'double':
      return { type, value: reader.double() };
    case 'binary':
      return { type, value: new Uint8Array(reader.binary()) };
    case 'list': {
      const count = reader.list();
      const of = nameOf(reader.elements) as ThriftType;
      const items = Array.from({ length: count }, () => readBack(reader, of));
      return { type, of, items };
    }
    default: {
      const fields: { id: number; value: ThriftValue }[] = [];
      reader.begin();
      for (let found = reader.field(); found !== TYPE.stop; found = reader.field()) {
        const { id } = reader;
        fields.push({ id, value: readBack(reader, nameOf(found)) });
      }
      reader.end();
      return { type: 'struct', fields };
    }
  }
};

const PROTOCOLS = [
  ['binary', writeBinary, readBinary],
  ['compact', writeCompact, readCompact],
] as const;

describe.each(PROTOCOLS)('the %s protocol', (_name, write, open) => {
  test('gives back every value, and steps over it', () => {
    fc.assert(
      fc.property(value, (one) => {
        const buf = Uint8Array.from(write(one));
        const reader = open(buf);
        expect(readBack(reader, one.type)).toEqual(one);
        expect([reader.bad, reader.pos]).toEqual([false, buf.length]);
        const skipping = open(buf);
        skipping.skip(TYPE[one.type]);
        expect([skipping.bad, skipping.pos]).toEqual([false, buf.length]);
      }),
    );
  });

  test('ends within the bytes whatever they are, and says when they are too few', () => {
    fc.assert(
      fc.property(value, fc.double({ min: 0, max: 0.99, noNaN: true }), (one, part) => {
        const buf = Uint8Array.from(write(one));
        const reader = open(buf.subarray(0, Math.floor(buf.length * part)));
        reader.skip(TYPE[one.type]);
        expect(reader.bad).toBe(true);
      }),
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200, size: 'max' }),
        fc.integer({ min: 0, max: 20 }),
        (buf, type) => {
          const reader = open(buf);
          reader.skip(type);
          expect(reader.pos).toBeLessThanOrEqual(buf.length);
          reader.message();
          expect(reader.pos).toBeLessThanOrEqual(buf.length);
        },
      ),
    );
  });
});
