import { expect, test } from 'vitest';
import { encodeMessage } from '../../../fixtures/decode/messages.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Span } from '../../model/span.ts';
import { CapturedSink } from './captured-sink.ts';
import type { Reply } from './decode.ts';
import { createOtlp } from './otlp.ts';
import { decodeProtobufTraces } from './otlp-traces.ts';

const otlp = createOtlp();
const headers = { 'content-type': 'application/json' };

const IDS = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) };
const BYTES = { traceId: Buffer.alloc(16, 0xab), spanId: Buffer.alloc(8, 0xcd) };

const sendJson = (spans: readonly object[]): { sink: CapturedSink; reply: Reply } => {
  const sink = new CapturedSink();
  const body = new TextEncoder().encode(
    JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }),
  );
  const request = { method: 'POST', path: '/v1/traces', query: '', headers, body };
  return { reply: otlp.decode(request, sink), sink };
};

const only = (span: object): Span | undefined => sendJson([{ ...IDS, ...span }]).sink.spans[0];

const decode = (resourceSpans: readonly object[]) => {
  const sink = new CapturedSink();
  return { ...decodeProtobufTraces(encodeMessage('TracesRequest', { resourceSpans }), sink), sink };
};

test.each([
  [{ kind: 'SPAN_KIND_SERVER' }, { kind: 2 }],
  [{ kind: '3' }, { kind: 3 }],
  [{ kind: 9 }, { kind: 0 }],
  [
    { status: { code: 'STATUS_CODE_ERROR', message: 'no' } },
    { statusCode: 2, statusMessage: 'no' },
  ],
  [{ status: { code: 1 } }, { statusCode: 1 }],
  [{ parentSpanId: '0000000000000000' }, { parentSpanId: '' }],
  [{ parentSpanId: 'ABCDEF0123456789' }, { parentSpanId: 'abcdef0123456789' }],
  [
    { start_time_unix_nano: 5, end_time_unix_nano: '18446744073709551615' },
    { startNs: 5n, endNs: 2n ** 64n - 1n },
  ],
  [
    { startTimeUnixNano: '5', endTimeUnixNano: '0' },
    { startNs: 5n, endNs: 5n, attributes: [] },
  ],
  [
    { startTimeUnixNano: '5', endTimeUnixNano: '3' },
    { startNs: 5n, endNs: 5n, attributes: [{ key: 'end_time_unix_nano', value: 3n }] },
  ],
  [
    { traceState: 'a=1', flags: 257 },
    { traceState: 'a=1', flags: 257 },
  ],
  [
    { attributes: [{ key: 'n', value: {} }, { key: 'none' }] },
    {
      attributes: [
        { key: 'n', value: { json: '{}' } },
        { key: 'none', value: { json: '{}' } },
      ],
    },
  ],
])('%j is understood', (span, wanted) => {
  expect(only(span)).toMatchObject(wanted);
});

test.each([
  [{ traceId: 'zz'.repeat(16) }, 'bad_span'],
  [{ traceId: '' }, 'bad_trace_id'],
  [{ traceId: 'ab'.repeat(8) }, 'bad_trace_id'],
  [{ traceId: 'ab'.repeat(300) }, 'bad_trace_id'],
  [{ spanId: '00'.repeat(8) }, 'bad_span_id'],
  [{ spanId: 'ab'.repeat(9) }, 'bad_span_id'],
  [{ parentSpanId: 'abab' }, 'bad_span_id'],
  [{ kind: 'SERVER' }, 'bad_span'],
  [{ name: {} }, 'bad_span'],
  [{ startTimeUnixNano: -1 }, 'bad_span'],
  [{ links: [{ traceId: 'x' }] }, 'bad_span'],
])('%j is refused alone', (span, reason) => {
  const { sink, reply } = sendJson([
    { ...IDS, ...span },
    { ...IDS, name: 'good' },
  ]);
  expect(sink.rejects).toEqual([reason]);
  expect(sink.spans.map(({ name }) => name)).toEqual(['good']);
  expect(JSON.parse(reply.body as string)).toMatchObject({
    partialSuccess: { rejectedSpans: '1' },
  });
});

test('what has no place in a span is an attribute of its resource or scope', () => {
  const { sink } = decode([
    {
      resource: { attributes: [], droppedAttributesCount: 2 },
      schemaUrl: 'https://example.org/r',
      scopeSpans: [
        { scope: { name: 's', droppedAttributesCount: 3 }, schemaUrl: 'u', spans: [BYTES] },
      ],
    },
  ]);
  expect(sink.spans).toMatchObject([
    {
      resource: [
        { key: 'dropped_attributes_count', value: 2n },
        { key: 'schema_url', value: 'https://example.org/r' },
      ],
      scopeName: 's',
      scope: [
        { key: 'dropped_attributes_count', value: 3n },
        { key: 'schema_url', value: 'u' },
      ],
    },
  ]);
});

test('spans of one resource and scope share what they say of them', () => {
  const { sink } = decode([{ resource: {}, scopeSpans: [{ spans: [BYTES, BYTES] }] }]);
  const [first, second] = sink.spans as [Span, Span];
  expect(first.resource).toBe(second.resource);
  expect(first.scope).toBe(second.scope);
});

test('resource and scope are not multiplied without bound', () => {
  const value = { stringValue: 'v'.repeat(1_000_000) };
  const resource = { attributes: [{ key: 'a', value }] };
  const spans = new Array<object>(400).fill(BYTES);
  const found = decode([{ resource, scopeSpans: [{ spans }] }]);
  expect(found.ok).toBe(true);
  expect(found.sink.spans.length * 1_000_000).toBeLessThanOrEqual(LIMITS.stampedBytes);
  expect(found.rejected).toBe(400 - found.sink.spans.length);
  expect(new Set(found.sink.rejects)).toEqual(new Set(['resource_too_large']));
});

test('values nested without end, and lists without end, cost their span only', () => {
  let value: object = { stringValue: 'deep' };
  for (let i = 0; i < 80; i++) value = { arrayValue: { values: [value] } };
  const deep = { ...IDS, attributes: [{ key: 'a', value }] };
  const many = { ...IDS, events: new Array<object>(LIMITS.spanItemsRead + 1).fill({}) };
  const { reply, sink } = sendJson([deep, many, IDS]);
  expect(sink.rejects).toEqual(['bad_span', 'bad_span']);
  expect(reply.body).toMatch(/2 spans were rejected: a span is malformed, nested too deeply/);
  expect(sink.spans).toHaveLength(1);
});

test('a body that is no request is refused whole', () => {
  const sink = new CapturedSink();
  const body = new Uint8Array([0x0a, 200]);
  expect(decodeProtobufTraces(body, sink)).toMatchObject({ ok: false });
  const type = { 'content-type': 'application/x-protobuf' };
  const request = { method: 'POST', path: '/v1/traces', query: '', headers: type, body };
  expect(otlp.decode(request, sink).status).toBe(400);
  expect(sink.rejects).toEqual(['malformed_protobuf']);
});
