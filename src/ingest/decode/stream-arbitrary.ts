import fc from 'fast-check';
import { CapturedSink, type CapturedEvent } from './captured-sink.ts';
import type { StreamDecoder, StreamPeer } from './decode.ts';

/** What fuzzers of stream decoders share: broken streams, and what comes of them. */
export interface StreamOutcome {
  readonly events: readonly CapturedEvent[];
  readonly rejects: readonly string[];
  readonly replies: string;
  readonly closed: boolean;
}

/** Feeds the stream cut at the given places; ends it unless it was closed. */
export const streamed = (
  decoder: StreamDecoder,
  peer: StreamPeer,
  stream: Uint8Array,
  cuts: readonly number[],
): StreamOutcome => {
  const sink = new CapturedSink();
  const session = decoder.open(peer);
  const at = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...at, stream.length];
  const replies: Uint8Array[] = [];
  let closed = false;
  for (let i = 1; !closed && i < edges.length; i++) {
    const { reply, close } = session.feed(stream.slice(edges[i - 1], edges[i]), sink);
    if (reply !== undefined) replies.push(reply);
    closed = close === true;
  }
  if (!closed) session.end(sink);
  const { events, rejects } = sink;
  return { events, rejects, replies: Buffer.concat(replies).toString('latin1'), closed };
};

export const cuts = fc.array(fc.nat(), { maxLength: 12 });

/** Changes to a stream: bytes cut out and put in, bits turned. */
const edit = fc.record({
  at: fc.nat(),
  cut: fc.nat(6),
  put: fc.uint8Array({ maxLength: 5 }),
  flip: fc.nat(255),
});
export const edits = fc.array(edit, { maxLength: 5 });

export const edited = (
  stream: Uint8Array,
  changes: readonly { at: number; cut: number; put: Uint8Array; flip: number }[],
): Uint8Array => {
  let bytes = Buffer.from(stream);
  for (const { at, cut, put, flip } of changes) {
    const from = at % (bytes.length + 1);
    bytes = Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)]);
    if (from < bytes.length) bytes[from] = (bytes[from] as number) ^ flip;
  }
  return new Uint8Array(bytes);
};
