import { afterEach, describe, expect, test } from 'vitest';
import { encodeSpans } from '../../../fixtures/decode/span-messages.ts';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import type { Span } from '../../model/span.ts';
import { CapturedSink } from './captured-sink.ts';
import { createJaegerGrpc } from './jaeger-grpc.ts';
import { createJaegerHttp } from './jaeger-http.ts';

const grpc = createJaegerGrpc();
const before = { ...LIMITS };

afterEach(() => {
  overrideLimits(before);
});

const TRACE = Buffer.from('0af7651916cd43dd8448eb211c80319c', 'hex');
const SPAN = TRACE.subarray(8);
const START = { seconds: '1763632800', nanos: 1_000 };

const send = (batch: object): { sink: CapturedSink; status: number | undefined } => {
  const sink = new CapturedSink();
  const call = {
    path: '/jaeger.api_v2.CollectorService/PostSpans',
    metadata: {},
    peer: { address: '192.0.2.1', transport: 'tcp' },
  } as const;
  const answer = grpc.open(call).message(encodeSpans('PostSpansRequest', { batch }), sink);
  return { sink, status: answer?.status };
};

const one = (span: object, process?: object): Span | undefined => {
  const base = { traceId: TRACE, spanId: SPAN, startTime: START };
  return send({ spans: [{ ...base, ...span }], process }).sink.spans[0];
};

const tags = (object: Readonly<Record<string, string | boolean | number>>): object[] =>
  Object.entries(object).map(([key, value]) => {
    if (typeof value === 'string') return { key, vStr: value };
    if (typeof value === 'boolean') return { key, vType: 1, vBool: value };
    return { key, vType: 2, vInt64: value };
  });

const attributesOf = (span: Span | undefined): Record<string, unknown> =>
  Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, value]));

describe('status', () => {
  const described = { 'otel.status_description': 'why' };

  test.each([
    [{}, 0, '', {}],
    [{ error: true }, 2, '', {}],
    [{ error: false }, 0, '', { error: false }],
    [{ error: 'true' }, 2, '', {}],
    [{ error: 'oops' }, 0, '', { error: 'oops' }],
    [{ error: true, ...described }, 2, 'why', {}],
    [{ error: true, 'otel.status_code': 'OK' }, 2, '', {}],
    [{ 'otel.status_code': 'ERROR', ...described }, 2, 'why', {}],
    [{ 'otel.status_code': 'ok' }, 1, '', {}],
    [{ 'otel.status_code': 'maybe' }, 0, '', { 'otel.status_code': 'maybe' }],
    [{ 'http.status_code': 200 }, 0, '', { 'http.status_code': 200n }],
    [{ 'http.status_code': 503 }, 2, '', { 'http.status_code': 503n }],
    [{ 'http.status_code': '503' }, 2, '', { 'http.status_code': '503' }],
    [{ 'http.status_code': 404, 'span.kind': 'client' }, 2, '', { 'http.status_code': 404n }],
    [{ 'http.status_code': 404, 'span.kind': 'server' }, 0, '', { 'http.status_code': 404n }],
    [{ 'http.status_code': 'teapot' }, 0, '', { 'http.status_code': 'teapot' }],
    [{ 'http.status_code': 503, error: false }, 2, '', { 'http.status_code': 503n, error: false }],
  ])('%j', (given, statusCode, statusMessage, left) => {
    const span = one({ tags: tags(given) });
    expect(span).toMatchObject({ statusCode, statusMessage });
    expect(attributesOf(span)).toEqual(left);
  });
});

describe('kind', () => {
  test.each([
    [{ 'span.kind': 'client' }, 3],
    [{ 'span.kind': 'SERVER' }, 2],
    [{ 'span.kind': 'producer' }, 4],
    [{ 'span.kind': 'consumer' }, 5],
    [{ 'span.kind': 'internal' }, 1],
    [{ 'span.kind': 'other' }, 0],
    [{}, 0],
    [{ 'otel.library.name': 'sdk' }, 1],
    [{ 'telemetry.sdk.name': 'opentelemetry' }, 1],
  ])('%j', (given, kind) => {
    expect(one({ tags: tags(given) })?.kind).toBe(kind);
  });
});

describe('references', () => {
  const other = Buffer.alloc(16, 7);
  const ref = (refType: number, traceId: Uint8Array, id: number): object => ({
    refType,
    traceId,
    spanId: [id],
  });
  const CHILD_OF = 0;
  const FOLLOWS = 1;
  const id = (n: number): string => n.toString(16).padStart(16, '0');

  test.each([
    ['none', [], '', []],
    ['a parent', [ref(CHILD_OF, TRACE, 1)], id(1), []],
    ['a parent after a link', [ref(FOLLOWS, TRACE, 2), ref(CHILD_OF, TRACE, 1)], id(1), [id(2)]],
    ['one that follows is the parent too', [ref(FOLLOWS, TRACE, 2)], id(2), [id(2)]],
    ['of another trace', [ref(CHILD_OF, other, 1)], '', [id(1)]],
    ['two parents', [ref(CHILD_OF, TRACE, 1), ref(CHILD_OF, TRACE, 3)], id(1), [id(3)]],
    ['nowhere', [ref(CHILD_OF, TRACE, 0)], '', []],
  ])('%s', (_name, references, parent, links) => {
    const span = one({ references });
    expect(span?.parentSpanId).toBe(parent);
    expect(span?.links.map(({ spanId }) => spanId)).toEqual(links);
  });
});

describe('resource', () => {
  const named = (span: Span | undefined): Record<string, unknown> =>
    Object.fromEntries((span?.resource ?? []).map(({ key, value }) => [key, value]));

  test('the process, whose hostname is the host', () => {
    const process = { serviceName: 'shop', tags: tags({ hostname: 'h', ip: '192.0.2.1' }) };
    expect(named(one({}, process))).toEqual({
      'service.name': 'shop',
      'host.name': 'h',
      ip: '192.0.2.1',
    });
    const both = { tags: tags({ hostname: 'h', 'host.name': 'n' }) };
    expect(named(one({}, both))).toEqual({ hostname: 'h', 'host.name': 'n' });
  });

  test("what OpenTelemetry's exporters put among the tags goes back, other tags stay", () => {
    const process = { serviceName: 'shop' };
    const given = { 'k8s.pod.name': 'p', 'service.name': 'shop', 'http.route': '/' };
    const plain = one({ tags: tags(given) }, process);
    expect(named(plain)).toEqual({ 'service.name': 'shop' });
    expect(attributesOf(plain)).toEqual(given);
    const flattened = one({ tags: tags({ ...given, 'telemetry.sdk.name': 'o' }) }, process);
    expect(named(flattened)).toEqual({
      'service.name': 'shop',
      'k8s.pod.name': 'p',
      'telemetry.sdk.name': 'o',
    });
    expect(attributesOf(flattened)).toEqual({ 'http.route': '/' });
  });
});

describe('too much of something', () => {
  test('tags, logs and references beyond the limit are counted as dropped', () => {
    overrideLimits({ spanItems: 2 });
    const references = Array.from({ length: 5 }, () => ({ traceId: SPAN, spanId: [1] }));
    const many = { tags: tags({ a: 'a', b: 'b', c: 'c' }), logs: [{}, {}, {}, {}], references };
    expect(one(many)).toMatchObject({ droppedAttributes: 1, droppedEvents: 2, droppedLinks: 3 });
  });

  test('a large process is not repeated onto ever more spans', () => {
    overrideLimits({ stampedBytes: 25_000 });
    const process = { serviceName: 's', tags: tags({ large: 'x'.repeat(10_000) }) };
    const spans = Array.from({ length: 5 }, () => ({ traceId: TRACE, spanId: SPAN }));
    const { sink, status } = send({ process, spans });
    expect([status, sink.spans.length]).toEqual([0, 2]);
    expect(sink.rejects).toEqual(Array<string>(3).fill('resource_too_large'));
  });
});

test.each([
  ['', 'no_content_type', 'Cannot parse content type'],
  ['application/json', 'unknown_content_type', 'Unsupported content type: application/json'],
  ['text/<b>', 'unknown_content_type', 'Unsupported content type: text/?b?'],
  ['application/x-thrift', 'malformed_thrift', 'Unable to process request body'],
])('over HTTP, a body of type "%s" is refused as %s', (type, reason, words) => {
  const sink = new CapturedSink();
  const headers = { 'content-type': type };
  const body = new TextEncoder().encode('{}');
  const request = { method: 'POST', path: '/api/traces', query: '', headers, body };
  const reply = createJaegerHttp().decode(request, sink);
  expect([reply.status, sink.rejects]).toEqual([400, [reason]]);
  expect(reply.body).toContain(words);
});
