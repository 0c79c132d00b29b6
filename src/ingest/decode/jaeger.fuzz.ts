import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeSpans } from '../../../fixtures/decode/span-messages.ts';
import {
  i32Value,
  i64Value,
  listValue,
  structValue,
  utf8Value,
  writeBinary,
  writeCompact,
  type ThriftValue,
} from '../../../fixtures/decode/thrift-writer.ts';
import { CapturedSink } from './captured-sink.ts';
import { createJaegerGrpc } from './jaeger-grpc.ts';
import { createJaegerHttp } from './jaeger-http.ts';
import { createJaegerBinary, createJaegerCompact } from './jaeger-udp.ts';

const http = createJaegerHttp();
const binary = createJaegerBinary().open({ address: '192.0.2.1', transport: 'udp' });
const compact = createJaegerCompact().open({ address: '192.0.2.1', transport: 'udp' });
const grpc = createJaegerGrpc();

const text = fc.string({ unit: 'binary', maxLength: 10 });
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)),
);
const micros = fc.bigInt({ min: 1n, max: 4_000_000_000_000_000n });

const tag = fc.record({
  key: fc.oneof(
    text,
    fc.constantFrom('span.kind', 'error', 'otel.status_code', 'otel.scope.name', 'event'),
    fc.constantFrom('http.status_code', 'telemetry.sdk.name', 'service.name', 'hostname'),
  ),
  value: fc.oneof(
    text,
    fc.constantFrom('client', 'internal', 'ERROR', 'OK', '404', 'true'),
    fc.boolean(),
    int64,
    fc.double(),
    fc.uint8Array({ maxLength: 8 }),
  ),
});
type Tag = typeof tag extends fc.Arbitrary<infer T> ? T : never;

const reference = fc.record({
  follows: fc.boolean(),
  high: fc.constantFrom(0n, 7n, -1n),
  low: fc.constantFrom(1n, 2n, -1n),
  span: fc.constantFrom(1n, 3n, -(2n ** 63n)),
});
const span = fc.record({
  high: fc.constantFrom(0n, 7n, -1n),
  low: fc.constantFrom(0n, 1n, -1n),
  id: int64,
  name: text,
  references: fc.array(reference, { maxLength: 4 }),
  flags: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  start: micros,
  duration: fc.oneof(micros, fc.constantFrom(0n, -1n)),
  tags: fc.array(tag, { maxLength: 6 }),
  logs: fc.array(fc.record({ at: micros, fields: fc.array(tag, { maxLength: 3 }) }), {
    maxLength: 3,
  }),
});
type Sent = typeof span extends fc.Arbitrary<infer T> ? T : never;
const batch = fc.record({
  service: text,
  tags: fc.array(tag, { maxLength: 3 }),
  spans: fc.array(span, { maxLength: 4 }),
});
type Batch = typeof batch extends fc.Arbitrary<infer T> ? T : never;

const thriftTag = ({ key, value }: Tag): ThriftValue => {
  const name = { 1: utf8Value(key) };
  const kind = (type: number): Record<number, ThriftValue> => ({ ...name, 2: i32Value(type) });
  if (typeof value === 'string') return structValue({ ...kind(0), 3: utf8Value(value) });
  if (typeof value === 'number') return structValue({ ...kind(1), 4: { type: 'double', value } });
  if (typeof value === 'boolean') return structValue({ ...kind(2), 5: { type: 'bool', value } });
  if (typeof value === 'bigint') return structValue({ ...kind(3), 6: i64Value(value) });
  return structValue({ ...kind(4), 7: { type: 'binary', value } });
};
const tagList = (tags: readonly Tag[]): ThriftValue => listValue('struct', tags.map(thriftTag));

const thriftSpan = (one: Sent): ThriftValue =>
  structValue({
    1: i64Value(one.low),
    2: i64Value(one.high),
    3: i64Value(one.id),
    4: i64Value(0n),
    5: utf8Value(one.name),
    6: listValue(
      'struct',
      one.references.map(({ follows, high, low, span: id }) =>
        structValue({
          1: i32Value(follows ? 1 : 0),
          2: i64Value(low),
          3: i64Value(high),
          4: i64Value(id),
        }),
      ),
    ),
    7: i32Value(one.flags),
    8: i64Value(one.start),
    9: i64Value(one.duration),
    10: tagList(one.tags),
    11: listValue(
      'struct',
      one.logs.map(({ at, fields }) => structValue({ 1: i64Value(at), 2: tagList(fields) })),
    ),
  });

const thriftBatch = ({ service, tags, spans }: Batch): ThriftValue =>
  structValue({
    1: structValue({ 1: utf8Value(service), 2: tagList(tags) }),
    2: listValue('struct', spans.map(thriftSpan)),
  });

const eight = (...numbers: bigint[]): Uint8Array => {
  const bytes = Buffer.alloc(8 * numbers.length);
  numbers.forEach((number, i) => bytes.writeBigInt64BE(number, 8 * i));
  return bytes;
};
const time = (at: bigint): object => ({
  seconds: String(at / 1_000_000n),
  nanos: Number(at % 1_000_000n) * 1_000,
});
const protoTag = ({ key, value }: Tag): object => {
  if (typeof value === 'string') return { key, vType: 0, vStr: value };
  if (typeof value === 'boolean') return { key, vType: 1, vBool: value };
  if (typeof value === 'bigint') return { key, vType: 2, vInt64: String(value) };
  if (typeof value === 'number') return { key, vType: 3, vFloat64: value };
  return { key, vType: 4, vBinary: value };
};

const protoRequest = ({ service, tags, spans }: Batch): Uint8Array =>
  encodeSpans('PostSpansRequest', {
    batch: {
      process: { serviceName: service, tags: tags.map(protoTag) },
      spans: spans.map((one) => ({
        traceId: eight(one.high, one.low),
        spanId: eight(one.id),
        operationName: one.name,
        references: one.references.map(({ follows, high, low, span: id }) => ({
          refType: follows ? 1 : 0,
          traceId: eight(high, low),
          spanId: eight(id),
        })),
        flags: one.flags,
        startTime: time(one.start),
        duration: time(one.duration),
        tags: one.tags.map(protoTag),
        logs: one.logs.map(({ at, fields }) => ({
          timestamp: time(at),
          fields: fields.map(protoTag),
        })),
      })),
    },
  });

const post = (body: Uint8Array): { sink: CapturedSink; status: number } => {
  const sink = new CapturedSink();
  const headers = { 'content-type': 'application/x-thrift' };
  const request = { method: 'POST', path: '/api/traces', query: '', headers, body };
  return { sink, status: http.decode(request, sink).status };
};

const ascii = (word: string): number[] => [...Buffer.from(word, 'latin1')];
const CALL = {
  binary: [0x80, 1, 0, 4, 0, 0, 0, 9, ...ascii('emitBatch'), 0, 0, 0, 0, 0x0c, 0, 1],
  compact: [0x82, 0x81, 0, 9, ...ascii('emitBatch'), 0x1c],
};

const fed = (session: typeof binary, bytes: Uint8Array): CapturedSink => {
  const sink = new CapturedSink();
  expect(session.feed(bytes, sink)).toEqual({});
  return sink;
};

const posted = (bytes: Uint8Array): { sink: CapturedSink; status: number | undefined } => {
  const sink = new CapturedSink();
  const call = {
    path: '/jaeger.api_v2.CollectorService/PostSpans',
    metadata: {},
    peer: { address: '192.0.2.1', transport: 'tcp' },
  } as const;
  return { sink, status: grpc.open(call).message(bytes, sink)?.status };
};

describe('a batch', () => {
  test('is the same over HTTP, both UDP ports and gRPC', () => {
    fc.assert(
      fc.property(batch, (one) => {
        const value = thriftBatch(one);
        const overHttp = post(Uint8Array.from(writeBinary(value)));
        expect(overHttp.status).toBe(202);
        const { spans, rejects } = overHttp.sink;
        const good = one.spans.filter(({ id, low, high }) => id !== 0n && (low | high) !== 0n);
        expect(rejects).toHaveLength(one.spans.length - good.length);
        expect(spans.map(({ name }) => name)).toEqual(good.map(({ name }) => name));
        const sinks = [
          fed(binary, Uint8Array.from([...CALL.binary, ...writeBinary(value), 0])),
          fed(compact, Uint8Array.from([...CALL.compact, ...writeCompact(value), 0])),
          posted(protoRequest(one)).sink,
        ];
        for (const sink of sinks) {
          expect(sink.spans).toEqual(spans);
          expect([...sink.rejects].sort()).toEqual([...rejects].sort());
        }
      }),
    );
  });

  test('keeps every tag that has no field of its own, exactly', () => {
    const FIELDS = /^(?:span\.kind|error|otel\.|telemetry\.|service\.name|http\.status)/;
    fc.assert(
      fc.property(batch, (one) => {
        const { spans } = post(Uint8Array.from(writeBinary(thriftBatch(one)))).sink;
        const good = one.spans.filter(({ id, low, high }) => id !== 0n && (low | high) !== 0n);
        good.forEach((sent, i) => {
          const plain = sent.tags.filter(({ key }) => !FIELDS.test(key) && !/^[a-z]+\./.test(key));
          const values = plain.map(({ key, value }) => ({
            key,
            value:
              value instanceof Uint8Array
                ? { json: JSON.stringify({ bytesValue: Buffer.from(value).toString('base64') }) }
                : value,
          }));
          const found = [...(spans[i]?.attributes ?? []), ...(spans[i]?.resource ?? [])];
          for (const tag of values) expect(found).toContainEqual(tag);
        });
      }),
    );
  });
});

describe('anything else', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    fc.tuple(batch, fc.nat(), fc.nat(), fc.boolean()).map(([one, at, bit, isCompact]) => {
      const value = thriftBatch(one);
      const whole = isCompact
        ? [...CALL.compact, ...writeCompact(value), 0]
        : [...CALL.binary, ...writeBinary(value), 0];
      const place = at % whole.length;
      whole[place] = (whole[place] ?? 0) ^ (1 << (bit % 8));
      return Uint8Array.from(whole);
    }),
  );

  test('is taken or counted, and what is taken is sound', () => {
    fc.assert(
      fc.property(bytes, (input) => {
        const sinks = [
          fed(binary, input),
          fed(compact, input),
          post(input).sink,
          posted(input).sink,
        ];
        for (const { spans } of sinks) {
          for (const one of spans) {
            expect(one.traceId).toMatch(/^[0-9a-f]{32}$/);
            expect(one.spanId).toMatch(/^[0-9a-f]{16}$/);
            expect(one.parentSpanId).toMatch(/^(?:[0-9a-f]{16})?$/);
            const times = [one.startNs, one.endNs, ...one.events.map(({ timeNs }) => timeNs)];
            expect(times.every((ns) => ns >= 0n && ns < 2n ** 63n)).toBe(true);
            expect(one.endNs >= one.startNs).toBe(true);
          }
        }
      }),
    );
  });
});
