import { expect, test } from 'vitest';
import { LIMITS } from '../../model/limits.ts';
import { CapturedSink } from './captured-sink.ts';
import { SyslogFrames, type HeldBytes } from './syslog-frames.ts';
import { createSyslog } from './syslog.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The frames of a stream that arrives in pieces of `size` bytes; `+n` where n bytes were cut. */
const frames = (stream: Uint8Array, size: number, all: HeldBytes = { total: 0 }): string[] => {
  const found: string[] = [];
  const reader = new SyslogFrames(all);
  const onFrame = (buf: Uint8Array, start: number, end: number, cut: number): void => {
    const text = Buffer.from(buf.subarray(start, end)).toString();
    found.push(cut > 0 ? `${text}+${cut}` : text);
  };
  for (let at = 0; at < stream.length; at += size) {
    // A copy, as a socket would give: nothing behind the piece may be read.
    reader.feed(stream.slice(at, at + size), onFrame);
  }
  reader.end(onFrame);
  expect(all.total).toBe(0);
  return found;
};

const rows: [string, string, string[]][] = [
  ['lines', '<13>a\n<14>b\n', ['<13>a', '<14>b']],
  ['the last line without newline', '<13>a\n<14>b', ['<13>a', '<14>b']],
  ['CR LF', '<13>a\r\n<14>b\r\n', ['<13>a', '<14>b']],
  ['NUL', '<13>a\0<14>b\0', ['<13>a', '<14>b']],
  ['blank lines between', '\n\r\n<13>a\n\n\0<14>b\n', ['<13>a', '<14>b']],
  ['octet counts', '5 <13>a5 <14>b', ['<13>a', '<14>b']],
  [
    'octet counts that include a newline, as rsyslog has it',
    '6 <13>a\n6 <14>b\n',
    ['<13>a', '<14>b'],
  ],
  ['octet counts and newlines between', '5 <13>a\n5 <14>b\n', ['<13>a', '<14>b']],
  ['newlines and NUL inside counted octets', '9 <13>a\nb\0c5 <14>b', ['<13>a\nb\0c', '<14>b']],
  ['both framings in one stream', '5 <13>a<14>b\n5 <15>c', ['<13>a', '<14>b', '<15>c']],
  ['a line that starts with a number', '12 angry men\n5 <13>a', ['12 angry men', '<13>a']],
  ['a line that is a number', '123\n<13>a\n', ['123', '<13>a']],
  ['a number without an end', '123', ['123']],
  ['too many digits are text', '1234567890 <13>a\n', ['1234567890 <13>a']],
  ['leading spaces are the line\u2019s own', '   at x\n', ['   at x']],
  ['the stream ends inside counted octets', '50 <13>a', ['<13>a+45']],
];

test.each(rows)('%s', (_name, stream, expected) => {
  const bytes = bytesOf(stream);
  for (let size = 1; size <= bytes.length; size++) expect(frames(bytes, size)).toEqual(expected);
});

test('a frame over the bound is cut, and the next one is whole', () => {
  const bound = LIMITS.lineBytes + LIMITS.syslogHeaderBytes;
  const long = `<13>${'x'.repeat(bound)}`;
  const kept = `${long.slice(0, bound)}+4`;
  for (const size of [1_000_000_000, 65_536, 999_999]) {
    expect(frames(bytesOf(`${long}\n<14>b\n`), size)).toEqual([kept, '<14>b']);
    expect(frames(bytesOf(`${long.length} ${long}5 <14>b`), size)).toEqual([kept, '<14>b']);
  }
});

test('connections that never end a frame share a bound', () => {
  const all: HeldBytes = { total: 0 };
  const readers = Array.from({ length: 200 }, () => new SyslogFrames(all));
  const piece = bytesOf('x'.repeat(500_000));
  const never = (): void => expect.unreachable();
  for (const reader of readers) reader.feed(piece, never);
  expect(all.total).toBeLessThanOrEqual(LIMITS.syslogHeldBytes + 200 * 4_096);
  let kept = 0;
  let cut = 0;
  for (const reader of readers)
    reader.end((_buf, start, end, missing) => {
      kept += end - start;
      cut += missing;
    });
  expect(kept + cut).toBe(200 * 500_000);
  expect(all.total).toBe(0);
});

test('the mark of a cut line reaches the record', () => {
  const sink = new CapturedSink();
  const session = createSyslog().open({ address: '127.0.0.1', transport: 'tcp' });
  session.feed(bytesOf(`<13>1 - - - - - - ${'x'.repeat(2_000_000)}\n<13>1 - - - - - - b\n`), sink);
  session.end(sink);
  const bound = LIMITS.lineBytes + LIMITS.syslogHeaderBytes;
  expect(sink.events.map(({ line, cutBytes }) => [line.length, cutBytes])).toEqual([
    [bound - 18, 2_000_018 - bound],
    [1, undefined],
  ]);
});
