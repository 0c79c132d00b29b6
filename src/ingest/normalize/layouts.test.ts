import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NORMALIZERS, WRAPPERS } from './all.ts';
import { LineKeeper, type Kept } from './kept-line.ts';

/** Which lines are kept as a layout, and what filling it gives. */

const FIXTURES = join(import.meta.dirname, '../../../fixtures/normalize');
const FORMATS = [...WRAPPERS, ...NORMALIZERS]
  .map(({ name }) => name)
  .filter((name) => name !== 'plain');
/** An unpaired surrogate has no UTF-8, so its escape cannot be made from the value. */
const WHOLE: Readonly<Record<string, string>> = { 'json/015.in': 'value' };

const ALL = FORMATS.flatMap((format) =>
  readdirSync(join(FIXTURES, format))
    .filter((file) => file.endsWith('.in'))
    .map((file) => `${format}/${file}`),
);

const keep = (line: string | Uint8Array): Kept => new LineKeeper().keep(Buffer.from(line));
const latin = (line: Uint8Array): string => Buffer.from(line).toString('latin1');

it.each(ALL)('%s comes back byte for byte from its values', (file) => {
  const line = readFileSync(join(FIXTURES, file));
  const kept = new LineKeeper().keep(line);
  const whole = WHOLE[file];
  if (whole === undefined) expect(kept).toMatchObject({ line: latin(line) });
  else expect(kept).toEqual({ whole });
});

it('all of them, one after the other in any order, come back', () => {
  const keeper = new LineKeeper();
  for (const first of ALL)
    for (const file of [first, ...ALL]) {
      const line = readFileSync(join(FIXTURES, file));
      const kept = keeper.keep(line);
      if (WHOLE[file] === undefined) expect(kept, file).toMatchObject({ line: latin(line) });
    }
});

describe('layouts', () => {
  it.each([
    ['{"a":1,"b":"x"}', '{"a":<attributes.a>,"b":"<attributes.b>"}'],
    ['{ "a" : 1 }', '{ "a" : <attributes.a> }'],
    ['  {"a":1}\t', '  {"a":<attributes.a>}\t'],
    ['{"a":{"b":[1, 2]},"c":{}}', '{"a":{"b":<attributes.a.b>},"c":<attributes.c>}'],
    ['{"a.b":1,"<x>":2}', '{"a.b":<attributes.a.b>,"\\<x>":<attributes.\\<x\\>>}'],
    ['{"msg":"caf\\u00e9","level":null}', '{"msg":"<body:json.a>","level":null}'],
    ['{"msg":"a\\/b \\u003c"}', '{"msg":"<body:json.hs>"}'],
    [
      '{"msg":"","user_agent":"","level":""}',
      '{"msg":"<body>","user_agent":"<user_agent>","level":""}',
    ],
    [
      '{"status":200,"duration_ms":1.50}',
      '{"status":<status:number>,"duration_ms":<duration_ns:ms.2>}',
    ],
    ['{"status":"0200","x":007}', undefined],
    ['{"status":"0200"}', '{"status":"<attributes.status>"}'],
    ['level=info msg="a b"  x=1 ', 'level=<severity_text> msg="<body>"  x=<attributes.x> '],
    ['{"":1}', '{"":<attributes.>}'],
  ])('%s', (line, layout) => {
    const kept = keep(line);
    if (layout === undefined) expect(kept).toBeUndefined();
    else expect(kept).toEqual({ layout, line });
  });

  it.each([
    ['{"a":1,"a":2}', 'duplicate'],
    ['{"msg":"\\u003c <"}', 'value'],
    ['{"msg":"\\ud800"}', 'value'],
    [`{"${'n'.repeat(300)}":1}`, 'names'],
  ])('%s is kept whole', (line, whole) => {
    expect(keep(line)).toEqual({ whole });
  });

  it('lines of one look have one layout', () => {
    const keeper = new LineKeeper();
    const layouts = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const line = `{"ts":"2025-11-20T10:00:00.${String(i).padStart(3, '0')}Z","n":${i},"msg":"m${i}"}`;
      const kept = keeper.keep(Buffer.from(line));
      expect(kept).toMatchObject({ line });
      if (kept !== undefined && 'layout' in kept) layouts.add(kept.layout);
    }
    expect([...layouts]).toEqual([
      '{"ts":"<timestamp:time T.3Z>","n":<attributes.n>,"msg":"<body>"}',
    ]);
  });

  it('two names of one column: each row is tried, and told apart', () => {
    const keeper = new LineKeeper();
    for (const [status, code] of [
      [200, 200],
      [0, 200],
      [200, 0],
      [0, 0],
      [404, 404],
    ]) {
      const line = `{"status":${status},"response_code":${code}}`;
      const kept = keeper.keep(Buffer.from(line));
      if (kept !== undefined && 'line' in kept) expect(kept.line).toBe(line);
      else expect(kept).toEqual({ whole: 'mismatch' });
    }
  });

  it.each([
    [
      '{"trace_id":"","traceparent":"x"}',
      '{"trace_id":"","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}',
    ],
    [
      '{"flow":{"time":"2025-11-20T10:00:00Z","verdict":"FORWARDED","l7":{"http":{"protocol":""}}}}',
      '{"flow":{"time":"2025-11-20T10:00:00Z","verdict":"FORWARDED","l7":{"http":{"protocol":""}}' +
        ',"l4":{"TCP":{"source_port":1}}}}',
    ],
    ['{"service":"","k8s":{"labels":{"app":""}}}', '{"service":"","k8s":{"labels":{"app":"a"}}}'],
  ])('an empty value stays empty where another field tells it: %s', (...lines) => {
    const keeper = new LineKeeper();
    for (const line of [...lines, ...lines])
      expect(keeper.keep(Buffer.from(line))).toMatchObject({ line });
  });

  it('what the envelope says otherwise stays in attributes, and the line comes back', () => {
    const keeper = new LineKeeper();
    const line = '{"level":"info","time":"2025-11-20T10:00:00Z","service":"a","status":0}';
    const envelope = [
      undefined,
      (record: Parameters<NonNullable<Parameters<LineKeeper['keep']>[1]>>[0]): void => {
        record.setTime(1, 2);
        record.setText(4, 'b');
        record.numbers[29] = 500;
      },
    ];
    for (const from of [...envelope, ...envelope]) {
      expect(keeper.keep(Buffer.from(line), from)).toMatchObject({ line });
    }
  });
});

it('an object that is named by data is one value', () => {
  const keeper = new LineKeeper();
  const layouts = new Set<string>();
  for (const name of [
    '4711',
    '10.0.0.7',
    '2025-11-20',
    '5f3a9c42-1b7d-4e21-9a6f-0c1d2e3f4a5b',
    '1',
  ]) {
    const line = `{"n":1,"by":{"${name}":1, "other":{"x":2}},"m":"x"}`;
    const kept = keeper.keep(Buffer.from(line));
    expect(kept).toMatchObject({ line });
    if (kept !== undefined && 'layout' in kept) layouts.add(kept.layout);
  }
  expect([...layouts]).toEqual(['{"n":<attributes.n>,"by":<attributes.by>,"m":"<attributes.m>"}']);
  for (const name of ['http2', 'p99', 's3', 'x509']) {
    expect(keeper.keep(Buffer.from(`{"by":{"${name}":1}}`))).toMatchObject({
      layout: `{"by":{"${name}":<attributes.by.${name}>}}`,
    });
  }
});
