import { expect, test } from 'vitest';
import { encodeMessage } from '../../../fixtures/decode/messages.ts';
import { LIMITS } from '../../model/limits.ts';
import { LogRecord } from '../../model/record.ts';
import { CapturedSink } from './captured-sink.ts';
import type { EventSink, Reply } from './decode.ts';
import { createOtlp } from './otlp.ts';
import { ProtoReader } from './protobuf.ts';

const otlp = createOtlp();

const send = (body: Uint8Array, sink: EventSink, type = 'application/x-protobuf'): Reply =>
  otlp.decode(
    { method: 'POST', path: '/v1/logs', query: '', headers: { 'content-type': type }, body },
    sink,
  );

const sendJson = (value: unknown, sink: EventSink): Reply =>
  send(new TextEncoder().encode(JSON.stringify(value)), sink, 'application/json');

const logs = (...logRecords: object[]): object => ({
  resourceLogs: [{ scopeLogs: [{ logRecords }] }],
});

test('a partial success says how many records are missing, as varint and string', () => {
  const body = new Uint8Array([0x0a, 6, 0x12, 4, 0x12, 2, 0x2a, 9]);
  const { status, body: reply } = send(body, new CapturedSink());
  const bytes = reply as Uint8Array;
  const reader = new ProtoReader();
  reader.open(bytes, 0, bytes.length);
  expect([status, reader.tag(bytes.length)]).toEqual([200, 0x0a]);
  const end = reader.span(bytes.length);
  expect([reader.tag(end), reader.uint(end), reader.tag(end)]).toEqual([0x08, 1, 0x12]);
  const to = reader.span(end);
  expect(new TextDecoder().decode(bytes.subarray(reader.pos, to))).toMatch(/^1 log records were/);
});

test.each([
  ['TRACE', 1],
  ['DEBUG4', 8],
  ['INFO', 9],
  ['WARN3', 15],
  ['FATAL4', 24],
])('severity SEVERITY_NUMBER_%s is %i', (name, number) => {
  const sink = new CapturedSink();
  sendJson(logs({ severityNumber: `SEVERITY_NUMBER_${name}` }, { severityNumber: number }), sink);
  expect(sink.events.map(({ columns }) => columns?.['severity'])).toEqual([number, number]);
});

test.each([['SEVERITY_NUMBER_INFO5'], ['INFO'], ['SEVERITY_NUMBER_UNSPECIFIED2'], [-1e30], [{}]])(
  'severity %s is none',
  (severityNumber) => {
    const sink = new CapturedSink();
    const reply = sendJson(logs({ severityNumber }, { severityNumber: 9 }), sink);
    expect(sink.rejects).toEqual(['bad_record']);
    expect(sink.events).toHaveLength(1);
    expect(JSON.parse(reply.body as string)).toMatchObject({
      partialSuccess: { rejectedLogRecords: '1' },
    });
  },
);

test('a severity word alone sets the number too', () => {
  const sink = new CapturedSink();
  sendJson(logs({ severityText: 'Warning' }, { severityText: 'whatever' }), sink);
  expect(sink.events.map(({ columns }) => columns)).toEqual([
    { severity: 13, severity_text: 'Warning' },
    { severity_text: 'whatever' },
  ]);
});

test('resource and scope are not multiplied without bound', () => {
  let commits = 0;
  let rejects = 0;
  const record = new LogRecord();
  const sink: EventSink = {
    observedSec: 0,
    begin: () => {
      record.reset();
      return record;
    },
    commit: () => {
      commits++;
    },
    span: () => undefined,
    reject: () => {
      rejects++;
    },
  };
  const attribute = { key: 'a', value: { stringValue: 'v'.repeat(1_000_000) } };
  const scope = { logRecords: new Array<object>(3).fill({}) };
  const body = encodeMessage('LogsRequest', {
    resourceLogs: [
      {
        resource: { attributes: [attribute] },
        scopeLogs: [...new Array<object>(10_000).fill({}), ...new Array<object>(400).fill(scope)],
      },
    ],
  });
  const start = performance.now();
  const reply = send(body, sink);
  expect(reply.status).toBe(200);
  expect(performance.now() - start).toBeLessThan(5_000);
  expect(commits).toBeGreaterThan(0);
  expect(commits * 1_000_000).toBeLessThanOrEqual(LIMITS.stampedBytes);
  expect(commits + rejects).toBe(1_200);
});

test('text that would outgrow its bound rejects its record only', () => {
  const sink = new CapturedSink();
  const values = Array.from({ length: 40 }, () => ({ stringValue: '\u0001'.repeat(200_000) }));
  const body = encodeMessage('LogsRequest', {
    resourceLogs: [
      {
        scopeLogs: [
          { logRecords: [{ body: { arrayValue: { values } } }, { body: { stringValue: 'ok' } }] },
        ],
      },
    ],
  });
  expect(send(body, sink).status).toBe(200);
  expect(sink.rejects).toEqual(['bad_record']);
  expect(sink.events.map(({ line }) => line)).toEqual(['ok']);
});

test('an error names what is wrong, in the encoding of the request', () => {
  const json = sendJson({ resourceLogs: {} }, new CapturedSink());
  expect(json).toMatchObject({ status: 400, headers: { 'content-type': 'application/json' } });
  expect(JSON.parse(json.body as string)).toEqual({
    code: 3,
    message: 'resourceLogs must be an array',
  });
  const headers = { 'content-type': 'application/x-protobuf' };
  const busy = otlp.refuse('busy', { path: '/v1/logs', headers });
  expect(busy.headers).toEqual({ ...headers, 'retry-after': '1' });
  expect([...(busy.body as Uint8Array).subarray(0, 3)]).toEqual([0x08, 14, 0x12]);
});
