import { afterEach, expect, test } from 'vitest';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import { CapturedSink } from './captured-sink.ts';
import { RawLines } from './raw-lines.ts';

const before = { ...LIMITS };
afterEach(() => overrideLimits(before));

const read = (text: string, size: number): [string, number][] => {
  const all = { total: 0 };
  const got: [string, number][] = [];
  const lines = new RawLines(all, (_sink, buf, start, end, cutBytes) => {
    got.push([Buffer.from(buf.subarray(start, end)).toString(), cutBytes]);
  });
  const sink = new CapturedSink();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) lines.feed(bytes.subarray(at, at + size), sink);
  lines.end(sink);
  expect(all.total).toBe(0);
  return got;
};

test.each([
  ['a\nb\n', ['a', 'b']],
  ['a\r\nb', ['a', 'b']],
  ['\n\r\n\na\r\r\n', ['a\r']],
  ['', []],
])('cuts %j however it is split', (text, lines) => {
  for (let size = 1; size <= text.length + 1; size++) {
    expect(read(text, size)).toEqual(lines.map((line) => [line, 0]));
  }
});

test('cuts a line over the bound, counts the rest, and reads on', () => {
  overrideLimits({ lineBytes: 10 });
  for (let size = 1; size <= 40; size++) {
    expect(read(`${'x'.repeat(25)}\nafter\n0123456789\r\n${'y'.repeat(12)}\r\n`, size)).toEqual([
      ['x'.repeat(10), 15],
      ['after', 0],
      ['0123456789', 0],
      ['y'.repeat(10), 2],
    ]);
  }
});
