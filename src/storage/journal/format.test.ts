import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type BatchHeader,
  decodeFileHeader,
  decodeFrameHeader,
  encodeBatchHeader,
  encodeFileHeader,
  encodeHeads,
  FORMAT_VERSION,
  HEADER_MAX_BYTES,
  payloadMatches,
} from './format.ts';

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const name = fc.string({ unit: 'grapheme', maxLength: 60 });
const header: fc.Arbitrary<Omit<BatchHeader, 'kind' | 'headerBytes'>> = fc.record({
  file: u32,
  offset: u32,
  groupStart: u32,
  payloadBytes: fc.integer({ min: 16, max: 2 ** 26 }),
  seq: fc.maxSafeNat(),
  rows: u32,
  columns: u32,
  segment: fc.maxSafeNat(),
  observedNs: int64,
  minNs: int64,
  maxNs: int64,
  rawBytes: fc.maxSafeNat(),
  disk: u32,
  salt: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
  counter: fc.maxSafeNat(),
  lane: name,
  bucketId: name,
  protocol: name,
  notes: fc.integer({ min: 0, max: 3 }),
});

test('a batch header comes back as it was written', () => {
  fc.assert(
    fc.property(header, (fields) => {
      const out = Buffer.alloc(HEADER_MAX_BYTES);
      const headerBytes = encodeBatchHeader(fields, out);
      const back = decodeFrameHeader(out, fields.file, fields.offset);
      expect(back).toEqual({ ...fields, kind: 'batch', headerBytes });
    }),
  );
});

test('an altered, cut or misplaced header is not taken for one', () => {
  fc.assert(
    fc.property(header, fc.nat(), fc.nat(7), (fields, position, bit) => {
      const out = Buffer.alloc(HEADER_MAX_BYTES);
      const length = encodeBatchHeader(fields, out);
      const whole = out.subarray(0, length);
      expect(
        decodeFrameHeader(whole.subarray(0, position % length), fields.file, fields.offset),
      ).toBe(undefined);
      expect(decodeFrameHeader(whole, fields.file + 1, fields.offset)).toBe(undefined);
      expect(decodeFrameHeader(whole, fields.file, fields.offset + 1)).toBe(undefined);
      whole[position % length]! ^= 1 << bit;
      expect(decodeFrameHeader(whole, fields.file, fields.offset)).toBe(undefined);
    }),
  );
});

test('any bytes are judged without an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const frame = Buffer.concat([Buffer.from('MTJF'), bytes]);
      expect(decodeFrameHeader(frame, 1, 16)).toBe(undefined);
      expect(decodeFileHeader(bytes)).toBe(undefined);
    }),
  );
});

test('heads are padded to the size asked for, and their payload is checked', () => {
  const place = { file: 3, offset: 16, groupStart: 0 };
  const frame = encodeHeads(place, '{"a":"ä"}', 4_080);
  expect(frame.length).toBe(4_080);
  const back = decodeFrameHeader(frame, 3, 16);
  if (back?.kind !== 'heads') throw new Error('not heads');
  const payload = frame.subarray(back.headerBytes);
  expect(payloadMatches(back, payload)).toBe(true);
  expect(JSON.parse(payload.toString())).toEqual({ a: 'ä' });
  payload[3]! ^= 1;
  expect(payloadMatches(back, payload)).toBe(false);
});

test('a file header tells its version, and only when it is whole', () => {
  const bytes = encodeFileHeader();
  expect(decodeFileHeader(bytes)).toBe(FORMAT_VERSION);
  for (let at = 0; at < bytes.length; at++) {
    const altered = Buffer.from(bytes);
    altered[at]! ^= 0x10;
    expect(decodeFileHeader(altered)).toBe(undefined);
    expect(decodeFileHeader(bytes.subarray(0, at))).toBe(undefined);
  }
});
