import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAgent } from '../ingest/decode/agent.ts';
import { CapturedSink, type CapturedEvent } from '../ingest/decode/captured-sink.ts';
import { encodeAgentHead, parseAgentBatch, type AgentHead } from '../model/agent-batch.ts';
import { BatchBuilder } from './batch-builder.ts';
import type { Piece } from './input.ts';
import { newSource } from './source-state.ts';
import { packEvents, splitBatch } from './split.ts';
import { pieceOf } from './testing.ts';

/** What the agent makes of any pieces, the decoder reads back; and it survives the rest. */
const decoder = createAgent();

const decode = (body: Uint8Array, stored: readonly number[] = []): [CapturedEvent[], string] => {
  const sink = new CapturedSink();
  const request = { method: 'POST', path: '/', query: '', headers: {}, body, stored };
  const reply = decoder.decode(request, sink);
  return [sink.events, typeof reply.body === 'string' ? reply.body : ''];
};

const event = fc.record({
  line: fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }),
  seconds: fc.integer({ min: -1, max: 4_000_000_000 }),
  nanos: fc.integer({ min: 0, max: 999_999_999 }),
  stdio: fc.constantFrom(0, 1, 2),
  fields: fc.dictionary(fc.constantFrom('team', 'unit', 'zone'), fc.string({ minLength: 1 })),
  isChosen: fc.boolean(),
});
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

const piece = fc.record({
  source: fc.integer({ min: 0, max: 2 }),
  events: fc.array(event, { maxLength: 6 }),
});

/** The shape of a source's events: the same for all of its pieces. */
const shapes = fc.array(
  fc.record({ times: fc.boolean(), stdio: fc.boolean(), fields: fc.boolean() }),
  { minLength: 3, maxLength: 3 },
);
type Shape = typeof shapes extends fc.Arbitrary<(infer T)[]> ? T : never;

const toPiece = (source: number, events: readonly Event[], shape: Shape): Piece =>
  pieceOf(
    `s${source}`,
    events.map(({ line }) => line),
    {
      source: sources[source] as Piece['source'],
      ...(shape.times && {
        times: {
          seconds: Float64Array.from(events, ({ seconds }) => seconds),
          nanos: Uint32Array.from(events, ({ nanos }) => nanos),
        },
      }),
      ...(shape.stdio && { stdio: Uint8Array.from(events, ({ stdio }) => stdio) }),
      ...(shape.fields && { eventFields: events.map(({ fields }) => fields) }),
    },
  );

const sources = [0, 1, 2].map((i) => ({ ...pieceOf(`s${i}`, []).source }));

const build = (
  pieces: readonly { source: number; events: readonly Event[] }[],
  looks: readonly Shape[],
): Uint8Array => {
  const builder = new BatchBuilder(64);
  const states = sources.map((source) => newSource(source));
  for (const { source, events } of pieces) {
    const state = states[source] as (typeof states)[number];
    const chosen = events.flatMap(({ isChosen }, i) => (isChosen ? [i] : []));
    builder.add(state, toPiece(source, events, looks[source] as Shape), {}, chosen);
  }
  const { sources: told, blocks, events } = builder.close();
  const head = { agent: 'a', host: 'h', version: '1', packing: 'zstd', behindBytes: 0 } as const;
  return Buffer.concat([
    encodeAgentHead({ ...head, sources: told, blocks }),
    packEvents('zstd', events),
  ]);
};

const utf8 = (text: string): string => Buffer.from(text).toString('utf8');

test('what was chosen arrives, with what is known of it, in the order of the pieces', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), shapes, (pieces, looks) => {
      const [events] = decode(build(pieces, looks));
      const expected = pieces.flatMap(({ source, events: all }) =>
        all.filter(({ isChosen }) => isChosen).map((one) => ({ ...one, look: looks[source] })),
      );
      expect(events.map(({ line }) => line)).toEqual(expected.map(({ line }) => utf8(line)));
      for (const [i, { look, stdio, fields }] of expected.entries()) {
        const words = [undefined, 'stdout', 'stderr'];
        expect(events[i]?.columns?.['stdio']).toBe(look?.stdio ? words[stdio] : undefined);
        const told = look?.fields ? fields : {};
        expect(events[i]?.metadata ?? {}).toEqual(
          Object.fromEntries(Object.entries(told).map(([name, value]) => [name, utf8(value)])),
        );
      }
    }),
  );
});

test('halves hold what the whole holds; what is stored is left out of it', () => {
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 6 }),
      shapes,
      fc.array(fc.nat(12), { minLength: 3, maxLength: 3 }),
      (pieces, looks, stored) => {
        const body = build(pieces, looks);
        const [whole] = decode(body);
        const halves = splitBatch(body);
        const lines = (events: CapturedEvent[]): string[] => events.map(({ line }) => line);
        if (halves !== undefined) {
          expect(halves.flatMap((half) => lines(decode(half)[0]))).toEqual(lines(whole));
        }
        const batch = parseAgentBatch(body);
        if (typeof batch === 'string') throw new Error(batch);
        const skipped = batch.head.sources.reduce(
          (sum, { count }, i) => sum + Math.min(count, stored[i] ?? 0),
          0,
        );
        const [rest, reply] = decode(body, stored);
        expect(rest.length).toBe(whole.length - skipped);
        expect(reply).toContain(`"duplicates":${skipped},"rejected":0`);
      },
    ),
  );
});

test('a head that lies costs nothing but the batch', () => {
  const hostile = fc.oneof(
    fc.maxSafeInteger(),
    fc.double(),
    fc.string(),
    fc.constantFrom(null, true, [], {}, -1, 2 ** 60, [[0, 1, 1]], [[9, 1, 1]], 'otlp', 'gzip'),
  );
  const names = fc.constantFrom(
    ...['agent', 'packing', 'sources', 'blocks', 'behindBytes'],
    ...['source', 'from', 'count', 'with', 'content', 'readNs', 'fields', 'dropped', 'request'],
  );
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 3 }),
      shapes,
      names,
      hostile,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      (pieces, looks, name, value, flips) => {
        const body = build(pieces, looks);
        const batch = parseAgentBatch(body);
        if (typeof batch === 'string') throw new Error(batch);
        const change = { [name]: value };
        const head = {
          ...batch.head,
          sources: batch.head.sources.map((source) => ({ ...source, ...change })),
          ...(name in batch.head && change),
        } as unknown as AgentHead;
        const lie = Buffer.concat([encodeAgentHead(head), batch.packed]);
        for (const [at, byte] of flips) lie[at % lie.length] = byte;
        const [events, reply] = decode(lie);
        expect(reply).toMatch(/^\{"(accepted|error)"/);
        if (reply.startsWith('{"accepted"') && !reply.includes('otlp')) {
          expect(events.length).toBeLessThanOrEqual(10_000);
        }
      },
    ),
  );
});
