import { describe, expect, it } from 'vitest';
import { MeshtrailError } from '../../model/errors.ts';
import { LogRecord } from '../../model/record.ts';
import { describeRecord, type Described } from '../normalize/described.ts';
import { LineKeeper } from '../normalize/kept-line.ts';
import { createNormalize } from '../normalize/recognise.ts';
import { compileFormat, type Kind } from './compile.ts';
import { GROK } from './grok-patterns.ts';

const described = (line: string, kind: Kind, format: string): Described => {
  const record = new LogRecord();
  record.observedSec = 1_763_632_800;
  const bytes = Buffer.from(line);
  record.setLine(bytes, 0, bytes.length);
  createNormalize({ override: { '': compileFormat({ kind, format }) } })(record, 0);
  return describeRecord(record);
};

const keeperOf = (kind: Kind, format: string): LineKeeper =>
  new LineKeeper(createNormalize({ override: { '': compileFormat({ kind, format }) } }));

const refusal = (kind: Kind, format: string): MeshtrailError => {
  try {
    compileFormat({ kind, format });
  } catch (error) {
    if (error instanceof MeshtrailError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

describe('grok', () => {
  it.each(Object.keys(GROK))('%s is of the linear language', (name) => {
    expect(compileFormat({ kind: 'grok', format: `%{${name}:x}` }).fields.length).toBeGreaterThan(
      0,
    );
  });

  it.each([
    ['IP', '10.0.0.1', '2001:db8::7', '::1'],
    ['HOSTNAME', 'a.example.org', 'web-1', 'localhost'],
    [
      'TIMESTAMP_ISO8601',
      '2025-11-20T10:00:00.123Z',
      '2025-11-20 10:00:00,123',
      '2025-11-20T10:00:00+01:00',
    ],
    [
      'HTTPDATE',
      '20/Nov/2025:10:00:00 +0000',
      '01/Jan/1999:23:59:59 -0700',
      '31/May/2030:00:00:00 +0100',
    ],
    ['NUMBER', '1', '-1.5', '.5'],
    ['LOGLEVEL', 'INFO', 'warning', 'Error'],
    ['QS', '"a b"', "'x'", '"a \\" b"'],
    ['URI', 'http://a.org/x?y=1', 'https://u@h:8080/', 'ftp://10.0.0.1/a/b'],
    ['UNIXPATH', '/a/b', '/', '/var/log/x.log'],
    ['EMAILADDRESS', 'a@b.org', 'a.b+c@d.example', 'x_y@z.io'],
    [
      'UUID',
      '5f3a9c42-1b7d-4e21-9a6f-0c1d2e3f4a5b',
      '00000000-0000-0000-0000-000000000000',
      'FFFFFFFF-0000-0000-0000-000000000000',
    ],
    ['SYSLOGTIMESTAMP', 'Nov 20 10:00:00', 'Feb  6 12:14:14', 'May 1 00:00:00'],
    ['MAC', '00:1a:2b:3c:4d:5e', '00-1A-2B-3C-4D-5E', '001a.2b3c.4d5e'],
    ['JAVACLASS', 'org.example.App', 'App', 'a.b$C'],
  ])('%s matches the whole of its kind', (name, ...texts) => {
    const compiled = compileFormat({ kind: 'grok', format: `^<%{${name}:x}>$` });
    for (const text of texts) expect(compiled.read(Buffer.from(`<${text}>`))).toEqual([text]);
    expect(compiled.read(Buffer.from('<>'))).toBeUndefined();
  });

  it('names become columns and attributes, and the line comes back', () => {
    const format =
      '%{TIMESTAMP_ISO8601:timestamp} %{LOGLEVEL:level} \\[%{DATA:[app][thread]}\\] ' +
      '(?<logger>\\S+) - %{GREEDYDATA:message}';
    const line = '2025-11-20T10:00:00.123Z ERROR [main] o.e.App - it failed: é';
    expect(described(line, 'grok', format)).toMatchObject({
      time: '2025-11-20T10:00:00.123000000Z',
      columns: { severity: 17, severity_text: 'ERROR', body: 'it failed: é' },
      attributes: ['app.thread=main', 'logger=o.e.App'],
    });
    expect(keeperOf('grok', format).keep(Buffer.from(line))).toEqual({
      layout:
        '<timestamp:time T.3Z> <severity_text> [<attributes.app.thread>] <attributes.logger> - <body>',
      line: Buffer.from(line).toString('latin1'),
    });
  });

  it('the common log format by its name', () => {
    const line = '10.0.0.1 - me [20/Nov/2025:10:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"';
    expect(described(line, 'grok', '%{COMBINEDAPACHELOG}').attributes).toEqual([
      'clientip=10.0.0.1',
      'ident=-',
      'auth=me',
      'verb=GET',
      'request=/a',
      'httpversion=1.1',
      'response=200',
      'bytes=5',
      'referrer="-"',
      'agent="curl/8"',
    ]);
  });

  it('unnamed text that is data keeps lines whole, and every line comes back', () => {
    const keeper = keeperOf('grok', '%{WORD:a} %{NUMBER} %{WORD:b}');
    const layouts = new Set<string>();
    for (let i = 0; i < 500; i++) {
      const kept = keeper.keep(Buffer.from(`x ${i} y`));
      if (kept !== undefined && 'layout' in kept) {
        layouts.add(kept.layout);
        expect(kept.line).toBe(`x ${i} y`);
      } else expect(kept).toEqual({ whole: 'names' });
    }
    expect(layouts.size).toBeLessThanOrEqual(64);
  });

  it.each([
    ['a %{NUMBR:x}', 'column 3', 'NUMBR', 'NUMBER'],
    ['%{NUMBER}', 'column 1', 'no value', 'name'],
    ['%{NUMBER:x} (?=a)', 'column', '(?=', 'linear'],
  ])('%s is refused', (format, where, what, hint) => {
    const error = refusal('grok', format);
    expect(error.message).toContain(where);
    expect(error.message).toContain(what);
    if (hint !== 'linear') expect(error.hint).toContain(hint);
  });
});

describe('regex', () => {
  it('named groups are fields; groups within groups and absent ones too', () => {
    const format =
      '^(?P<level>[A-Z]+) (?<request>(?P<method>\\S+) (?P<path>\\S+))(?: (?P<x>\\d+))?$';
    const line = 'WARN GET /a';
    expect(described(line, 'regex', format)).toMatchObject({
      columns: { severity_text: 'WARN', method: 'GET', path: '/a' },
      attributes: ['request=GET /a'],
    });
    expect(keeperOf('regex', format).keep(Buffer.from(line))).toMatchObject({ line });
    expect(described('nothing', 'regex', format)).toMatchObject({ structured: false });
  });

  it('takes linear time where others do not end', () => {
    const compiled = compileFormat({ kind: 'regex', format: '^(?P<x>(a+)+)$' });
    expect(compiled.read(Buffer.from(`${'a'.repeat(20_000)}!`))).toBeUndefined();
  });

  it('bytes that are no UTF-8 come back', () => {
    const line = Buffer.from([0x61, 0xff, 0x20, 0xc3, 0x28, 0x62]);
    const kept = keeperOf('regex', '^(?P<a>\\S+) (?P<b>.*)$').keep(line);
    expect(kept).toMatchObject({ line: line.toString('latin1') });
  });

  it.each([
    ['(?P<a>x', 'missing'],
    ['a(?P<b>\\1)', '\\1'],
    ['abc', 'no value'],
    ['(?P<a>(?:x{1000}){1000})', 'column'],
  ])('%s is refused', (format, what) => {
    expect(refusal('regex', format).message).toContain(what);
  });
});

describe('dissect', () => {
  it('names and what stands between', () => {
    const line = '2025-11-20T10:00:00Z [warn] main - it = x';
    expect(described(line, 'dissect', '%{ts} [%{level}] %{thread} - %{msg}')).toMatchObject({
      columns: { severity_text: 'warn', body: 'it = x' },
      attributes: ['thread=main'],
    });
  });

  it.each([
    ['%{a}%{b}', 'column 5'],
    ['%{a} %{+b}', 'column 6'],
    ['%{a->} %{b}', 'column 1'],
    ['a', 'column 1'],
  ])('%s is refused', (format, where) => {
    expect(refusal('dissect', format).message).toContain(`${where}:`);
  });
});

describe('csv', () => {
  it('names columns; values may be in quotes', () => {
    const line = '2025-11-20T10:00:00Z,warn,"a, b",,"say ""x"""';
    expect(described(line, 'csv', 'time,level,msg,none,said')).toMatchObject({
      time: '2025-11-20T10:00:00.000000000Z',
      columns: { severity_text: 'warn', body: 'a, b', line },
      attributes: ['said=say "x"'],
    });
    const keeper = keeperOf('csv', 'separator=; a;b');
    expect(keeper.keep(Buffer.from('"x;y";z'))).toEqual({
      layout: '"<attributes.a>";<attributes.b>',
      line: '"x;y";z',
    });
    expect(keeper.keep(Buffer.from('"x""y";z'))).toEqual({ whole: 'value' });
    expect(keeper.keep(Buffer.from('x;y;z'))).toBeUndefined();
    const compiled = compileFormat({ kind: 'csv', format: 'a,b' });
    expect(compiled.why(Buffer.from('x'))).toBe('expected 2 values, there are 1');
    expect(compiled.why(Buffer.from('"x'))).toContain('quote');
  });

  it.each([
    ['a,,b', 'column 3'],
    ['a,b,a', 'column 5'],
    ['separator=" a"b', 'column 1'],
  ])('%s is refused', (format, where) => {
    expect(refusal('csv', format).message).toContain(`${where}:`);
  });
});

describe('kv', () => {
  it('pairs with separators of their own', () => {
    const line = 'level: warn, msg: "a, b", user: me, x: ';
    const format = 'pair=", " value=": "';
    expect(described(line, 'kv', format)).toMatchObject({
      columns: { severity_text: 'warn', body: 'a, b' },
      attributes: ['user=me'],
    });
    expect(keeperOf('kv', format).keep(Buffer.from(line))).toMatchObject({ line });
    const compiled = compileFormat({ kind: 'kv', format: 'value==' });
    expect(compiled.read(Buffer.from('a=1  b="x y" c='))).toEqual(['1', 'x y', '']);
    expect(compiled.why(Buffer.from('a=1 prose'))).toBe('column 5: expected a name and its value');
    expect(compiled.read(Buffer.from('a=1 prose'))).toBeUndefined();
  });

  it.each([
    ['pair', 'column 1'],
    ['value== pairs=x', 'column 9'],
    ['pair="=" value="="', 'column 1'],
  ])('%s is refused', (format, where) => {
    expect(refusal('kv', format).message).toContain(`${where}:`);
  });
});
