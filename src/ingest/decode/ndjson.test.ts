import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { CapturedSink } from './captured-sink.ts';
import type { Reply } from './decode.ts';
import { createNdjson } from './ndjson.ts';

const decoder = createNdjson();

const send = (
  body: string | Uint8Array,
  headers: Record<string, string> = { 'content-type': 'application/x-ndjson' },
): { reply: Reply; sink: CapturedSink; json: unknown } => {
  const sink = new CapturedSink();
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const request = { method: 'POST', path: '/v1/ndjson', query: '', headers, body: bytes };
  const reply = decoder.decode(request, sink);
  return { reply, sink, json: JSON.parse(String(reply.body)) };
};

const bad = (line: number): object => ({
  line,
  code: 'not_json_object',
  message: 'the line is not a JSON object',
});

test.each<[string, string, string[], number[]]>([
  ['two lines', '{"a":1}\n{"b":2}\n', ['{"a":1}', '{"b":2}'], []],
  ['no final newline', '{"a":1}\n{"b":2}', ['{"a":1}', '{"b":2}'], []],
  ['CR LF and blank lines', '\r\n{"a":1}\r\n\r\n \n{"b":2}\r\n', ['{"a":1}', '{"b":2}'], []],
  ['a byte order mark', '\ufeff{"a":1}\n', ['{"a":1}'], []],
  [
    'bytes as they are',
    ' { "b" : 1.0e0,"a":"\\u00E9\\/" }\t\n',
    [' { "b" : 1.0e0,"a":"\\u00E9\\/" }\t'],
    [],
  ],
  [
    'a message',
    '{"message":"x\\ty","k":1}\n{"k":2}\n{"message":"z"}\n',
    ['x\ty', '{"k":2}', 'z'],
    [],
  ],
  [
    'bad lines by number',
    '\n{"a":1}\ntext\n[1]\n{"a":1}}\n{"b":2}\n',
    ['{"a":1}', '{"b":2}'],
    [3, 4, 5],
  ],
  ['an empty object', '{}\n', ['{}'], []],
])('%s', (_name, body, lines, rejected) => {
  const { reply, sink, json } = send(body);
  expect(reply.status).toBe(200);
  expect(sink.events.map(({ line }) => line)).toEqual(lines);
  expect(json).toEqual({
    accepted: lines.length,
    rejected: rejected.length,
    errors: rejected.map(bad),
  });
  expect(sink.rejects).toEqual(rejected.map(() => 'not_json_object'));
});

test('the reply tells the first twenty bad lines and counts the rest', () => {
  const { json } = send(`{"a":1}\n${'x\n'.repeat(50)}`);
  expect(json).toMatchObject({ accepted: 1, rejected: 50 });
  expect((json as { errors: unknown[] }).errors).toHaveLength(20);
});

test.each<[string | Uint8Array, Record<string, string>, number, string]>([
  ['', {}, 400, 'empty_body'],
  ['\n\n', {}, 400, 'empty_body'],
  ['text\n', {}, 400, 'not_json_object'],
  ['{"a":1}', { 'content-type': 'text/csv' }, 415, 'unsupported_media_type'],
  ['{"a":1}', { 'content-encoding': 'gzip' }, 400, 'malformed_body'],
  ['{"a":1}', { 'content-encoding': 'br' }, 415, 'unknown_encoding'],
])('%j with %j is refused: %i %s', (body, headers, status, code) => {
  const { reply, sink, json } = send(body, headers);
  expect(reply.status).toBe(status);
  const { error } = json as { error: { code: string; message: string; hint: string } };
  expect(error.code).toBe(code);
  expect(error.message).not.toBe('');
  expect(error.hint).not.toBe('');
  expect(sink.events).toEqual([]);
  expect(sink.rejects.length).toBeGreaterThan(0);
});

test.each([
  ['application/x-ndjson'],
  ['application/json; charset=utf-8'],
  ['application/jsonl'],
  ['text/plain'],
  [''],
])('content type %j is taken', (type) => {
  expect(send('{"a":1}', { 'content-type': type }).reply.status).toBe(200);
});

test('gzip and zstd are undone', () => {
  const line = Buffer.from('{"message":"packed"}\n');
  for (const [encoding, body] of [
    ['gzip', gzipSync(line)],
    ['zstd', zstdCompressSync(line)],
  ] as const) {
    const { sink } = send(body, { 'content-encoding': encoding });
    expect(sink.events).toEqual([{ line: 'packed' }]);
  }
});
