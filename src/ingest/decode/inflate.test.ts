import {
  constants,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
  type InputType,
} from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import { inflate, inflateSnappy, type Inflated } from './inflate.ts';

const before = { ...LIMITS };
afterEach(() => {
  overrideLimits(before);
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (result: Inflated): string =>
  result.ok ? new TextDecoder().decode(result.bytes) : result.reason;
const zstd = (input: InputType): Buffer => zstdCompressSync(input);
/** A zstd frame that its receivers must skip (RFC 8878, 3.1.2). */
const SKIPPABLE = new Uint8Array([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

test.each([
  [undefined, bytes('plain'), 'plain'],
  ['', bytes('plain'), 'plain'],
  ['identity', bytes('plain'), 'plain'],
  ['gzip', gzipSync('one'), 'one'],
  [' GZIP ', gzipSync('one'), 'one'],
  ['x-gzip', gzipSync('one'), 'one'],
  ['gzip', Buffer.concat([gzipSync('one '), gzipSync(''), gzipSync('two')]), 'one two'],
  ['deflate', deflateSync('zlib'), 'zlib'],
  ['deflate', deflateRawSync('raw'), 'raw'],
  ['zstd', zstd('one'), 'one'],
  ['zstd', zstd(''), ''],
  ['zstd', Buffer.concat([zstd('one '), SKIPPABLE, zstd('two')]), 'one two'],
  [
    'zstd',
    zstdCompressSync('checked', { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
    'checked',
  ],
])('undoes %s', (encoding, body, expected) => {
  expect(textOf(inflate(encoding, body))).toBe(expected);
});

test.each([
  ['br', bytes('x'), 'unknown_encoding'],
  ['gzip, gzip', gzipSync(gzipSync('x')), 'unknown_encoding'],
  ['gzip', bytes(''), 'malformed'],
  ['gzip', bytes('not gzip at all, but long enough'), 'malformed'],
  ['gzip', gzipSync('cut off in the middle').subarray(0, 25), 'malformed'],
  ['gzip', Buffer.concat([gzipSync('x'), bytes('garbage')]), 'malformed'],
  ['deflate', bytes(''), 'malformed'],
  ['deflate', new Uint8Array([0xff, 0xff, 0xff]), 'malformed'],
  ['zstd', bytes(''), 'malformed'],
  ['zstd', bytes('not zstd'), 'malformed'],
  ['zstd', zstd('cut off in the middle').subarray(0, -2), 'malformed'],
  ['zstd', Buffer.concat([zstd('x'), bytes('garbage!')]), 'malformed'],
])('refuses %s that is none', (encoding, body, reason) => {
  expect(textOf(inflate(encoding, body))).toBe(reason);
});

const zeros = new Uint8Array(5_000_000);

test.each([
  ['gzip', gzipSync(zeros)],
  ['gzip', Buffer.concat([gzipSync(zeros.subarray(0, 900_000)), gzipSync(zeros)])],
  ['deflate', deflateSync(zeros)],
  ['deflate', deflateRawSync(zeros)],
  ['zstd', zstd(zeros)],
  ['zstd', Buffer.concat([zstd(zeros.subarray(0, 900_000)), zstd(zeros.subarray(0, 900_000))])],
  ['zstd', zstdCompressSync(zeros, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } })],
  ['identity', zeros],
])('stops %s at the limit', (encoding, body) => {
  overrideLimits({ inflatedBytes: 1_000_000 });
  expect(textOf(inflate(encoding, body))).toBe('too_large');
});

test('takes what is exactly at the limit', () => {
  overrideLimits({ inflatedBytes: 1_000_000 });
  const fits = zeros.subarray(0, 1_000_000);
  for (const [encoding, body] of [
    ['gzip', gzipSync(fits)],
    ['deflate', deflateSync(fits)],
    ['zstd', zstd(fits)],
  ] as const) {
    const result = inflate(encoding, body);
    expect(result.ok && result.bytes.length).toBe(1_000_000);
  }
});

test('believes no declared size', () => {
  // 100 MB declared by 20 bytes of gzip, 4 GB and 100 MB by snappy, 2^60 bytes by zstd.
  const gzip = gzipSync('x');
  gzip.writeUInt32LE(100_000_000, gzip.length - 4);
  expect(textOf(inflate('gzip', gzip))).toBe('malformed');
  expect(textOf(inflateSnappy(new Uint8Array([255, 255, 255, 255, 15, 0, 1])))).toBe('too_large');
  expect(textOf(inflateSnappy(new Uint8Array([0x80, 0xc2, 0xd7, 0x2f, 0, 1])))).toBe('malformed');
  const zstdHead = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 16, 1, 0, 0];
  expect(textOf(inflate('zstd', new Uint8Array(zstdHead)))).toBe('too_large');
});

test('gives up on a flood of empty zstd frames', () => {
  overrideLimits({ zstdFrames: 10 });
  const frames = Array.from({ length: 11 }, () => zstd(''));
  expect(textOf(inflate('zstd', Buffer.concat(frames)))).toBe('too_large');
});
