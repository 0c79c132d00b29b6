import { expect, test } from 'vitest';
import { encodeAgentHead, parseAgentBatch, type AgentPacking } from '../model/agent-batch.ts';
import { createAgent } from '../ingest/decode/agent.ts';
import { CapturedSink } from '../ingest/decode/captured-sink.ts';
import { BatchBuilder } from './batch-builder.ts';
import { newSource } from './source-state.ts';
import { packEvents, splitBatch } from './split.ts';
import { pieceOf } from './testing.ts';

const bodyOf = (packing: AgentPacking, counts: readonly number[]): Uint8Array => {
  const builder = new BatchBuilder(65_536);
  const states = counts.map((_, i) => ({ ...newSource({ id: `s${i}`, input: 'app' }), next: 10 }));
  for (const [i, count] of counts.entries()) {
    const state = states[i] ?? newSource({ id: 'never', input: 'app' });
    const lines = Array.from({ length: count }, (_, line) => `${i}:${line}`);
    builder.add(state, pieceOf(state.id, lines), {});
  }
  const { sources, blocks, events } = builder.close();
  const head = { agent: 'a', host: 'h', version: '1', packing, behindBytes: 0, sources, blocks };
  return Buffer.concat([encodeAgentHead(head), packEvents(packing, events)]);
};

const linesOf = (body: Uint8Array): string[] => {
  const sink = new CapturedSink();
  const request = { method: 'POST', path: '/', query: '', headers: {}, body };
  expect(createAgent().decode(request, sink).status).toBe(200);
  return sink.events.map(({ line }) => line);
};

const all = (body: Uint8Array): Uint8Array[] => {
  const halves = splitBatch(body);
  return halves === undefined ? [body] : halves.flatMap(all);
};

test.each<[AgentPacking, number[]]>([
  ['zstd', [2]],
  ['zstd', [5, 1, 3]],
  ['gzip', [1, 1]],
  ['identity', [7, 2]],
])('halves of %s batches hold what the whole held, numbered alike: %j', (packing, counts) => {
  const body = bodyOf(packing, counts);
  const parts = all(body);
  expect(parts.length).toBe(counts.reduce((a, b) => a + b));
  expect(parts.flatMap(linesOf)).toEqual(linesOf(body));
  const numbers = parts.flatMap((part) => {
    const batch = parseAgentBatch(part);
    if (typeof batch === 'string') throw new Error(batch);
    return batch.head.sources.flatMap(({ source, from, count }) =>
      Array.from({ length: count }, (_, i) => `${source} ${from + i}`),
    );
  });
  expect(numbers).toEqual(
    counts.flatMap((count, i) => Array.from({ length: count }, (_, n) => `s${i} ${10 + n}`)),
  );
});

test('one event cannot be split', () => {
  expect(splitBatch(bodyOf('zstd', [1]))).toBeUndefined();
});

test('events that are stored already are left out of both', () => {
  const sink = new CapturedSink();
  const body = bodyOf('zstd', [5, 3]);
  const request = { method: 'POST', path: '/', query: '', headers: {}, body, stored: [12, 13] };
  const reply = createAgent().decode(request, sink);
  expect(reply.body).toBe('{"accepted":3,"duplicates":5,"rejected":0}\n');
  expect(sink.events.map(({ line }) => line)).toEqual(['0:2', '0:3', '0:4']);
});
