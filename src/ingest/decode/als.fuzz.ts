import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeAls } from '../../../fixtures/decode/als-messages.ts';
import { casesOf, grpcOutcome, type GrpcHead } from '../../../fixtures/decode/cases.ts';
import { createAls } from './als.ts';
import { CapturedSink } from './captured-sink.ts';

const PATH = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';
const peer = { address: '192.0.2.7', transport: 'tcp' } as const;
const als = createAls();

/** Text with what breaks JSON, and no lone surrogates, which UTF-8 cannot carry. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\0', '\u007f', 'a', '\u00e9', '\u{1f600}') }),
);
const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
const headers = fc.dictionary(fc.string({ unit: 'grapheme', minLength: 1 }), text, {
  maxKeys: 3,
  noNullPrototype: true,
});
const entry = fc.record({
  path: some(text),
  agent: some(text),
  code: some(fc.nat(599)),
  bytes: some(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n })),
  headers,
  tags: headers,
  seconds: some(fc.integer({ min: 1, max: 9_000_000_000 })),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
  uri: some(text),
});

/** proto3 leaves fields of no value out. */
const given = (object: Record<string, unknown>): object =>
  Object.fromEntries(
    Object.entries(object).filter(
      ([, value]) =>
        value !== undefined &&
        value !== '' &&
        !(typeof value === 'object' && Object.keys(value as object).length === 0),
    ),
  );

test('every field of every entry comes back from its line', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
      const log_entry = entries.map((one) => ({
        common_properties: given({
          start_time: one.seconds && { seconds: one.seconds, nanos: one.nanos },
          custom_tags: one.tags,
          tls_properties: one.uri && {
            peer_certificate_properties: { subject_alt_name: [{ uri: one.uri }] },
          },
        }),
        request: given({
          path: one.path,
          user_agent: one.agent,
          request_body_bytes: one.bytes && String(one.bytes),
          request_headers: one.headers,
        }),
        response: given({ response_code: one.code ? { value: one.code } : undefined }),
      }));
      const sink = new CapturedSink();
      const session = als.open({ path: PATH, metadata: {}, peer });
      session.message(encodeAls('StreamAccessLogsMessage', { http_logs: { log_entry } }), sink);
      expect(sink.rejects).toEqual([]);
      expect(sink.events).toHaveLength(entries.length);
      for (const [i, { line, time, columns }] of sink.events.entries()) {
        const one = entries[i];
        const found = JSON.parse(line) as {
          common_properties: Record<string, unknown>;
          request: Record<string, unknown>;
          response: Record<string, unknown>;
        };
        expect(found.request['path'] ?? '').toBe(one?.path ?? '');
        expect(found.request['user_agent'] ?? '').toBe(one?.agent ?? '');
        expect(found.request['request_headers'] ?? {}).toEqual(one?.headers);
        expect(found.common_properties['custom_tags'] ?? {}).toEqual(one?.tags);
        expect(found.response['response_code'] ?? 0).toBe(one?.code ?? 0);
        if (one?.bytes !== undefined) expect(line).toContain(`"request_body_bytes":${one.bytes}`);
        if (one?.seconds !== undefined) {
          expect(time).toBe(`${one.seconds}.${String(one.nanos).padStart(9, '0')}`);
        }
        if (one?.uri) {
          expect(columns).toMatchObject({ source_identity: one.uri, mtls: 'true' });
        }
      }
    }),
  );
});

test('no bytes make a call throw, and every line of one without damage is JSON', () => {
  const cases = casesOf<GrpcHead>('als');
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(4),
    put: fc.uint8Array({ maxLength: 6 }),
  });
  fc.assert(
    fc.property(fc.nat(), fc.array(edit, { maxLength: 5 }), (pick, edits) => {
      const one = cases[pick % cases.length];
      if (one === undefined) return;
      // The node's list of extensions is long: what comes behind it is worth more.
      let bytes = Buffer.from(one.input);
      for (const { at, cut, put } of edits) {
        const from = Math.max(0, bytes.length - 1 - Math.floor(at * 4_000));
        bytes = Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)]);
      }
      const { events, answer } = grpcOutcome(als, one.head, new Uint8Array(bytes));
      expect(answer?.status).toBe(0);
      if (edits.length > 0) return;
      for (const { line } of events) expect(() => JSON.parse(line) as unknown).not.toThrow();
    }),
  );
});

test('random messages never throw', () => {
  const tags = fc.constantFrom(0x0a, 0x12, 0x1a, 0x22, 0x08, 0x10, 0x2a, 0x32, 0x8a, 0xaa, 0x01);
  const bytes = fc.array(fc.oneof(tags, fc.nat(255), fc.nat(20)), { maxLength: 200 });
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 4 }), fc.boolean(), (messages, isFramed) => {
      const sink = new CapturedSink();
      const session = als.open({ path: PATH, metadata: {}, peer });
      for (const message of messages) {
        // Half of them get as far as an entry.
        const size = message.length;
        const wrapped = isFramed && size < 124 ? [0x12, size + 2, 0x0a, size, ...message] : message;
        session.message(new Uint8Array(wrapped), sink);
      }
      session.end(sink);
      expect(sink.events.length + sink.rejects.length).toBeLessThanOrEqual(400);
    }),
  );
});
