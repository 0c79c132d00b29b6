import { crc32 as zlibCrc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { crc32 } from './checksum.ts';

test.each(['', 'abc', '{"level":"<severity_text>"}', '\x00\xff\x80', 'x'.repeat(1_000)])(
  'the checksum of %j is that of zlib',
  (text) => {
    expect(crc32(text)).toBe(zlibCrc32(Buffer.from(text, 'latin1')));
  },
);
