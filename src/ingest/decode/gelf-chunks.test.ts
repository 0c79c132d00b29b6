import { expect, test } from 'vitest';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import { CapturedSink } from './captured-sink.ts';
import { GelfChunks } from './gelf-chunks.ts';

const chunk = (id: number, number: number, count: number, part = 'x'): Uint8Array =>
  Buffer.concat([
    Buffer.from([0x1e, 0x0f, 0, 0, 0, 0, 0, 0, id >> 8, id & 255, number, count]),
    Buffer.from(part),
  ]);

const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();

test('puts a message together in any order, and takes one of one chunk as it is', () => {
  const chunks = new GelfChunks();
  const sink = new CapturedSink();
  expect(textOf(chunks.take(chunk(1, 0, 1, 'alone'), sink))).toBe('alone');
  expect(chunks.take(chunk(2, 2, 3, 'c'), sink)).toBeUndefined();
  expect(chunks.take(chunk(2, 0, 3, 'a'), sink)).toBeUndefined();
  expect(chunks.take(chunk(2, 0, 3, 'twice'), sink)).toBeUndefined();
  expect(textOf(chunks.take(chunk(2, 1, 3, 'b'), sink))).toBe('abc');
  expect(textOf(chunks.take(Buffer.from('{}'), sink))).toBe('{}');
  expect(sink.rejects).toEqual([]);
});

test('gives up after five seconds what is not whole', () => {
  const chunks = new GelfChunks();
  const at = (sec: number): CapturedSink => new CapturedSink(1_000 + sec);
  chunks.take(chunk(1, 0, 2, 'a'), at(0));
  expect(textOf(chunks.take(chunk(1, 1, 2, 'b'), at(5)))).toBe('ab');
  chunks.take(chunk(2, 0, 2), at(0));
  const late = at(6);
  expect(chunks.take(chunk(2, 1, 2), late)).toBeUndefined();
  expect(late.rejects).toEqual(['chunks_missing']);
});

test.each([
  ['a number beyond the count', chunk(1, 2, 2)],
  ['a count over 128', chunk(1, 0, 129)],
  ['no count', chunk(1, 0, 0)],
  ['half a head', new Uint8Array([0x1e, 0x0f, 1, 2])],
])('refuses %s', (_name, bytes) => {
  const sink = new CapturedSink();
  expect(new GelfChunks().take(bytes, sink)).toBeUndefined();
  expect(sink.rejects).toEqual(['bad_chunk']);
});

test('refuses a chunk of another count than its message has', () => {
  const chunks = new GelfChunks();
  const sink = new CapturedSink();
  chunks.take(chunk(1, 0, 3), sink);
  chunks.take(chunk(1, 1, 4), sink);
  expect(sink.rejects).toEqual(['bad_chunk']);
});

test('holds a bounded number of messages and bytes, and gives up the oldest', () => {
  const before = { ...LIMITS };
  overrideLimits({ gelfChunkedMessages: 3, gelfHeldBytes: 1_000 });
  try {
    const chunks = new GelfChunks();
    const sink = new CapturedSink();
    for (let id = 1; id <= 4; id++) chunks.take(chunk(id, 0, 2, 'a'), sink);
    expect(sink.rejects).toEqual(['chunks_missing']);
    expect(textOf(chunks.take(chunk(4, 1, 2, 'b'), sink))).toBe('ab');
    chunks.take(chunk(5, 0, 3, 'x'.repeat(600)), sink);
    chunks.take(chunk(6, 0, 3, 'y'.repeat(600)), sink);
    expect(sink.rejects).toHaveLength(4);
    chunks.take(chunk(6, 1, 3, 'y'), sink);
    expect(textOf(chunks.take(chunk(6, 2, 3, 'y'), sink))).toBe('y'.repeat(602));
  } finally {
    overrideLimits(before);
  }
});
