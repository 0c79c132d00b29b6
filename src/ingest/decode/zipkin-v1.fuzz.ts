import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  i32Value,
  i64Value,
  listValue,
  structValue,
  utf8Value,
  writeBinary,
  type ThriftValue,
} from '../../../fixtures/decode/thrift-writer.ts';
import { CapturedSink } from './captured-sink.ts';
import { createZipkin } from './zipkin.ts';

const zipkin = createZipkin();

const post = (type: string, body: Uint8Array): { sink: CapturedSink; status: number } => {
  const sink = new CapturedSink();
  const headers = { 'content-type': type };
  const request = { method: 'POST', path: '/api/v1/spans', query: '', headers, body };
  return { sink, status: zipkin.decode(request, sink).status };
};

const text = fc.string({ unit: 'binary', maxLength: 8 });
const hex = (digits: number): fc.Arbitrary<string> =>
  fc.bigInt({ min: 1n, max: 16n ** BigInt(digits) - 1n }).map((id) => id.toString(16));
const micros = fc.bigInt({ min: 1n, max: 4_000_000_000_000_000n });

interface V1Endpoint {
  serviceName: string;
  ipv4: string;
  port: number;
}
const v1Endpoint: fc.Arbitrary<V1Endpoint> = fc.record({
  serviceName: fc.constantFrom('web', 'shop', 'db'),
  ipv4: fc.ipV4().filter((ip) => ip !== '0.0.0.0'),
  port: fc.integer({ min: 1, max: 65_535 }),
});
const v1 = fc.record(
  {
    traceId: hex(16),
    id: hex(16),
    parentId: hex(16),
    name: text,
    timestamp: micros,
    duration: micros,
    debug: fc.boolean(),
    annotations: fc.array(
      fc.record(
        {
          timestamp: micros,
          value: fc.constantFrom('cs', 'sr', 'ss', 'cr', 'ms', 'mr', 'ws', 'wr', 'note', 'x|y'),
          endpoint: v1Endpoint,
        },
        { requiredKeys: ['timestamp', 'value'] },
      ),
      { maxLength: 8 },
    ),
    binaryAnnotations: fc.array(
      fc.oneof(
        fc.record({
          key: fc.constantFrom('ca', 'sa', 'ma'),
          value: fc.constant(true),
          endpoint: v1Endpoint,
        }),
        fc.record({
          key: fc.constantFrom('lc', 'a', 'b'),
          value: fc.oneof(text, fc.boolean()),
          endpoint: v1Endpoint,
        }),
      ),
      { maxLength: 5 },
    ),
  },
  { requiredKeys: ['traceId', 'id', 'annotations', 'binaryAnnotations'] },
);
type V1 = typeof v1 extends fc.Arbitrary<infer T> ? T : never;

const jsonOf = (spans: readonly V1[]): Uint8Array =>
  new TextEncoder().encode(
    // 64-bit numbers as JSON has them.
    JSON.stringify(spans, (_, value: unknown) =>
      typeof value === 'bigint' ? `#${value}#` : value,
    ).replaceAll(/"#(\d+)#"/g, '$1'),
  );

const thriftEndpoint = ({ ipv4, port, serviceName }: V1Endpoint): ThriftValue =>
  structValue({
    1: i32Value(Buffer.from(ipv4.split('.').map(Number)).readInt32BE()),
    2: { type: 'i16', value: BigInt.asIntN(16, BigInt(port)) },
    3: utf8Value(serviceName),
  });
const idValue = (id: string): ThriftValue => i64Value(BigInt.asIntN(64, BigInt(`0x${id}`)));
const optional = <T>(
  value: T | undefined,
  make: (value: T) => ThriftValue,
): ThriftValue | undefined => (value === undefined ? undefined : make(value));

const thriftOf = (spans: readonly V1[]): Uint8Array =>
  Uint8Array.from(
    writeBinary(
      listValue(
        'struct',
        spans.map((span) =>
          structValue({
            1: idValue(span.traceId),
            3: utf8Value(span.name ?? ''),
            4: idValue(span.id),
            5: optional(span.parentId, idValue),
            6: listValue(
              'struct',
              span.annotations.map(({ timestamp, value, endpoint: host }) =>
                structValue({
                  1: i64Value(timestamp),
                  2: utf8Value(value),
                  3: optional(host, thriftEndpoint),
                }),
              ),
            ),
            8: listValue(
              'struct',
              span.binaryAnnotations.map(({ key, value, endpoint: host }) =>
                structValue({
                  1: utf8Value(key),
                  2:
                    typeof value === 'string'
                      ? utf8Value(value)
                      : { type: 'binary', value: Uint8Array.of(value ? 1 : 0) },
                  3: i32Value(typeof value === 'string' ? 6 : 0),
                  4: thriftEndpoint(host),
                }),
              ),
            ),
            9: optional(span.debug, (value) => ({ type: 'bool', value })),
            10: optional(span.timestamp, i64Value),
            11: optional(span.duration, i64Value),
          }),
        ),
      ),
    ),
  );

test('spans are the same from JSON and from thrift; none is lost', () => {
  fc.assert(
    fc.property(fc.array(v1, { minLength: 1, maxLength: 3 }), (spans) => {
      const fromThrift = post('application/x-thrift', thriftOf(spans));
      const fromJson = post('application/json', jsonOf(spans));
      expect([fromJson.status, fromThrift.status]).toEqual([202, 202]);
      expect(fromThrift.sink.rejects).toEqual(fromJson.sink.rejects);
      expect(fromThrift.sink.spans).toEqual(fromJson.sink.spans);
      const ids = new Set(fromJson.sink.spans.map(({ spanId }) => spanId));
      for (const { id } of spans) expect(ids).toContain(id.padStart(16, '0'));
      const names = fromJson.sink.spans.flatMap(({ events }) => events.map(({ name }) => name));
      const notes = spans.flatMap(({ annotations }) =>
        annotations.filter(({ value }) => value.length > 2).map(({ value }) => value),
      );
      expect(names.filter((name) => name.length > 2).sort()).toEqual(notes.sort());
    }),
  );
});
