import { describe, expect, test } from 'vitest';
import { joinTraces } from '../../ingest/multiline/automatic.ts';
import { joinNothing, type Join } from '../../ingest/multiline/join.ts';
import { LIMITS } from '../../model/limits.ts';
import { assembleContainer } from './assemble-container.ts';
import { assembleEncoded, type Encoding } from './assemble-encoded.ts';
import { assembleLines, type Assembler } from './assemble.ts';
import { Events } from './events.ts';
import { readAll } from './testing.ts';

const FULL = 1_048_576 + 65_536;
const plain = (join: Join = joinNothing): Assembler => assembleLines(join);
const container = (join: Join = joinNothing): Assembler => assembleContainer(join, 'auto');
const texts = (assembler: Assembler, file: string | Buffer, chunk = 1 << 20): string[] =>
  readAll(assembler, Buffer.from(file), chunk, FULL).map(({ text }) => text);

describe('lines', () => {
  test.each([
    ['a\nb\n', ['a', 'b']],
    ['a\r\n\r\nb\n', ['a', 'b']],
    ['a\n\nb', ['a', 'b']],
    ['', []],
    ['\n\n', []],
    ['a\rb\n', ['a\rb']],
    ['\xff\xfe\n', ['\xff\xfe']],
  ])('%j', (file, lines) => expect(texts(plain(), file)).toEqual(lines));

  test('a line of 10 MB is cut, counted, and the next is whole', () => {
    const file = `first\n${'x'.repeat(10_000_000)}\nlast\n`;
    const events = readAll(plain(), Buffer.from(file), 524_288, FULL);
    expect(events.map(({ text, cut }) => [text.length, cut])).toEqual([
      [5, false],
      [LIMITS.lineBytes, true],
      [4, false],
    ]);
  });

  test('behind a line that was cut, the next is whole, wherever reading stops', () => {
    const text = `${'x'.repeat(300)}\n${'y'.repeat(90)}\n`;
    for (let size = 100; size < 400; size++) {
      const events = new Events();
      const state = { skipping: 4 };
      const raw = Buffer.from(text.slice(0, size));
      const known = { behind: 'flush', takePartial: false, isFull: true } as const;
      const used = plain().assemble(raw, raw.length, known, state, events);
      expect([used, events.count, state.skipping]).toEqual(
        size <= 300 ? [size, 0, 4] : size < 392 ? [301, 0, 0] : [392, 1, 0],
      );
    }
  });

  test('a last line is kept until its newline comes', () => {
    expect(readAll(plain(), Buffer.from('a\nb'), 10, FULL, false).map(({ text }) => text)).toEqual([
      'a',
    ]);
  });
});

describe('encodings', () => {
  const file = 'grün €\r\nzwei 😀\n\u0000drei\n';
  const raws: [Encoding, Buffer, string[]][] = [
    ['utf-8', Buffer.from(file), ['grün €', 'zwei 😀', '\u0000drei']],
    ['utf-16le', Buffer.from(file, 'utf16le'), ['grün €', 'zwei 😀', '\u0000drei']],
    ['utf-16be', Buffer.from(file, 'utf16le').swap16(), ['grün €', 'zwei 😀', '\u0000drei']],
    ['latin1', Buffer.from('grün\nÿ\n', 'latin1'), ['grün', 'ÿ']],
  ];
  test.each(raws)('%s, read in pieces of any size', (encoding, raw, lines) => {
    for (let chunk = 8; chunk <= raw.length; chunk++) {
      expect(texts(assembleEncoded(plain(joinTraces), encoding), raw, chunk)).toEqual(lines);
    }
  });

  test('a long line of UTF-16 is cut', () => {
    const raw = Buffer.from(`${'ä'.repeat(1_500_000)}\nnext\n`, 'utf16le');
    const events = readAll(assembleEncoded(plain(), 'utf-16le'), raw, 65_536, FULL);
    expect(events.map(({ cut }) => cut)).toEqual([true, false]);
    expect(events[1]?.text).toBe('next');
  });
});

const cri = (stdio: string, tag: string, text: string, ns = 1): string =>
  `2026-11-21T10:00:00.${String(ns).padStart(9, '0')}Z ${stdio} ${tag} ${text}\n`;
const docker = (log: string, stream = 'stdout'): string =>
  `${JSON.stringify({ log, stream, time: '2026-11-21T10:00:00.000000005Z' })}\n`;

describe('containers', () => {
  test('CRI: time, stream and text', () => {
    const file = cri('stdout', 'F', 'a b', 7) + cri('stderr', 'F', '') + cri('stderr', 'F', 'c', 8);
    expect(readAll(container(), Buffer.from(file), 100, FULL)).toEqual([
      { text: 'a b', seconds: 1_795_255_200, nanos: 7, stdio: 1, cut: false },
      { text: 'c', seconds: 1_795_255_200, nanos: 8, stdio: 2, cut: false },
    ]);
  });

  test('CRI: parts are put together for each stream', () => {
    const file = [
      cri('stdout', 'P', 'one '),
      cri('stderr', 'P', 'eins '),
      cri('stdout', 'P', 'two '),
      cri('stderr', 'F', 'zwei'),
      cri('stderr', 'F', 'next'),
      cri('stdout', 'F', 'three'),
    ].join('');
    for (let chunk = 50; chunk < file.length; chunk++) {
      expect(texts(container(), file, chunk)).toEqual(['one two three', 'eins zwei', 'next']);
    }
  });

  test('CRI: a line of parts that is too long is cut, and the other stream loses nothing', () => {
    const part = 'x'.repeat(16_000);
    const file = [
      cri('stdout', 'F', 'before'),
      ...Array.from(
        { length: 200 },
        (_, i) => cri('stdout', 'P', part) + (i % 50 === 0 ? cri('stderr', 'F', `err ${i}`) : ''),
      ),
      cri('stdout', 'F', 'end'),
      cri('stdout', 'F', 'after'),
    ].join('');
    const events = readAll(container(joinTraces), Buffer.from(file), 524_288, FULL);
    expect(events.map(({ text, cut }) => (cut ? 'cut' : text))).toEqual([
      'before',
      'cut',
      'err 0',
      'err 50',
      'err 100',
      'err 150',
      'after',
    ]);
    expect(events[1]?.text.length).toBeGreaterThan(1_000_000);
  });

  test('Docker: text without escapes, with them, in parts', () => {
    const file = [
      docker('plain\n'),
      docker('say "hi"\t\\n\n', 'stderr'),
      docker('{"a":1}\r\n'),
      docker('in two '),
      docker('err\n', 'stderr'),
      docker('parts\n'),
      docker('ends with a backslash \\\n'),
      docker('\n'),
    ].join('');
    const expected = [
      'plain',
      'say "hi"\t\\n',
      '{"a":1}',
      'in two parts',
      'err',
      'ends with a backslash \\',
    ];
    for (let chunk = 90; chunk < file.length; chunk += 7) {
      expect(texts(container(), file, chunk)).toEqual(expected);
    }
  });

  test('traces of two streams at once', () => {
    const out = ['java.lang.Error: a', '\tat a.B.c(B.java:1)', '\tat a.B.d(B.java:2)', 'INFO x'];
    const err = ['Traceback (most recent call last):', '  File "a.py", line 1', '    f()', 'E: b'];
    const lines = out.flatMap((line, i) => [
      cri('stdout', 'F', line),
      cri('stderr', 'F', err[i] ?? ''),
    ]);
    for (let chunk = 80; chunk < 600; chunk++) {
      expect(texts(container(joinTraces), lines.join(''), chunk)).toEqual([
        out.slice(0, 3).join('\n'),
        err.join('\n'),
        'INFO x',
      ]);
    }
  });

  test('what is in no wrapper stays as it is', () => {
    const lines = ['hello', '{"log":1}', '{"msg":"x"}', '2026-11-21T10:00:00Z stdin F x'];
    expect(texts(container(), `${lines.join('\n')}\n`)).toEqual(lines);
  });
});
