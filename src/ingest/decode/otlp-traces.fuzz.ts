import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeMessage } from '../../../fixtures/decode/messages.ts';
import { anySpan } from '../../../fixtures/spans/any-span.ts';
import { SpanBatch } from '../../model/span-batch.ts';
import { storedSpan, storedSpanJson } from '../../model/span-row.ts';
import { spanRowsOf } from '../../model/span-rows.ts';
import type { Span } from '../../model/span.ts';
import { CapturedSink } from './captured-sink.ts';
import { createOtlp } from './otlp.ts';
import { decodeProtobufTraces } from './otlp-traces.ts';

const otlp = createOtlp();
const sender = { bytes: new TextEncoder().encode('otlp10.0.0.1'), receiverEnd: 4 };

/** A request of OTLP's JSON with a span that was given back: its parts put where they belong. */
const requestOf = (json: string): string => {
  const [, own = ''] = /^(.*),"resource":\{"attributes":/s.exec(json) ?? [];
  const rest = json.slice(own.length);
  const at = rest.lastIndexOf(',"scope":{');
  const [resource, scope] = [rest.slice(1, at), rest.slice(at + 1, -1)];
  return `{"resourceSpans":[{${resource},"scopeSpans":[{${scope},"spans":[${own}}]}]}]}`;
};

/** What a request means to our own decoder. */
const decoded = (body: string): Span[] => {
  const sink = new CapturedSink();
  const headers = { 'content-type': 'application/json' };
  const request = { method: 'POST', path: '/v1/traces', query: '', headers };
  const reply = otlp.decode({ ...request, body: new TextEncoder().encode(body) }, sink);
  expect([reply.status, reply.body]).toEqual([200, '{}']);
  return sink.spans;
};

const storedJson = (span: Span): string => {
  batch.begin(1_767_600_000_000_000_000n);
  batch.append(span, sender);
  const [row] = spanRowsOf(batch.take('acme', 'otlp'));
  return row === undefined ? '' : storedSpanJson(storedSpan(row));
};
const batch = new SpanBatch();

/** OTLP's JSON as protobufjs takes it: ids as bytes, and numbers for what JSON has none for. */
const forProtobuf = (request: string): object =>
  JSON.parse(request, (key, value: unknown) => {
    if (/^(?:trace|span|parentSpan)Id$/.test(key)) return Buffer.from(value as string, 'hex');
    return key === 'doubleValue' ? Number(value) : value;
  }) as object;

test('a span sent, stored, given back and sent again is the same span', () => {
  fc.assert(
    fc.property(anySpan, (span) => {
      const request = requestOf(storedJson(span));
      expect(() => JSON.parse(request) as unknown).not.toThrow();
      expect(decoded(request)).toEqual([span]);
    }),
  );
});

test("protobuf by another's encoder says the same", () => {
  fc.assert(
    fc.property(anySpan, (span) => {
      const sink = new CapturedSink();
      const bytes = encodeMessage('TracesRequest', forProtobuf(requestOf(storedJson(span))));
      expect(decodeProtobufTraces(bytes, sink)).toEqual({ ok: true, rejected: 0, why: '' });
      expect(sink.spans).toEqual([span]);
    }),
  );
});

test('bytes of any kind neither throw nor give spans with bad ids', () => {
  const field = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 }));
  const message = (fields: readonly (readonly [number, Uint8Array])[]): Uint8Array =>
    Buffer.concat(fields.map(([tag, bytes]) => Buffer.from([tag, bytes.length, ...bytes])));
  const wrapped = fc
    .array(field, { maxLength: 3 })
    .map((fields) => message([[0x0a, message([[0x12, message([[0x12, message(fields)]])]])]]));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), wrapped), (bytes) => {
      const sink = new CapturedSink();
      const { rejected } = decodeProtobufTraces(bytes, sink);
      expect(rejected).toBe(sink.rejects.length);
      for (const { traceId, spanId } of sink.spans) {
        expect([traceId.length, spanId.length]).toEqual([32, 16]);
      }
    }),
  );
});
