import { describe, expect, test } from 'vitest';
import { must } from '../../model/errors.ts';
import { LogqlError } from '../logql/errors.ts';
import { parseLogql } from '../logql/parser.ts';
import { compilePipeline } from '../predicate.ts';
import { lokiRecord, testRows, type TestRecord } from '../testing.ts';

/** Runs stages over one line of a stream `app="shop"` with structured metadata `trace_id="t1"`. */
const run = (
  stages: string,
  line: string | Uint8Array,
  more: Partial<TestRecord> = {},
): { line: string; labels: Record<string, string> } | 'dropped' => {
  const expr = parseLogql(`{app="shop"} ${stages}`);
  if (expr instanceof LogqlError || expr.type !== 'log')
    throw new Error(`no query for lines: ${stages}`);
  const record = lokiRecord(1n, { app: 'shop' }, line, { metadata: { trace_id: 't1' }, ...more });
  const [row] = testRows([record], { discoverLogLevels: false });
  const entry = compilePipeline(expr.stages)(must(row, 'one row'));
  if (entry === undefined) return 'dropped';
  const { app, trace_id: trace, ...labels } = Object.fromEntries(entry.all());
  // What every line has is only said where it is not as it was.
  return {
    line: entry.line,
    labels: {
      ...(app !== 'shop' && { app: String(app) }),
      ...(trace !== 't1' && { trace_id: String(trace) }),
      ...labels,
    },
  };
};

const labelsOf = (stages: string, line: string): Record<string, string> | 'dropped' => {
  const result = run(stages, line);
  return result === 'dropped' ? result : result.labels;
};

describe('line filters', () => {
  test.each([
    ['|= "b c"', 'a b c', true],
    ['|= "B"', 'a b c', false],
    ['|= ""', '', true],
    ['|= "x" or "c"', 'a b c', true],
    ['!= "x" or "c"', 'a b c', false],
    ['|~ "b.c"', 'a b c', true],
    ['|~ "(?i)B"', 'a b c', true],
    ['|~ "a.b"', 'a\nb', false],
    ['|~ "(?s)a.b"', 'a\nb', true],
    ['!~ "[0-9]+"', 'a b c', true],
    ['|> "<_> b <_>"', 'a b c', true],
    ['|> "<_> b"', 'a b c', false],
    ['|> "b <_>"', 'a b c', true],
    ['!> "<_>x<_>"', 'a b c', true],
    ['|> ""', '', true],
    ['|= ip("10.0.0.0/8")', 'from 10.1.2.3 to 8.8.8.8', true],
    ['|= ip("192.168.0.1-192.168.0.9")', 'from 192.168.0.10', false],
    ['!= ip("10.0.0.0/8")', 'from 10.1.2.3', false],
    ['|= ip("2001:db8::/32")', 'peer [2001:db8::17]:443', true],
    ['|= "a" |= "c" != "d"', 'a b c', true],
  ])('%s keeps %j: %s', (stages, line, kept) => {
    expect(run(stages, line) !== 'dropped').toBe(kept);
  });

  test('bytes that are no text are looked for as bytes', () => {
    const line = Uint8Array.from([0x61, 0xff, 0x62]);
    expect(run('|= "\ufffd"', line)).toBe('dropped');
    expect(run('|= "a"', line)).toMatchObject({ line: 'a\ufffdb' });
    expect(run('|~ "^a.b$"', line)).toMatchObject({ line: 'a\ufffdb' });
  });
});

describe('json', () => {
  test.each<[string, string, Record<string, string>]>([
    [
      '| json',
      '{"a":"x","b":1,"c":true,"d":null,"e":[1],"f":1.50e3}',
      { a: 'x', b: '1', c: 'true', f: '1.50e3' },
    ],
    ['| json', '{"a":{"b":{"c":"x"},"d e":2}}', { a_b_c: 'x', a_d_e: '2' }],
    ['| json', '{"1st":"x","a.b-c":"y"," ":"z","ü":"w"}', { _1st: 'x', a_b_c: 'y', _: 'w' }],
    [
      '| json',
      '{"app":"other","trace_id":"t2"}',
      { app_extracted: 'other', trace_id_extracted: 't2' },
    ],
    ['| json', '{"a":{"app":"x"},"a_app":"y"}', { a_app: 'x' }],
    ['| json', '{"a":"first","a":"second"}', { a: 'first' }],
    [
      '| json',
      '{"a":"\\u00e9\\n\\"\\/","b":"\\ud83d\\ude00","c":"\\ud83d","d":"\\q"}',
      { a: 'é\n"/', b: '😀', c: '', d: '' },
    ],
    ['| json', '{"a":"x"} and more', { a: 'x' }],
    ['| json', '{"a":"x","b":}', { a: 'x', __error__: 'JSONParserErr' }],
    ['| json', 'no json', { __error__: 'JSONParserErr' }],
    ['| json', '', { __error__: 'JSONParserErr' }],
    ['| json', '[1,2]', { __error__: 'JSONParserErr' }],
    ['| json | __error__=""', '{"a":1}', { a: '1' }],
    [
      '| json x="a.b[1]", y="a[\\"c d\\"]", z="gone"',
      '{"a":{"b":[1,{"k":"v"}],"c d":"s"}}',
      { x: '{"k":"v"}', y: 's', z: '' },
    ],
    ['| json app="a"', '{"a":"x"}', { app_extracted: 'x' }],
    ['| json x="a"', '{"a":null}', { x: '' }],
    ['| json x="a"', 'no json', { __error__: 'JSONParserErr' }],
    ['| json x="[0].a"', '[{"a":"x"}]', { x: 'x' }],
  ])('%s of %j', (stages, line, labels) => {
    const { __error_details__: details, ...found } = labelsOf(stages, line) as Record<
      string,
      string
    >;
    expect(found).toEqual(labels);
    expect(details === undefined || details.length > 0).toBe(true);
  });

  test('nesting has a limit, and says so', () => {
    const deep = '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000);
    expect(labelsOf('| json', deep)).toMatchObject({ __error__: 'JSONParserErr' });
  });
});

describe('logfmt', () => {
  test.each<[string, string, Record<string, string>]>([
    ['| logfmt', 'a=1 b="x y" c="q\\"q" d', { a: '1', b: 'x y', c: 'q"q' }],
    ['| logfmt --keep-empty', 'a= b="" c d=1', { a: '', b: '', c: '', d: '1' }],
    ['| logfmt', 'a=1 =2 b=3 c"d e=4', { a: '1', b: '3', e: '4' }],
    ['| logfmt --strict', 'a=1 =2 b=3', { a: '1', __error__: 'LogfmtParserErr' }],
    [
      '| logfmt',
      'a=1 a=2 app=x trace_id=y',
      { a: '1', app_extracted: 'x', trace_id_extracted: 'y' },
    ],
    ['| logfmt', 'a.b=1 9x=2', { a_b: '1', _9x: '2' }],
    ['| logfmt', 'a="never closed', {}],
    ['| logfmt x="a", y', 'a=1 y=2 z=3', { x: '1', y: '2' }],
    ['| logfmt x="gone"', 'a=1', { x: '' }],
    ['| logfmt', 'plain words only', {}],
  ])('%s of %j', (stages, line, labels) => {
    const { __error_details__: details, ...found } = labelsOf(stages, line) as Record<
      string,
      string
    >;
    expect(found).toEqual(labels);
    expect(details !== undefined).toBe('__error__' in labels);
  });
});

describe('other parsers', () => {
  test.each<[string, string, Record<string, string>]>([
    [
      '| pattern "<ip> - <_> \\"<method> <path>\\""',
      '1.2.3.4 - bob "GET /x"',
      { ip: '1.2.3.4', method: 'GET', path: '/x' },
    ],
    ['| pattern "<a> - <b> + <c>"', 'x - y', { a: 'x', b: 'y' }],
    ['| pattern "lead <a>"', 'other x', {}],
    ['| pattern "<app>"', 'x', { app_extracted: 'x' }],
    ['| regexp "(?P<a>\\\\w+) (?P<b>x)?"', 'one two', { a: 'one', b: '' }],
    ['| regexp "(?P<a>[0-9]+)"', 'none', {}],
    ['| regexp "(?P<app>\\\\w+)"', 'one', { app_extracted: 'one' }],
  ])('%s of %j', (stages, line, labels) => {
    expect(labelsOf(stages, line)).toEqual(labels);
  });

  test('unpack gives back the packed line and its labels', () => {
    expect(run('| unpack', '{"_entry":"the line","pod":"p","n":1,"app":"x"}')).toEqual({
      line: 'the line',
      labels: { pod: 'p', app_extracted: 'x' },
    });
    expect(run('| unpack', '{"pod":"p"}')).toEqual({ line: '{"pod":"p"}', labels: {} });
    expect(run('| unpack |= "the"', '{"_entry":"the line"}')).toMatchObject({ line: 'the line' });
  });

  test('decolorize takes control sequences away', () => {
    expect(run('| decolorize', '\u001b[31mred\u001b[0m and \u001b[1;32mgreen')).toMatchObject({
      line: 'red and green',
    });
  });

  test('record gives columns and attributes', () => {
    const record = {
      columns: { receiver: 'otlp', path: '/x', service: 'cart' },
      attributes: { 'http.flavor': '2', path: 'other' },
    };
    expect(run('| record', 'a line', record)).toMatchObject({
      labels: { path: '/x', service: 'cart', http_flavor: '2', body: 'a line' },
    });
  });
});

describe('label filters', () => {
  const line = '{"n":"10","t":"1.5s","s":"2KB","w":"word","ip":"10.0.0.7","e":""}';
  test.each([
    ['| n = 10', true],
    ['| n != 10', false],
    ['| n > 9.5', true],
    ['| n >= 10 and n < 11', true],
    ['| n < 5 or w = "word"', true],
    ['| t > 1s', true],
    ['| t < 1500ms', false],
    ['| s = 2000B', true],
    ['| s > 1KiB', true],
    ['| gone > 1', false],
    ['| gone = ""', true],
    ['| gone != ""', false],
    ['| w =~ "wo.*"', true],
    ['| w =~ "wo"', false],
    ['| w !~ "x.*"', true],
    ['| app = "shop", trace_id = "t1"', true],
    ['| ip = ip("10.0.0.0/8")', true],
    ['| ip != ip("10.0.0.0/8")', false],
    ['| gone = ip("10.0.0.0/8")', false],
  ])('%s', (filter, kept) => {
    expect(run(`| json ${filter}`, line) !== 'dropped').toBe(kept);
  });

  test('what is no number stays and says so, unless something else was wrong before', () => {
    expect(labelsOf('| json | w > 1', line)).toMatchObject({ __error__: 'LabelFilterErr' });
    expect(labelsOf('| json | w > 1 | __error__ = ""', line)).toBe('dropped');
    expect(labelsOf('| json | app > 1', 'no json')).toMatchObject({ __error__: 'JSONParserErr' });
  });
});

describe('changing labels', () => {
  test.each<[string, Record<string, string>]>([
    ['| json | drop a, b="2"', { c: '3' }],
    ['| json | drop b="x"', { a: '1', b: '2', c: '3' }],
    ['| json | keep a, c="3"', { a: '1', c: '3', app: 'undefined', trace_id: 'undefined' }],
    ['| json | drop app', { a: '1', b: '2', c: '3', app: 'undefined' }],
    ['| json | label_format z=a', { b: '2', c: '3', z: '1' }],
  ])('%s', (stages, labels) => {
    expect(labelsOf(stages, '{"a":"1","b":"2","c":"3"}')).toEqual(labels);
  });

  test('a dropped error does not fail what follows', () => {
    expect(labelsOf('| json | drop __error__, __error_details__', 'no json')).toEqual({});
  });

  test.each(['| line_format "{{.app}}"', '| label_format a="{{.b}}"'])(
    '%s is refused',
    (stages) => {
      expect(() => run(stages, 'x')).toThrow('not supported yet');
    },
  );
});

describe('distinct', () => {
  test('keeps the first line of each value', () => {
    const expr = parseLogql('{app="shop"} | json | distinct a');
    if (expr instanceof LogqlError || expr.type !== 'log') throw new Error('no query for lines');
    const lines = ['{"a":1}', '{"a":2}', '{"a":1}', '{"b":1}', '{}'];
    const rows = testRows(
      lines.map((line, i) => lokiRecord(BigInt(i), { app: 'shop' }, line)),
      {
        discoverLogLevels: false,
      },
    );
    const pipeline = compilePipeline(expr.stages);
    expect(rows.flatMap((row) => pipeline(row)?.line ?? [])).toEqual([
      '{"a":1}',
      '{"a":2}',
      '{"b":1}',
    ]);
  });
});
