import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import type { Span } from '../../model/span.ts';
import { CapturedSink } from './captured-sink.ts';
import { eventOf, linkOf } from './zipkin-event.ts';
import { addressText } from './zipkin-protobuf.ts';
import { createZipkin } from './zipkin.ts';

const zipkin = createZipkin();
const before = { ...LIMITS };

afterEach(() => {
  overrideLimits(before);
});

const post = (path: string, spans: unknown): { sink: CapturedSink; status: number } => {
  const sink = new CapturedSink();
  const headers = { 'content-type': 'application/json' };
  const body = new TextEncoder().encode(JSON.stringify(spans));
  const { status } = zipkin.decode({ method: 'POST', path, query: '', headers, body }, sink);
  return { sink, status };
};

const v2 = (span: object): Span | undefined =>
  post('/api/v2/spans', [{ traceId: '1', id: '2', ...span }]).sink.spans[0];

describe('ids', () => {
  test.each([
    ['1', '2', `${'0'.repeat(31)}1`, `${'0'.repeat(15)}2`],
    ['ABCDEF0123456789', 'FFFFFFFFFFFFFFFF', '0000000000000000abcdef0123456789', 'f'.repeat(16)],
    ['f'.repeat(17), '00000000000000ab', `${'0'.repeat(15)}${'f'.repeat(17)}`, '00000000000000ab'],
    ['f'.repeat(32), '1', 'f'.repeat(32), '0000000000000001'],
  ])('%s, %s', (traceId, id, trace, span) => {
    expect(v2({ traceId, id })).toMatchObject({ traceId: trace, spanId: span, parentSpanId: '' });
  });

  test.each([
    [{ traceId: 'g' }, 'bad_trace_id'],
    [{ traceId: ' 1' }, 'bad_trace_id'],
    [{ traceId: '0' }, 'bad_trace_id'],
    [{ traceId: 'f'.repeat(33) }, 'bad_trace_id'],
    [{ id: '0x1' }, 'bad_span_id'],
    [{ id: 'f'.repeat(17) }, 'bad_span_id'],
    [{ id: '\u0661' }, 'bad_span_id'],
    [{ parentId: 'f'.repeat(17) }, 'bad_span_id'],
    [{ timestamp: -1 }, 'bad_timestamp'],
    [{ timestamp: 1, duration: 9e15 + 1e15 }, 'bad_timestamp'],
    [{ annotations: [{ timestamp: -5, value: 'x' }] }, 'bad_timestamp'],
    [{ timestamp: {} }, 'bad_span'],
    [{ tags: 'x' }, 'bad_span'],
  ])('%j is refused as %s, and the next is taken', (bad, reason) => {
    const list = [
      { traceId: '1', id: '2', ...bad },
      { traceId: '1', id: '3' },
    ];
    const { sink, status } = post('/api/v2/spans', list);
    expect([status, sink.rejects, sink.spans.length]).toEqual([202, [reason], 1]);
  });
});

describe('the model', () => {
  const id = { traceId: '1', id: '2' };
  const note = { timestamp: 1, value: 'x' };

  test.each([
    ['/api/v2/spans', { ...id, binaryAnnotations: [] }, 400],
    ['/api/v2/spans', { ...id, annotations: [{ ...note, endpoint: {} }] }, 400],
    ['/api/v2/spans', { ...id, annotations: [{ ...note, endpoint: null }] }, 202],
    ['/api/v2/spans', { ...id, annotations: [{ ...note, endpoint: {} }], tags: {} }, 202],
    ['/api/v2/spans', { ...id, annotations: [note], binaryAnnotations: null }, 202],
    ['/api/v1/spans', { ...id, tags: {} }, 400],
    ['/api/v1/spans', { ...id, kind: 'CLIENT' }, 400],
    ['/api/v1/spans', { ...id, kind: 'CLIENT', binaryAnnotations: [] }, 202],
    ['/api/v1/spans', id, 202],
    ['/zipkin/api/v1/spans', { ...id, localEndpoint: {} }, 400],
  ])('%s of %j is answered with %d', (path, span, expected) => {
    const { sink, status } = post(path, [span]);
    expect(status).toBe(expected);
    expect([sink.spans.length, sink.rejects]).toEqual(
      expected === 202 ? [1, []] : [0, ['wrong_codec']],
    );
  });
});

describe('times', () => {
  test('whole microseconds of any writing', () => {
    const expected = { startNs: 1_763_632_800_123_456_000n, endNs: 1_763_632_800_123_461_000n };
    for (const timestamp of [1763632800123456, '1763632800123456', 1763632800123456.0]) {
      expect(v2({ timestamp, duration: 5 })).toMatchObject(expected);
    }
  });

  test('a span without a timestamp has the time of receipt, and says so', () => {
    const span = v2({ duration: 5 });
    expect(span).toMatchObject({
      startNs: 1_763_632_800_000_000_000n,
      endNs: 1_763_632_800_000_005_000n,
      attributes: [{ key: 'otel.zipkin.absentField.startTime', value: true }],
    });
  });
});

describe('what exporters write as text', () => {
  const at = 5n;

  test.each([
    ['plain', 'plain', []],
    ['"a b": {"k":"v"}', 'a b', [{ key: 'k', value: 'v' }]],
    ['a|{"n":1,"d":1.5,"t":true}|0', 'a', ['n', 'd', 't']],
    ['a|null|4', 'a', []],
    ['a|{"n":9007199254740993}|0', 'a|{"n":9007199254740993}|0', []],
    ['a|{"n":}|0', 'a|{"n":}|0', []],
    ['a|[1]|0', 'a|[1]|0', []],
    ['a|{}', 'a|{}', []],
  ])('%s', (text, name, attributes) => {
    const event = eventOf(at, text);
    expect(event.name).toBe(name);
    expect(event.attributes).toHaveLength(attributes.length);
  });

  test('what is nested is kept as JSON, what is too deep as text', () => {
    const [nested] = eventOf(at, 'a|{"o":{"l":[1,null]}}|0').attributes;
    expect(nested?.value).toEqual({
      json: '{"kvlistValue":{"values":[{"key":"l","value":{"arrayValue":{"values":[{"intValue":"1"},{}]}}}]}}',
    });
    const deep = `a|{"o":${'['.repeat(50)}${']'.repeat(50)}}|0`;
    expect(eventOf(at, deep).name).toBe(deep);
    const deeper = `a|{"o":${'['.repeat(30_000)}${']'.repeat(30_000)}}|0`;
    expect(eventOf(at, deeper).name).toBe(deeper);
  });

  test('links', () => {
    const [trace, span] = ['a'.repeat(32), 'b'.repeat(16)];
    expect(linkOf(`${trace}|${span}|x=y|{"a|b":"|"}|1`)).toEqual({
      traceId: trace,
      spanId: span,
      traceState: 'x=y',
      attributes: [{ key: 'a|b', value: '|' }],
      droppedAttributes: 1,
      flags: 0,
    });
    expect(linkOf(`${trace}|${'0'.repeat(16)}||{}|0`)).toBeUndefined();
    expect(linkOf('x')).toBeUndefined();
  });
});

test.each([
  [[10, 0, 0, 1], '10.0.0.1'],
  [[0x20, 1, 0xd, 0xb8, ...Array<number>(11).fill(0), 1], '2001:db8::1'],
  [Array<number>(16).fill(0), '::'],
  [[...Array<number>(15).fill(0), 1], '::1'],
  [[0, 1, ...Array<number>(14).fill(0)], '1::'],
  [[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1], '1:0:1::1:1:1'],
  [[0, 1, 0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7], '1:0:2:3:4:5:6:7'],
  [[...Array<number>(10).fill(0), 255, 255, 1, 2, 3, 4], '1.2.3.4'],
  [[...Array<number>(10).fill(0), 255, 254, 1, 2, 3, 4], '::fffe:102:304'],
  [[1, 2, 3], ''],
])('the address %j is %s (RFC 5952)', (bytes, text) => {
  expect(addressText(Uint8Array.from(bytes))).toBe(text);
});

describe('too much of something', () => {
  test('tags and annotations beyond the limit are counted as dropped', () => {
    overrideLimits({ spanItems: 3 });
    const annotations = Array.from({ length: 5 }, (_, i) => ({ timestamp: 1, value: `${i}` }));
    const tags = { a: '1', b: '2', c: '3', d: '4' };
    const span = v2({ timestamp: 1, annotations, tags });
    expect(span?.attributes).toHaveLength(3);
    expect(span?.events).toHaveLength(3);
    expect([span?.droppedAttributes, span?.droppedEvents]).toEqual([1, 2]);
  });

  test('a long name is not repeated onto ever more services', () => {
    overrideLimits({ stampedBytes: 30_000 });
    const annotations = Array.from({ length: 50 }, (_, i) => ({
      timestamp: 1,
      value: 'x',
      endpoint: { serviceName: `s${i}` },
    }));
    const span = { traceId: '1', id: '2', annotations, binaryAnnotations: [] };
    const spans = [
      { ...span, name: 'n'.repeat(10_000) },
      { ...span, name: 'short', annotations: annotations.slice(0, 1) },
    ];
    const { sink, status } = post('/api/v1/spans', spans);
    expect([status, sink.rejects]).toEqual([202, ['resource_too_large']]);
    expect(sink.spans.map(({ name }) => name)).toEqual(['short']);
  });

  test('tens of thousands of spans, tags and services take no more than their bytes', () => {
    const start = performance.now();
    const many = Array.from({ length: 30_000 }, (_, i) => ({
      traceId: 'a',
      id: (i + 1).toString(16),
    }));
    expect(post('/api/v2/spans', many).sink.spans).toHaveLength(30_000);
    const tags = Object.fromEntries(many.map(({ id }) => [id, id]));
    expect(v2({ tags })?.droppedAttributes).toBe(30_000 - LIMITS.spanItems);
    const annotations = many.map(({ id }) => ({
      timestamp: 1,
      value: 'cs',
      endpoint: { serviceName: id },
    }));
    const span = { traceId: '1', id: '2', annotations, binaryAnnotations: [] };
    expect(post('/api/v1/spans', [span]).sink.spans).toHaveLength(LIMITS.spanItems);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
