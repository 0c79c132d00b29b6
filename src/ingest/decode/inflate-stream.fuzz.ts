import { constants, deflateSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InflateStream } from './inflate-stream.ts';

const run = (stream: Uint8Array, cuts: readonly number[]): { good: boolean; bytes: Buffer } => {
  const inflate = new InflateStream();
  const parts: Buffer[] = [];
  const at = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...at, stream.length];
  let good = true;
  for (let i = 1; good && i < edges.length; i++) {
    good = inflate.push(stream.slice(edges[i - 1], edges[i]), (part) => {
      parts.push(Buffer.from(part));
    });
  }
  return { good, bytes: Buffer.concat(parts) };
};

const input = fc.oneof(
  fc.uint8Array({ maxLength: 3_000 }),
  fc
    .array(fc.constantFrom('<13>', 'app[1]: ', 'message ', '\n', 'x'), { maxLength: 2_000 })
    .map((words) => new Uint8Array(Buffer.from(words.join('')))),
);
const cuts = fc.array(fc.nat(), { maxLength: 9 });

test('gives what was deflated, however the stream is split', () => {
  const options = fc.record({
    level: fc.integer({ min: 0, max: 9 }),
    strategy: fc.integer({ min: constants.Z_DEFAULT_STRATEGY, max: constants.Z_FIXED }),
    windowBits: fc.integer({ min: 9, max: 15 }),
    memLevel: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(input, options, cuts, (bytes, how, at) => {
      const { good, bytes: out } = run(deflateSync(bytes, how), at);
      expect(good).toBe(true);
      expect(Buffer.compare(out, bytes)).toBe(0);
    }),
  );
});

test('agrees with zlib on broken streams, and never throws', () => {
  const edit = fc.record({ at: fc.nat(), bit: fc.nat(7) });
  fc.assert(
    fc.property(input, fc.array(edit, { minLength: 1, maxLength: 4 }), cuts, (bytes, edits, at) => {
      const stream = deflateSync(bytes);
      for (const { at: place, bit } of edits) {
        const i = place % stream.length;
        stream[i] = (stream[i] as number) ^ (1 << bit);
      }
      const { good, bytes: out } = run(stream, at);
      expect(run(stream, [])).toEqual({ good, bytes: out });
      let sure: Buffer | undefined;
      try {
        sure = inflateSync(stream);
      } catch {
        // Refused, cut off, or a wrong checksum, which is passed over here.
      }
      if (sure === undefined) return;
      expect(Buffer.compare(out.subarray(0, sure.length), sure)).toBe(0);
    }),
  );
});
