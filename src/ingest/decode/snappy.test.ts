import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { inflateSnappy } from './inflate.ts';
import { readSnappyHead, uncompressSnappy } from './snappy.ts';

const { compress } = createRequire(import.meta.url)('snappyjs') as {
  compress: (bytes: Uint8Array) => Uint8Array;
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const open = (block: readonly number[]): string => {
  const result = inflateSnappy(new Uint8Array(block));
  return result.ok ? new TextDecoder().decode(result.bytes) : result.reason;
};

test.each([
  ['nothing', [0], ''],
  ['a literal', [3, 2 << 2, 0x61, 0x62, 0x63], 'abc'],
  ['a copy of one byte, which repeats', [5, 0 << 2, 0x61, 1, 1], 'aaaaa'],
  [
    'a copy with an offset of two bytes',
    [6, 2 << 2, 0x61, 0x62, 0x63, (2 << 2) | 2, 3, 0],
    'abcabc',
  ],
  [
    'a copy with an offset of four bytes',
    [6, 2 << 2, 0x61, 0x62, 0x63, (2 << 2) | 3, 3, 0, 0, 0],
    'abcabc',
  ],
  ['a length in an extra byte', [2, 60 << 2, 1, 0x68, 0x69], 'hi'],
  ['a length in four extra bytes', [2, 63 << 2, 1, 0, 0, 0, 0x68, 0x69], 'hi'],
])('reads %s', (_, block, expected) => {
  expect(open(block)).toBe(expected);
});

test.each([
  ['an empty body', []],
  ['a length without end', [0x80, 0x80]],
  ['a length of more than 32 bits', [255, 255, 255, 255, 255, 1]],
  ['a literal beyond the block', [3, 2 << 2, 0x61]],
  ['a literal beyond the output', [1, 2 << 2, 0x61, 0x62, 0x63]],
  ['a literal whose length has its top bit set', [3, 63 << 2, 255, 255, 255, 255, 0x61]],
  ['a length that is cut', [3, 61 << 2, 1]],
  ['a copy of nothing', [4, 0 << 2, 0x61, 1, 0]],
  ['a copy from before the start', [5, 0 << 2, 0x61, 1, 2]],
  ['a copy beyond the output', [3, 0 << 2, 0x61, 1, 1]],
  ['a copy that is cut', [5, 0 << 2, 0x61, (2 << 2) | 2, 1]],
  ['less than declared', [4, 2 << 2, 0x61, 0x62, 0x63]],
])('refuses %s', (_, block) => {
  expect(open(block)).toBe('malformed');
});

test('reads what another implementation writes', () => {
  const repeated = bytes(
    '{"level":"info","msg":"request done","path":"/api/v1/cart"}\n'.repeat(3_000),
  );
  const noise = Uint8Array.from({ length: 70_000 }, (_, i) => (i * i * 31 + (i >> 3)) & 255);
  for (const input of [
    repeated,
    noise,
    bytes('a'.repeat(100_000)),
    bytes('ab'),
    new Uint8Array(0),
  ]) {
    const block = compress(input);
    const head = readSnappyHead(block);
    const out = new Uint8Array(input.length);
    expect(head?.size).toBe(input.length);
    expect(uncompressSnappy(block, head?.start ?? 0, out, input.length)).toBe(true);
    expect(Buffer.compare(out, input)).toBe(0);
  }
});
