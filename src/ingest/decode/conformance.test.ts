import { describe, expect, test } from 'vitest';
import { gzipSync } from 'node:zlib';
import {
  allDecoders,
  casesOf,
  grpcOutcome,
  httpOutcome,
  readableReply,
  requestOf,
  streamOutcome,
  type GrpcHead,
  type HttpHead,
  type StreamHead,
} from '../../../fixtures/decode/cases.ts';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import { CapturedSink } from './captured-sink.ts';
import type { HttpDecoder, Refusal } from './decode.ts';

/**
 * What every decoder must do, whatever its protocol: its fixtures, and the same bytes cut, split,
 * flipped, oversized and mislabelled. A decoder without fixtures fails.
 */
const decoders = allDecoders();

/** More than any of these small inputs may take, on a slow machine too. */
const PATIENCE_MS = 2_000;
const TRUNCATIONS = 200;
const FLIPS = 200;

/** Deterministic numbers below 1 (mulberry32). */
const seeded = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

/** Every length below `size`, or a seeded choice of them. */
const someOf = (size: number, most: number, random: () => number): number[] => {
  if (size <= most) return Array.from({ length: size }, (_, i) => i);
  return Array.from({ length: most }, () => Math.floor(random() * size));
};

const flipped = (input: Uint8Array, random: () => number): Uint8Array => {
  const copy = input.slice();
  const at = Math.floor(random() * copy.length);
  copy[at] = (copy[at] as number) ^ (1 << Math.floor(random() * 8));
  return copy;
};

/** Decodes hostile bytes: it must answer in time, in the protocol's form, and never throw. */
const survives = (decoder: HttpDecoder, head: HttpHead, body: Uint8Array): CapturedSink => {
  const sink = new CapturedSink();
  const start = performance.now();
  const reply = decoder.decode(requestOf(head, body), sink);
  expect(performance.now() - start).toBeLessThan(PATIENCE_MS);
  expect(Number.isInteger(reply.status) && reply.status >= 200 && reply.status < 600).toBe(true);
  // A reply that says all is well while items were lost would lose them silently.
  if (sink.rejects.length > 0 && reply.status === 204) {
    expect.fail(`${sink.rejects.join()} answered with ${reply.status}`);
  }
  return sink;
};

/** Runs with small limits, so that a bomb is a bomb at a megabyte. */
const withLimits = (limits: Record<string, number>, run: () => void): void => {
  const before = { ...LIMITS };
  overrideLimits(limits);
  try {
    run();
  } finally {
    overrideLimits(before);
  }
};

describe.each(decoders.http.map((decoder) => [decoder.name, decoder] as const))(
  'the %s decoder',
  (name, decoder) => {
    const cases = casesOf<HttpHead>(name);

    test('has fixtures', () => {
      expect(cases.length).toBeGreaterThan(0);
    });

    test.each(cases.map((one) => [`${one.id} (${one.head.from})`, one] as const))(
      'decodes fixture %s',
      (_, { head, input, expected }) => {
        expect(JSON.parse(JSON.stringify(httpOutcome(decoder, head, input)))).toEqual(expected);
      },
    );

    test('decodes a case alike however often, and after garbage', () => {
      for (const { head, input, expected } of cases) {
        survives(decoder, head, flipped(input.length > 0 ? input : new Uint8Array(1), seeded(7)));
        expect(JSON.parse(JSON.stringify(httpOutcome(decoder, head, input)))).toEqual(expected);
      }
    });

    test('leaves the request as it was', () => {
      for (const { head, input } of cases) {
        const before = input.slice();
        httpOutcome(decoder, head, input);
        expect(Buffer.compare(before, input)).toBe(0);
      }
    });

    test('survives every truncation', () => {
      for (const { head, input } of cases) {
        for (const size of someOf(input.length, TRUNCATIONS, seeded(11))) {
          survives(decoder, head, input.slice(0, size));
        }
      }
    });

    test('survives flipped bits', () => {
      const random = seeded(13);
      for (const { head, input } of cases) {
        if (input.length === 0) continue;
        for (let i = 0; i < FLIPS; i++) survives(decoder, head, flipped(input, random));
      }
    });

    test('survives empty bodies, other content types and other encodings', () => {
      for (const { head, input } of cases) {
        survives(decoder, head, new Uint8Array(0));
        for (const [header, values] of Object.entries({
          'content-type': [
            '',
            'text/plain',
            'application/xml',
            'application/json',
            ';',
            '\u00e9/x',
          ],
          'content-encoding': ['gzip', 'deflate', 'zstd', 'snappy', 'br', 'identity', 'gzip, gzip'],
        })) {
          for (const value of values) {
            survives(decoder, { ...head, headers: { ...head.headers, [header]: value } }, input);
          }
        }
        survives(decoder, { ...head, headers: {} }, input);
      }
    });

    test('stops a gzip bomb at the limit', () => {
      const bomb = gzipSync(new Uint8Array(8_388_608));
      withLimits({ inflatedBytes: 1_048_576 }, () => {
        for (const { head } of cases) {
          const headers = { ...head.headers, 'content-encoding': 'gzip' };
          const sink = survives(decoder, { ...head, headers }, bomb);
          expect(sink.events).toEqual([]);
        }
      });
    });

    test('survives a body of one byte, repeated', () => {
      for (const { head } of cases) {
        for (const byte of [0x00, 0x0a, 0x20, 0x22, 0x5b, 0x7b, 0x80, 0xff]) {
          survives(decoder, head, new Uint8Array(300_000).fill(byte));
        }
      }
    });

    test('refuses in words of its own', () => {
      const refusals: Refusal[] = ['busy', 'too_large', 'unauthorized', 'failed'];
      for (const { head } of cases) {
        for (const why of refusals) {
          const { status, body, bodyHex } = readableReply(decoder.refuse(why, head));
          expect(status).toBeGreaterThanOrEqual(400);
          expect((body ?? bodyHex ?? '').length).toBeGreaterThan(0);
        }
        expect([429, 503]).toContain(decoder.refuse('busy', head).status);
        expect(decoder.refuse('too_large', head).status).toBe(413);
        expect([401, 403]).toContain(decoder.refuse('unauthorized', head).status);
        expect(decoder.refuse('failed', head).status).toBeGreaterThanOrEqual(500);
      }
    });
  },
);

describe.each(decoders.streams.map((decoder) => [decoder.name, decoder] as const))(
  'the %s decoder',
  (name, decoder) => {
    const cases = casesOf<StreamHead>(name);
    const ofStreams = cases.filter(({ head }) => head.transport === 'tcp');
    const survivesStream = (head: StreamHead, pieces: Uint8Array[]): number => {
      const start = performance.now();
      const { events } = streamOutcome(decoder, head, pieces);
      expect(performance.now() - start).toBeLessThan(PATIENCE_MS);
      return events.length;
    };

    test('has fixtures', () => {
      expect(cases.length).toBeGreaterThan(0);
    });

    test.each(cases.map((one) => [`${one.id} (${one.head.from})`, one] as const))(
      'decodes fixture %s',
      (_, { head, input, expected }) => {
        const outcome = streamOutcome(decoder, head, [input]);
        expect(JSON.parse(JSON.stringify(outcome))).toEqual(expected);
      },
    );

    test('sees the same events however the stream is split', () => {
      for (const { head, input, expected } of ofStreams) {
        for (const at of someOf(input.length, TRUNCATIONS, seeded(17))) {
          const pieces = [input.slice(0, at), input.slice(at)];
          const outcome = streamOutcome(decoder, head, pieces);
          expect(JSON.parse(JSON.stringify(outcome)), `split at ${at}`).toEqual(expected);
        }
        const bytes = Array.from(input, (byte) => new Uint8Array([byte]));
        const outcome = streamOutcome(decoder, head, bytes);
        expect(JSON.parse(JSON.stringify(outcome))).toEqual(expected);
      }
    });

    test('survives every truncation and flipped bits', () => {
      const random = seeded(19);
      for (const { head, input } of cases) {
        for (const size of someOf(input.length, TRUNCATIONS, random)) {
          survivesStream(head, [input.slice(0, size)]);
        }
        for (let i = 0; i < FLIPS && input.length > 0; i++) {
          survivesStream(head, [flipped(input, random)]);
        }
      }
    });

    test('survives empty input and streams without an end of frame', () => {
      for (const transport of ['tcp', 'udp'] as const) {
        const head: StreamHead = { from: 'garbage', transport, address: '192.0.2.1' };
        expect(survivesStream(head, [new Uint8Array(0)])).toBe(0);
        for (const byte of [0x00, 0x20, 0x31, 0x39, 0x3c, 0x41, 0x80, 0xff]) {
          const piece = new Uint8Array(60_000).fill(byte);
          const count = survivesStream(head, Array<Uint8Array>(50).fill(piece));
          expect(count).toBeLessThanOrEqual(50);
        }
      }
    });
  },
);

describe.each(decoders.grpc.map((decoder) => [decoder.name, decoder] as const))(
  'the %s decoder',
  (name, decoder) => {
    const cases = casesOf<GrpcHead>(name);
    const survivesCall = (head: GrpcHead, input: Uint8Array): number => {
      const start = performance.now();
      const { events, answer } = grpcOutcome(decoder, head, input);
      expect(performance.now() - start).toBeLessThan(PATIENCE_MS);
      // OK, or the sender's fault: what is wrong with the bytes is never ours.
      expect([undefined, 0, 3]).toContain(answer?.status);
      return events.length;
    };

    test('has fixtures', () => {
      expect(cases.length).toBeGreaterThan(0);
    });

    test.each(cases.map((one) => [`${one.id} (${one.head.from})`, one] as const))(
      'decodes fixture %s',
      (_, { head, input, expected }) => {
        const before = input.slice();
        const outcome = grpcOutcome(decoder, head, input);
        expect(JSON.parse(JSON.stringify(outcome))).toEqual(expected);
        expect(Buffer.compare(before, input)).toBe(0);
      },
    );

    test('survives every truncation and flipped bits', () => {
      const random = seeded(23);
      for (const { head, input } of cases) {
        for (const size of someOf(input.length, TRUNCATIONS, random)) {
          survivesCall(head, input.slice(0, size));
        }
        for (let i = 0; i < FLIPS && input.length > 0; i++) {
          survivesCall(head, flipped(input, random));
        }
      }
    });

    test('survives empty messages and messages of one byte, repeated', () => {
      for (const { path, stream } of decoder.methods) {
        const peer = { address: '192.0.2.1', transport: 'tcp' } as const;
        const head: GrpcHead = { from: 'garbage', path, metadata: {}, peer };
        survivesCall(head, new Uint8Array(0));
        expect(survivesCall(head, new Uint8Array(stream ? 500 : 5))).toBe(0);
        for (const byte of [0x00, 0x0a, 0x12, 0x1a, 0x7b, 0x80, 0xff]) {
          const input = new Uint8Array(300_005).fill(byte);
          input.set([0, 0, 4, 0x93, 0xe0]);
          survivesCall(head, input);
        }
      }
    });
  },
);
