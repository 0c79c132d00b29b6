import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { eventsOf, linesOf } from '../../../fixtures/multiline/events.ts';
import { LANGUAGES } from './all.ts';
import { joinTraces } from './automatic.ts';
import { firstBytes } from './first-bytes.ts';
import { Runs } from './join.ts';
import { joinByPattern } from './pattern.ts';

const root = new URL('../../../fixtures/multiline/', import.meta.url);
const CASES = LANGUAGES.flatMap(({ name }) =>
  readdirSync(new URL(`${name}/`, root))
    .filter((file) => file.endsWith('.in'))
    .map((file) => ({ name, file, path: new URL(`${name}/${file}`, root) })),
);

const textOf = (path: URL): string => readFileSync(path, 'latin1');
const expectedOf = (path: URL): string[] =>
  readFileSync(new URL(path.href.replace(/in$/, 'out')), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as string);

describe('stack traces', () => {
  test('every language has fixtures', () => {
    expect(LANGUAGES.filter(({ name }) => !CASES.some((one) => one.name === name))).toEqual([]);
  });

  test.each(CASES)('$name $file', ({ path }) => {
    expect(eventsOf(textOf(path), joinTraces)).toEqual(expectedOf(path));
  });

  test.each(CASES)('$name $file: read in two parts, wherever it is split', ({ path }) => {
    const text = textOf(path);
    const expected = expectedOf(path);
    for (let split = 0; split <= linesOf(text).count; split++) {
      expect(eventsOf(text, joinTraces, [split])).toEqual(expected);
    }
  });

  test('all of them one after another', () => {
    const all = CASES.map(({ path }) => textOf(path).trimEnd()).join('\nINFO between\n');
    const expected = CASES.flatMap(({ path }, i) => [
      ...(i > 0 ? ['INFO between'] : []),
      ...expectedOf(path),
    ]);
    expect(eventsOf(all, joinTraces)).toEqual(expected);
  });

  test('lines of usual logs stay events of their own', () => {
    const lines = [
      '{"level":"error","msg":"Exception"}',
      'level=error msg="java.lang.Exception: x"',
      'I1120 10:00:00.000000       1 main.go:7] ok',
      '10.0.0.1 - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "at (x.js:1:2)"',
      'ERROR one',
      'ERROR two',
      '',
      '  indented',
      '\ttab',
      'goroutine leak suspected',
      'Traceback',
    ];
    expect(eventsOf(`${lines.join('\n')}\n`, joinTraces)).toEqual(lines);
  });

  test('what may go on is held while nothing follows yet, and no other line is', () => {
    const held = (text: string): number => joinTraces(linesOf(text), 'waiting', new Runs());
    expect(held('INFO a\nINFO b\n')).toBe(2);
    expect(held('INFO a\n{"level":"ERROR"}\n')).toBe(2);
    expect(held('INFO a\njava.lang.IllegalStateException: b\n')).toBe(1);
    expect(held('INFO a\nERROR b\njava.lang.IllegalStateException: c\n')).toBe(1);
    expect(held('INFO a\npanic: b\n\n')).toBe(1);
    expect(held('INFO a\nError: b\n    at f (a.js:1:2)\n')).toBe(1);
    expect(held('INFO a\nError: b\n    at f (a.js:1:2)\nINFO c\n')).toBe(4);
  });
});

describe('by pattern', () => {
  const options = { flushMs: 1_000, maxLines: 100 };

  test.each([
    [
      'start',
      { start: '^\\d{4}-' },
      '2026-1 a\n b\nc\n2026-2 d\n',
      ['2026-1 a\n b\nc', '2026-2 d'],
    ],
    ['start in the middle', { start: 'BEGIN' }, 'x\ny BEGIN\nz\n', ['x', 'y BEGIN\nz']],
    ['continues', { continues: '^[ \\t]' }, 'a\n b\n\tc\nd\n', ['a\n b\n\tc', 'd']],
    ['end', { end: ';$' }, 'select\n1;\nselect 2;\nx\n', ['select\n1;', 'select 2;', 'x']],
    [
      'start and end',
      { start: '^<', end: '>$' },
      '<a\nb>\nc\n<d\n<e>\n',
      ['<a\nb>', 'c', '<d', '<e>'],
    ],
    ['at most so many lines', { continues: '^ ', maxLines: 2 }, 'a\n b\n c\n', ['a\n b', ' c']],
  ])('%s', (_name, pattern, text, expected) => {
    const join = joinByPattern({ ...options, ...pattern });
    expect(eventsOf(text, join)).toEqual(expected);
  });

  test('the last event is held until its end is seen', () => {
    const join = joinByPattern({ ...options, start: '^a', end: '!$' });
    expect(join(linesOf('a\nb\n'), 'waiting', new Runs())).toBe(0);
    expect(join(linesOf('a\nb!\n'), 'waiting', new Runs())).toBe(2);
    expect(join(linesOf('a\nb\n'), 'flush', new Runs())).toBe(2);
  });

  test('no RE2: refused with words', () => {
    expect(() => joinByPattern({ ...options, start: '(?=a)' })).toThrow(/invalid|error/i);
  });

  test.each([
    ['^\\d+ x', '0123456789'],
    ['^[A-C]', 'ABC'],
    ['^[ \\t]+at', ' \t'],
    ['^\\[2026', '['],
    ['^\\s', '\t\n\f\r '],
  ])('%s can only begin with %j', (expression, bytes) => {
    const first = firstBytes(expression);
    const set = [...(first ?? [])].flatMap((one, byte) => (one === 1 ? [byte] : []));
    expect(String.fromCharCode(...set)).toBe(bytes.split('').sort().join(''));
  });

  test.each(['a', '^a|b', '^a?b', '^a*', '^(a)', '^(?i)a', '^.', '^a{0,3}b', '^\\x41', '^\\pL'])(
    '%s can begin with anything',
    (expression) => expect(firstBytes(expression)).toBeUndefined(),
  );
});
