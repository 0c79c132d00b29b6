import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import {
  encodeAgentHead,
  parseAgentBatch,
  type AgentHead,
  type AgentPacking,
} from '../model/agent-batch.ts';
import { AgentBlock } from '../ingest/decode/agent-block.ts';

/** Compresses events. Level 1 is what the weight of the agent allows, and nearly as small. */
export const packEvents = (packing: AgentPacking, events: Uint8Array): Uint8Array => {
  if (packing === 'identity') return events;
  if (packing === 'gzip') return gzipSync(events, { level: 1 });
  return zstdCompressSync(events, {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
    chunkSize: Math.max(1_024, events.length >> 3),
  });
};

export const unpackEvents = (packing: AgentPacking, packed: Uint8Array): Uint8Array => {
  if (packing === 'identity' || packed.length === 0) return packed;
  return packing === 'gzip' ? gunzipSync(packed) : zstdDecompressSync(packed);
};

/** Two batches that hold what one held, in order; undefined where it has one event at most. */
export const splitBatch = (body: Uint8Array): readonly [Uint8Array, Uint8Array] | undefined => {
  const batch = parseAgentBatch(body);
  if (typeof batch === 'string') return undefined;
  const { head, packed } = batch;
  const total = head.sources.reduce((sum, { count }) => sum + count, 0);
  if (total < 2) return undefined;
  const events = unpackEvents(head.packing, packed);
  const half = Math.floor(total / 2);
  const first: [number, number, number][] = [];
  const second: [number, number, number][] = [];
  let seen = 0;
  let at = 0;
  let cutAt = 0;
  for (const [source, count, bytes] of head.blocks) {
    const mine = Math.min(count, Math.max(0, half - seen));
    const size = mine === count ? bytes : sizeOf(events, at, at + bytes, head, source, mine);
    if (mine > 0) first.push([source, mine, size]);
    if (mine < count) second.push([source, count - mine, bytes - size]);
    seen += mine;
    cutAt += size;
    at += bytes;
  }
  return [
    bodyOf(head, first, events.subarray(0, cutAt), 'first'),
    bodyOf(head, second, events.subarray(cutAt), 'second'),
  ];
};

/** Bytes of a block's first events. */
const sizeOf = (
  events: Uint8Array,
  start: number,
  end: number,
  head: AgentHead,
  source: number,
  count: number,
): number => {
  const block = new AgentBlock(events, start, end, head.sources[source]?.with ?? 0);
  for (let i = 0; i < count; i++) block.next();
  block.eachField(() => undefined);
  return end - start - block.rest().length;
};

const bodyOf = (
  head: AgentHead,
  blocks: readonly (readonly [number, number, number])[],
  events: Uint8Array,
  part: 'first' | 'second',
): Uint8Array => {
  const counts = head.sources.map(() => 0);
  for (const [source, count] of blocks) counts[source] = (counts[source] as number) + count;
  const sources = head.sources.map((source, i) => {
    const count = counts[i] as number;
    const from = part === 'first' ? source.from : source.from + source.count - count;
    return { ...source, from, count };
  });
  const packed = packEvents(head.packing, events);
  return Buffer.concat([encodeAgentHead({ ...head, sources, blocks }), packed]);
};
