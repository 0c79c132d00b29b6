import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { carriers, sendNdjson, type Carrier } from '../../sim/carriers.ts';
import {
  endServer,
  eventually,
  linesOf,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/** A line comes back byte for byte, whichever way it came and whichever way it is asked for. */
const PROGRAM = fileURLToPath(new URL('../../bin/meshtrail.js', import.meta.url));
const run = promisify(execFile);
let server: RunningServer;

beforeAll(async () => {
  server = await runServer();
});

afterAll(() => endServer(server));

/** A live tail starts an hour ago. */
const recent = new Date(Date.now() - 60_000).toISOString().replace('Z', '456789Z');
const yesterday = new Date(Date.now() - 86_400_000).toISOString();

const OBJECTS = [
  '{"n":1.50,"e":1e5,"z":-0,"big":12345678901234567890,"tiny":1E-400,"f":0.10}',
  '{"z":1,"a":2,"m":{"z":1,"a":[1, 2 ,3]},"a2":null}',
  '{ "spaced" :  "out" ,\t"tab":"\\t" }  ',
  '{"escapes":"\\u003c\\/\\u00e9\\ud83d\\ude00\\n\\r\\t\\b\\f\\\\\\"","plain":"é😀<"}',
  '{"nul":"a\\u0000b","raw\\u0000key":1}',
  '{"lone":"\\ud800 \\udfff"}',
  '{"dup":1,"dup":2,"dup":{"x":1}}',
  `{"msg":"hello","level":"info","time":"${recent}","ts":1.7e9}`,
  '{"":"empty name"," ":"blank name","a.b.c":"dots"}',
  '{"msg":"","level":null,"x":[]}',
  '{}',
  '{"message":"a\\n\\nDROP TABLE logs;\\nSELECT 1"}',
  '{"\u2028":"\u2029\u0085\ufeff"}',
];

const TEXTS = [
  ...OBJECTS,
  '',
  ' ',
  '   leading and trailing   ',
  'tab\there\t',
  'carriage\rreturn\r',
  'nul\0in\0the middle\0',
  '\0',
  'first\n\nDROP TABLE meshtrail.logs;\n\nSELECT 1; --',
  "'; DROP TABLE logs; --",
  '\n',
  '\n\n\n',
  '\\N',
  '\\\\N\\t\\n',
  '\ufeffbyte order mark',
  'unicode \u{1f600} é e\u0301 \u202e right to left',
  '[not, json',
  '{"cut": "js',
  '{"a":1} trailing text',
  '[1,2,3]',
  '"a string"',
  'null',
  '12345678901234567890.50',
  'key=value other="quo\\"ted" empty= bare',
  `I${yesterday.slice(5, 7)}${yesterday.slice(8, 10)} 03:04:05.000000 1 file.go:1] klog`,
  '127.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "curl"',
  '<34>1 2026-01-31T12:00:00Z host app - - - syslog in a line',
  'x'.repeat(70_000),
];

/** Syslog's framing takes one line end, datagrams a closing NUL, RFC 5424 the byte order mark. */
const expected = ({ name, protocol }: Carrier, line: string): string => {
  if (protocol !== 'syslog') return line;
  const ended = line.replace(name === 'syslog UDP' ? /\n?\0*$/ : /\n$/, '');
  return ended.replace(/^\ufeff/, '');
};

const ascending = (lines: readonly string[]): string[] => [...lines].sort();

const idOf = (name: string): string => `verbatim-${name.toLowerCase().replaceAll(' ', '-')}`;

/** UDP has no room for the longest. */
const fits = ({ name }: Carrier, line: string): boolean =>
  name !== 'syslog UDP' || line.length < 60_000;

describe.each(carriers().map((carrier) => [carrier.name, carrier] as const))(
  'lines sent by %s',
  (name, carrier) => {
    const lines = TEXTS.filter((line) => fits(carrier, line));
    const expectedLines = ascending(lines.map((line) => expected(carrier, line)));
    const all = `{service_name="${idOf(name)}"}`;

    beforeAll(async () => {
      const answer = await carrier.send(
        server,
        idOf(name),
        lines.map((line) => Buffer.from(line)),
      );
      expect(answer.status, answer.text).toBeLessThan(300);
      await eventually(
        () => linesOf(server, all, { start: '0' }),
        (found) => found.length >= lines.length,
      );
    });

    test('come back from query_range', async () => {
      const found = await linesOf(server, all, { start: '0' });
      expect(found).toEqual(expectedLines);
    });

    test('come back from query', async () => {
      const parameters = new URLSearchParams({ query: `sum(count_over_time(${all}[9000h]))` });
      const counted = await fetch(`${server.url}/loki/api/v1/query?${parameters.toString()}`);
      expect(await counted.text()).toContain(`"${lines.length}"`);
    });

    test('come back from the command line', async () => {
      const words = ['query', all, '--url', server.url, '--since', '9000h', '--limit', '5000'];
      const json = await run(process.execPath, [PROGRAM, ...words, '--output', 'json']);
      const found = json.stdout
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { line: string }).line);
      expect(ascending(found)).toEqual(expectedLines);
      const raw = await run(process.execPath, [PROGRAM, ...words, '--output', 'raw']);
      const size = expectedLines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
      expect(Buffer.byteLength(raw.stdout)).toBe(size);
      for (const line of expectedLines) expect(raw.stdout.includes(`${line}\n`)).toBe(true);
    });
  },
);

test('NDJSON objects come back from query_range and from a live tail', async () => {
  const query = '{service_name="verbatim-ndjson"}';
  const socket = new WebSocket(
    `${server.url.replace('http', 'ws')}/loki/api/v1/tail?query=${encodeURIComponent(query)}`,
  );
  const tailed: string[] = [];
  socket.on('message', (data: Buffer) => {
    const { streams } = JSON.parse(data.toString('utf8')) as {
      streams: { values: [string, string][] }[];
    };
    for (const { values } of streams) tailed.push(...values.map(([, line]) => line));
  });
  await new Promise((resolve) => socket.once('open', resolve));
  // With a message field the message is the line; the other objects are lines themselves.
  const objects = OBJECTS.filter((line) => !line.includes('"message"'));
  const lines = objects.map((line) =>
    line.replace(/^\{/, '{"service":"verbatim-ndjson",').replace(',}', '}'),
  );
  const answer = await sendNdjson(server, lines);
  expect(JSON.parse(answer.text)).toEqual({ accepted: lines.length, rejected: 0, errors: [] });
  expect(await linesOf(server, query, { start: '0' })).toEqual(ascending(lines));
  await eventually(
    () => tailed.length,
    (count) => count >= lines.length,
  );
  expect(ascending(tailed)).toEqual(ascending(lines));
  socket.close();
});

test('what JSON cannot carry is kept and shown with replacement characters', async () => {
  const bad = Buffer.from([0x61, 0xff, 0xfe, 0xc3, 0x28, 0x62]);
  for (const carrier of carriers(({ anyBytes }) => anyBytes)) {
    const service = `${idOf(carrier.name)}-invalid`;
    await carrier.send(server, service, [bad, Buffer.from('good beside it')]);
    const found = await eventually(
      () => linesOf(server, `{service_name="${service}"}`),
      (lines) => lines.length >= 2,
    );
    expect(found, carrier.name).toEqual(['a\ufffd\ufffd\ufffd(b', 'good beside it']);
  }
});
