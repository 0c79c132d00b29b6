import { constants, createDeflate, deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { InflateStream } from './inflate-stream.ts';

/** What comes out of a stream that arrives in pieces of `size` bytes; undefined where it broke. */
const inflated = (stream: Uint8Array, size: number): Buffer | undefined => {
  const inflate = new InflateStream();
  const parts: Buffer[] = [];
  for (let at = 0; at < stream.length; at += size) {
    const isGood = inflate.push(stream.slice(at, at + size), (part) =>
      parts.push(Buffer.from(part)),
    );
    if (!isGood) return undefined;
  }
  return Buffer.concat(parts);
};

const text = Buffer.from(
  Array.from(
    { length: 4_000 },
    (_, i) => `<13>host app[${(i * 7_919) % 10_007}]: ${Math.sin(i)}\n`,
  ).join(''),
);
const noise = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * i * 2_654_435_761) >>> 7));
const inputs = {
  nothing: Buffer.alloc(0),
  short: text.subarray(0, 90),
  text,
  noise,
  zeros: Buffer.alloc(200_000),
};
const { Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE } = constants;

test.each(Object.entries(inputs))('%s: what Node deflates, at every level', (_, input) => {
  for (const level of [0, 1, 6, 9]) {
    for (const strategy of [Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE]) {
      const stream = deflateSync(input, { level, strategy });
      for (const size of [1e9, 997, input.length > 1_000 ? 64 : 1]) {
        expect(inflated(stream, size)?.equals(input)).toBe(true);
      }
    }
  }
});

test('what a sender flushed is given at once', async () => {
  const deflate = createDeflate({ level: 9 });
  const inflate = new InflateStream();
  let seen = '';
  let pending: Buffer[] = [];
  deflate.on('data', (part: Buffer) => pending.push(part));
  for (let i = 0; i < 50; i++) {
    deflate.write(`<13>message ${i}\n`);
    await new Promise<void>((resolve) => {
      deflate.flush(constants.Z_SYNC_FLUSH, resolve);
    });
    inflate.push(Buffer.concat(pending), (part) => (seen += Buffer.from(part).toString()));
    pending = [];
    expect(seen.endsWith(`message ${i}\n`)).toBe(true);
  }
});

test('one stream behind another', () => {
  const both = Buffer.concat([deflateSync(text), deflateSync(inputs.short)]);
  expect(inflated(both, 100)?.equals(Buffer.concat([text, inputs.short]))).toBe(true);
});

test('what is no zlib stream is refused, and stays so', () => {
  const broken = deflateSync(text);
  broken[3] = (broken[3] as number) ^ 0xff;
  for (const stream of [
    Buffer.from('GET / HTTP/1.1'),
    Buffer.from([0x78, 0x9c, 0xff, 0xff, 0xff]),
  ]) {
    expect(inflated(stream, 1e9)).toBeUndefined();
    expect(inflated(stream, 1)).toBeUndefined();
  }
  const inflate = new InflateStream();
  expect(inflate.push(Buffer.from('no zlib'), () => undefined)).toBe(false);
  expect(inflate.push(deflateSync(text), () => undefined)).toBe(false);
  expect(() => inflated(broken, 100)).not.toThrow();
});
