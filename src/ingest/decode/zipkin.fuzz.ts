import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeSpans } from '../../../fixtures/decode/span-messages.ts';
import type { Span } from '../../model/span.ts';
import { CapturedSink } from './captured-sink.ts';
import { createZipkin } from './zipkin.ts';

const zipkin = createZipkin();

const post = (
  path: string,
  type: string,
  body: Uint8Array,
  encoding = '',
): { sink: CapturedSink; status: number } => {
  const sink = new CapturedSink();
  const headers = { 'content-type': type, 'content-encoding': encoding };
  const { status } = zipkin.decode({ method: 'POST', path, query: '', headers, body }, sink);
  return { sink, status };
};

const V2 = '/api/v2/spans';
const V1 = '/api/v1/spans';
const JSON_TYPE = 'application/json';
const PROTO_TYPE = 'application/x-protobuf';
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Text with what breaks parsers, and no lone surrogates, which UTF-8 cannot carry. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\0', '|', '{', '}', '\u00e9', '\u{1f600}') }),
);
const DIGITS = Array.from({ length: 16 }, (_, i) => i.toString(16));
const hex = (digits: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: fc.constantFrom(...DIGITS), minLength: 1, maxLength: digits })
    .filter((id) => !/^0*$/.test(id));
const micros = fc.bigInt({ min: 1n, max: 4_000_000_000_000_000n });
const address = { ipv4: fc.ipV4(), ipv6: fc.constantFrom('2001:db8::1', '::1', '1:2:3:4:5:6:7:8') };

interface Endpoint {
  serviceName?: string;
  ipv4?: string;
  ipv6?: string;
  port?: number;
}
const endpoint: fc.Arbitrary<Endpoint> = fc
  .record(
    {
      serviceName: text.filter((name) => name !== '' && name !== 'OTLPResourceNoServiceName'),
      ...address,
      port: fc.integer({ min: 1, max: 65_535 }),
    },
    { requiredKeys: [] },
  )
  .filter((one) => Object.keys(one).length > 0);

/** Names that have a meaning for us among others that have none. */
const tagName = fc.oneof(
  text,
  fc.constantFrom('error', 'peer.service', 'network.peer.address', 'network.local.port'),
  fc.constantFrom('k8s.pod.name', 'service.version', 'http.path', 'zipkin'),
);
const OTEL = /^(?:otel\.|otlp\.link\.|w3c\.tracestate$|span\.kind$|service\.name$|__proto__$)/;

interface Sent {
  traceId: string;
  id: string;
  parentId?: string;
  kind?: 'CLIENT' | 'SERVER' | 'PRODUCER' | 'CONSUMER';
  name?: string;
  timestamp?: bigint;
  duration?: bigint;
  localEndpoint?: Endpoint;
  remoteEndpoint?: Endpoint;
  annotations?: { timestamp: bigint; value: string }[];
  tags?: Record<string, string>;
  shared?: true;
  debug?: true;
}
const sent: fc.Arbitrary<Sent> = fc.record(
  {
    traceId: hex(32),
    id: hex(16),
    parentId: hex(16),
    kind: fc.constantFrom('CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'),
    name: text.filter((name) => name !== ''),
    timestamp: micros,
    duration: micros,
    localEndpoint: endpoint,
    remoteEndpoint: endpoint,
    annotations: fc.array(fc.record({ timestamp: micros, value: text }), { minLength: 1 }),
    tags: fc
      .dictionary(tagName, text, { minKeys: 1, maxKeys: 6, noNullPrototype: true })
      .map((tags) => Object.fromEntries(Object.entries(tags).filter(([key]) => !OTEL.test(key)))),
    shared: fc.constant(true as const),
    debug: fc.constant(true as const),
  },
  { requiredKeys: ['traceId', 'id'] },
);

const jsonOf = (spans: readonly Sent[]): Uint8Array =>
  utf8(
    // 64-bit numbers as JSON has them.
    JSON.stringify(spans, (_, value: unknown) =>
      typeof value === 'bigint' ? `#${value}#` : value,
    ).replaceAll(/"#(\d+)#"/g, '$1'),
  );

type Take = (key: string) => string | number | boolean | undefined;

/** What a reader of Zipkin's API would be told of the span. */
const told = (span: Span): Sent => {
  const attributes = new Map(span.attributes.map(({ key, value }) => [key, value]));
  const take: Take = (key) => {
    const value = attributes.get(key);
    attributes.delete(key);
    if (typeof value === 'bigint') return Number(value);
    return typeof value === 'object' ? value.json : value;
  };
  const ends = (side: 'local' | 'peer', kept: string): Endpoint => {
    const end: Endpoint = {};
    const put = (key: keyof Endpoint, value: unknown): void => {
      if (value !== undefined) Object.assign(end, { [key]: value });
    };
    const port = attributes.get(`network.${side}.port`);
    put('ipv4', take(`${kept}.ipv4`));
    put('ipv6', take(`${kept}.ipv6`));
    put('port', typeof port === 'bigint' ? take(`network.${side}.port`) : take(`${kept}.port`));
    return end;
  };
  const local = ends('local', 'zipkin.local');
  const remote = ends('peer', 'zipkin.remote');
  const [service] = span.resource.filter(({ key }) => key === 'service.name');
  if (typeof service?.value === 'string') local.serviceName = service.value;
  const other = take('zipkin.remote.service');
  if (typeof other === 'string') remote.serviceName = other;
  return asTold(span, attributes, take, local, remote);
};

const KINDS = [undefined, undefined, 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'] as const;

const asTold = (
  span: Span,
  attributes: Map<string, unknown>,
  take: Take,
  local: Endpoint,
  remote: Endpoint,
): Sent => {
  const absent = take('otel.zipkin.absentField.startTime') === true;
  const [shared, debug] = [take('zipkin.shared'), take('zipkin.debug')];
  const duration = (span.endNs - span.startNs) / 1_000n;
  const kind = KINDS[span.kind];
  const tags = Object.fromEntries([
    ...[...attributes].map(([key, value]) => [key, String(value)]),
    ...span.resource.filter(({ key }) => key !== 'service.name').map((r) => [r.key, r.value]),
    ...(span.statusCode === 2 && !attributes.has('error') ? [['error', 'true']] : []),
  ]) as Record<string, string>;
  return {
    traceId: span.traceId,
    id: span.spanId,
    ...(span.parentSpanId !== '' && { parentId: span.parentSpanId }),
    ...(kind !== undefined && { kind }),
    ...(span.name !== '' && { name: span.name }),
    ...(!absent && { timestamp: span.startNs / 1_000n }),
    ...(duration > 0n && { duration }),
    localEndpoint: local,
    remoteEndpoint: remote,
    annotations: span.events.map(({ timeNs, name }) => ({
      timestamp: timeNs / 1_000n,
      value: name,
    })),
    tags,
    ...(shared === true && { shared }),
    ...(debug === true && { debug }),
  };
};

/** The same of what was sent; what may be an endpoint's or a tag's is among the tags. */
const expected = (span: Sent): Sent => {
  const { localEndpoint = {}, remoteEndpoint = {}, parentId, tags = {} } = span;
  const all: Record<string, string> = { ...tags };
  const local = { ...localEndpoint };
  const remote = { ...remoteEndpoint };
  const move = (end: Endpoint, field: 'serviceName' | 'ipv4' | 'ipv6', name: string): void => {
    const value = end[field];
    if (value === undefined || Object.hasOwn(all, name)) return;
    all[name] = value;
    Reflect.deleteProperty(end, field);
  };
  move(local, 'ipv4', 'network.local.address');
  move(local, 'ipv6', 'network.local.address');
  move(remote, 'serviceName', 'peer.service');
  move(remote, 'ipv4', 'network.peer.address');
  move(remote, 'ipv6', 'network.peer.address');
  const id = span.id.padStart(16, '0');
  const parent = parentId?.padStart(16, '0');
  const told: Sent = {
    annotations: [],
    ...span,
    traceId: span.traceId.padStart(32, '0'),
    id,
    localEndpoint: local,
    remoteEndpoint: remote,
    tags: all,
  };
  if (parent === undefined || parent === id) delete told.parentId;
  else told.parentId = parent;
  return told;
};

const bytesOf = (id: string, digits: number): Uint8Array =>
  Buffer.from(id.padStart(digits, '0'), 'hex');

const ipv6Bytes = (ip: string): Uint8Array => {
  const [before = '', after] = ip.split('::');
  const words = (part: string): string[] => part.split(':').filter((word) => word !== '');
  const left = words(before);
  const right = words(after ?? '');
  const middle = Array<string>(8 - left.length - right.length).fill('0');
  const all = [...left, ...middle, ...right].map((word) => word.padStart(4, '0'));
  return Buffer.from(all.join(''), 'hex');
};

const protoEndpoint = (one: Endpoint | undefined): object | undefined =>
  one && {
    ...one,
    ...(one.ipv4 !== undefined && { ipv4: one.ipv4.split('.').map(Number) }),
    ...(one.ipv6 !== undefined && { ipv6: ipv6Bytes(one.ipv6) }),
  };

const protoOf = (spans: readonly Sent[]): Uint8Array =>
  encodeSpans('ListOfSpans', {
    spans: spans.map((span) => ({
      ...span,
      traceId: bytesOf(span.traceId, 32),
      id: bytesOf(span.id, 16),
      ...(span.parentId !== undefined && { parentId: bytesOf(span.parentId, 16) }),
      kind: [undefined, 'CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'].indexOf(span.kind),
      timestamp: String(span.timestamp ?? 0n),
      duration: String(span.duration ?? 0n),
      localEndpoint: protoEndpoint(span.localEndpoint),
      remoteEndpoint: protoEndpoint(span.remoteEndpoint),
      annotations: (span.annotations ?? []).map((a) => ({ ...a, timestamp: String(a.timestamp) })),
    })),
  });

describe('spans of v2', () => {
  test('can be told again, from JSON and from protobuf', () => {
    fc.assert(
      fc.property(fc.array(sent, { minLength: 1, maxLength: 3 }), (spans) => {
        const fromJson = post(V2, JSON_TYPE, jsonOf(spans));
        expect([fromJson.status, fromJson.sink.rejects]).toEqual([202, []]);
        expect(fromJson.sink.spans.map(told)).toEqual(spans.map(expected));
        const fromProto = post(V2, PROTO_TYPE, gzipSync(protoOf(spans)), 'gzip');
        expect([fromProto.status, fromProto.sink.rejects]).toEqual([202, []]);
        expect(fromProto.sink.spans).toEqual(fromJson.sink.spans);
      }),
    );
  });
});

describe('anything else', () => {
  const paths = fc.constantFrom(V1, V2, `/zipkin${V1}`, `/zipkin${V2}`);
  const types = fc.constantFrom(
    ...[JSON_TYPE, PROTO_TYPE, 'application/x-thrift', '', 'text/plain'],
  );
  const sound = (sink: CapturedSink, status: number): void => {
    expect([202, 400, 415]).toContain(status);
    if (status !== 202) expect([sink.spans.length, sink.rejects.length]).toEqual([0, 1]);
    for (const span of sink.spans) {
      expect(span.traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(span.spanId).toMatch(/^[0-9a-f]{16}$/);
      expect(span.parentSpanId).toMatch(/^(?:[0-9a-f]{16})?$/);
      expect(span.startNs >= 0n && span.endNs >= span.startNs && span.endNs < 2n ** 63n).toBe(true);
    }
  };

  test('bytes of any kind are answered, and what is taken is sound', () => {
    fc.assert(
      fc.property(paths, types, fc.uint8Array({ maxLength: 100 }), (path, type, body) => {
        const { sink, status } = post(path, type, body);
        sound(sink, status);
      }),
    );
  });

  test('JSON of any kind is answered, and what is taken is sound', () => {
    const names = fc.constantFrom(
      ...['traceId', 'id', 'parentId', 'name', 'kind', 'timestamp', 'duration', 'annotations'],
      ...['binaryAnnotations', 'tags', 'localEndpoint', 'endpoint', 'value', 'key', 'port', 'ipv4'],
    );
    const { any } = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, 0, 1, -1, 0.5, 1e300, '1', 'ab', '', 'cs', 'sr', '7'),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(names, tie('any'), { maxKeys: 6, noNullPrototype: true }),
      ),
    }));
    const span = fc.tuple(fc.dictionary(names, any, { noNullPrototype: true }), fc.boolean());
    fc.assert(
      fc.property(paths, fc.array(span, { maxLength: 4 }), (path, list) => {
        const spans = list.map(([one, whole]) => (whole ? { ...one, traceId: 'a', id: 'b' } : one));
        const { sink, status } = post(path, JSON_TYPE, utf8(JSON.stringify(spans)));
        sound(sink, status);
      }),
    );
  });
});
