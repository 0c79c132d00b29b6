import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  allDecoders,
  casesOf,
  httpOutcome,
  streamOutcome,
  type HttpHead,
  type Outcome,
  type StreamHead,
} from '../../../fixtures/decode/cases.ts';
import { encodeMessage } from '../../../fixtures/decode/messages.ts';
import { inflateSnappy } from './inflate.ts';
import { createLoki } from './loki.ts';
import { createOtlp } from './otlp.ts';

const { compress } = createRequire(import.meta.url)('snappyjs') as {
  compress: (bytes: Uint8Array) => Uint8Array;
};

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const head = (path: string, type: string): HttpHead => ({
  from: 'fuzz',
  method: 'POST',
  path,
  query: '',
  headers: { 'content-type': type },
});
const JSON_TYPE = 'application/json';
const PROTO_TYPE = 'application/x-protobuf';
const loki = createLoki({ discoverServiceName: true });
const otlp = createOtlp();

/** Text with what breaks parsers, and no lone surrogates, which UTF-8 cannot carry. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\0', '{', ',', 'a', '\u00e9', '\u{1f600}') }),
  fc.constantFrom('', '\r\n\r\n', "'; DROP TABLE logs; --", '{"a":1}'),
);
const name = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/);
const time = fc.record({
  seconds: fc.integer({ min: 0, max: 9_223_372_035 }),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
});
const nanoseconds = ({ seconds, nanos }: { seconds: number; nanos: number }): string =>
  String(BigInt(seconds) * 1_000_000_000n + BigInt(nanos));

const push = fc.array(
  fc.record({
    labels: fc.dictionary(name, text, { maxKeys: 4 }),
    entries: fc.array(
      fc.record({
        time,
        line: text,
        metadata: fc.dictionary(name, text, { maxKeys: 3, noNullPrototype: true }),
      }),
      { maxLength: 4 },
    ),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Quotes as Go's strconv.Quote does, which is what Loki's clients call. */
const quote = (value: string): string =>
  `"${Array.from(value)
    .map((char) => {
      const code = char.codePointAt(0) ?? 0;
      if (char === '"' || char === '\\') return `\\${char}`;
      if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
      return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : char;
    })
    .join('')}"`;

const lokiProtobuf = (streams: typeof push extends fc.Arbitrary<infer T> ? T : never): Outcome => {
  const body = encodeMessage('PushRequest', {
    streams: streams.map(({ labels, entries }) => ({
      labels: `{${Object.entries(labels)
        .map(([key, value]) => `${key}=${quote(value)}`)
        .join(', ')}}`,
      entries: entries.map((entry) => ({
        timestamp: entry.time,
        line: utf8(entry.line),
        structuredMetadata: Object.entries(entry.metadata).map(([key, value]) => ({
          name: utf8(key),
          value: utf8(value),
        })),
      })),
    })),
  });
  return httpOutcome(loki, head('/loki/api/v1/push', PROTO_TYPE), compress(body));
};

describe('Loki', () => {
  test('gives back every line, time, label and piece of metadata, in both encodings', () => {
    fc.assert(
      fc.property(push, (streams) => {
        const json = {
          streams: streams.map(({ labels, entries }) => ({
            stream: labels,
            values: entries.map((entry) => [
              nanoseconds(entry.time),
              entry.line,
              ...(Object.keys(entry.metadata).length > 0 ? [entry.metadata] : []),
            ]),
          })),
        };
        const body = utf8(JSON.stringify(json));
        const fromJson = httpOutcome(loki, head('/loki/api/v1/push', JSON_TYPE), body);
        expect(fromJson.reply?.status).toBe(204);
        const sent = streams.flatMap(({ entries }) => entries);
        expect(fromJson.events.map((event) => event.line)).toEqual(sent.map(({ line }) => line));
        fromJson.events.forEach((event, i) => {
          const seconds = String(sent[i]?.time.seconds);
          expect(event.time).toBe(`${seconds}.${String(sent[i]?.time.nanos).padStart(9, '0')}`);
          expect(event.metadata ?? {}).toEqual(sent[i]?.metadata);
          expect(event.labels?.['service_name']).toBe(event.columns?.['service']);
        });
        const labels = streams.flatMap((stream) => stream.entries.map(() => stream.labels));
        fromJson.events.forEach((event, i) => {
          for (const [key, value] of Object.entries(labels[i] ?? {})) {
            expect(event.labels?.[key] ?? '').toBe(
              key === 'service_name' && !value ? 'unknown_service' : value,
            );
          }
        });
        expect(lokiProtobuf(streams)).toEqual(fromJson);
      }),
    );
  });
});

interface Value {
  json: object;
  proto: object;
}

/** An AnyValue in OTLP's JSON and in what the protobuf encoder takes. */
const { value } = fc.letrec<{ value: Value; leaf: Value }>((tie) => ({
  leaf: fc.oneof(
    text.map((stringValue) => ({ json: { stringValue }, proto: { stringValue } })),
    fc.boolean().map((boolValue) => ({ json: { boolValue }, proto: { boolValue } })),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((int) => ({
      json: { intValue: String(int) },
      proto: { intValue: String(int) },
    })),
    fc.double().map((double) => ({
      json: { doubleValue: Object.is(double, -0) ? '-0' : isFinite(double) ? double : `${double}` },
      proto: { doubleValue: double },
    })),
    fc.uint8Array({ maxLength: 9 }).map((bytes) => ({
      json: { bytesValue: Buffer.from(bytes).toString('base64') },
      proto: { bytesValue: bytes },
    })),
    fc.constant({ json: {}, proto: {} }),
  ),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 3 }).map((values) => ({
      json: { arrayValue: { values: values.map(({ json }) => json) } },
      proto: { arrayValue: { values: values.map(({ proto }) => proto) } },
    })),
    fc.array(fc.tuple(text, tie('value')), { maxLength: 3 }).map((members) => ({
      json: { kvlistValue: { values: members.map(([key, { json }]) => ({ key, value: json })) } },
      proto: { kvlistValue: { values: members.map(([key, m]) => ({ key, value: m.proto })) } },
    })),
  ),
}));

const record = fc.record({
  time: fc.option(time),
  observed: fc.option(time),
  severityNumber: fc.integer({ min: 0, max: 24 }),
  severityText: text,
  body: value,
  attributes: fc.array(fc.tuple(text, value), { maxLength: 4 }),
  traceId: fc.uint8Array({ maxLength: 17 }),
  spanId: fc.uint8Array({ minLength: 7, maxLength: 9 }),
  flags: fc.nat(),
  eventName: text,
});

describe('OTLP', () => {
  test('means the same in JSON and in protobuf', () => {
    const attributes = fc.array(fc.tuple(text, value), { maxLength: 4 });
    fc.assert(
      fc.property(attributes, fc.array(record, { maxLength: 3 }), (resource, records) => {
        const request = (form: 'json' | 'proto'): object => {
          const bytes = (id: Uint8Array): unknown =>
            form === 'json' ? Buffer.from(id).toString('hex') : id;
          const pairs = (list: [string, Value][]): object[] =>
            list.map(([key, both]) => ({ key, value: both[form] }));
          const logRecords = records.map((one) => ({
            ...(one.time && { timeUnixNano: nanoseconds(one.time) }),
            ...(one.observed && { observedTimeUnixNano: nanoseconds(one.observed) }),
            severityNumber: one.severityNumber,
            severityText: one.severityText,
            body: one.body[form],
            attributes: pairs(one.attributes),
            traceId: bytes(one.traceId),
            spanId: bytes(one.spanId),
            flags: one.flags,
            eventName: one.eventName,
          }));
          const scopeLogs = [{ scope: { name: 'fuzz' }, logRecords }];
          return { resourceLogs: [{ resource: { attributes: pairs(resource) }, scopeLogs }] };
        };
        const json = utf8(JSON.stringify(request('json')));
        const fromJson = httpOutcome(otlp, head('/v1/logs', JSON_TYPE), json);
        const binary = encodeMessage('LogsRequest', request('proto'));
        const fromBinary = httpOutcome(otlp, head('/v1/logs', PROTO_TYPE), binary);
        expect(fromJson.reply).toMatchObject({ status: 200, body: '{}' });
        expect(fromBinary.reply).toMatchObject({ status: 200, bodyHex: '' });
        expect(fromJson.events).toHaveLength(records.length);
        expect(fromJson.events).toEqual(fromBinary.events);
        records.forEach(({ body }, i) => {
          const sent = body.proto as { stringValue?: string; arrayValue?: unknown };
          if (sent.stringValue !== undefined) {
            expect(fromJson.events[i]?.line).toBe(sent.stringValue);
          }
          if (sent.arrayValue !== undefined) {
            expect(() => JSON.parse(fromJson.events[i]?.line ?? '') as unknown).not.toThrow();
          }
        });
      }),
    );
  });
});

test('snappy blocks of another implementation come back whole', () => {
  const chunk = fc.oneof(fc.uint8Array({ maxLength: 300 }), text.map(utf8));
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 12 }), fc.nat(60), (chunks, times) => {
      const once = Buffer.concat(chunks);
      const input = new Uint8Array(Buffer.concat(Array<Buffer>(times).fill(once)));
      const result = inflateSnappy(compress(input));
      expect(result.ok && Buffer.compare(result.bytes, input)).toBe(0);
    }),
  );
});

test('no bytes make a decoder throw', () => {
  const decoders = allDecoders();
  const heads = decoders.http.flatMap((decoder) =>
    casesOf<HttpHead>(decoder.name).map((one) => ({ decoder, ...one })),
  );
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(4),
    put: fc.uint8Array({ maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.nat(), fc.array(edit, { maxLength: 6 }), fc.boolean(), (pick, edits, zip) => {
      const one = heads[pick % heads.length];
      if (one === undefined) return;
      let bytes = Buffer.from(one.input);
      for (const { at, cut, put } of edits) {
        const from = Math.floor(at * bytes.length);
        bytes = Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)]);
      }
      const headers = zip ? { ...one.head.headers, 'content-encoding': 'gzip' } : one.head.headers;
      const body = new Uint8Array(zip ? gzipSync(bytes) : bytes);
      const { reply } = httpOutcome(one.decoder, { ...one.head, headers }, body);
      expect(reply?.status).toBeGreaterThanOrEqual(200);
    }),
  );
});

test('streams give the same events in whatever pieces they come', () => {
  const decoders = allDecoders();
  const cases = decoders.streams.flatMap((decoder) =>
    casesOf<StreamHead>(decoder.name)
      .filter((one) => one.head.transport === 'tcp')
      .map((one) => ({ decoder, ...one })),
  );
  const noise = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(fc.nat(), noise, fc.array(fc.nat(), { maxLength: 8 }), (pick, tail, cuts) => {
      const one = cases[pick % Math.max(1, cases.length)];
      if (one === undefined) return;
      const input = new Uint8Array(Buffer.concat([one.input, tail]));
      const at = [...new Set(cuts.map((cut) => cut % (input.length + 1)))].sort((a, b) => a - b);
      const edges = [0, ...at, input.length];
      const pieces = edges.slice(1).map((end, i) => input.slice(edges[i], end));
      const whole = streamOutcome(one.decoder, one.head, [input]);
      expect(streamOutcome(one.decoder, one.head, pieces)).toEqual(whole);
    }),
  );
});
