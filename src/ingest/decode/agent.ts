import { AGENT_PATH, parseAgentBatch, type AgentHead } from '../../model/agent-batch.ts';
import { AgentEvents } from './agent-events.ts';
import type { DecodeRequest, EventSink, HttpDecoder, Refusal, Reply } from './decode.ts';
import { inflate } from './inflate.ts';

/**
 * Batches of our own agent (model/agent-batch.ts says how they look): lines as they were read,
 * with facts about their source around them. Events whose number the server has stored already
 * (`request.stored`) are left out and counted in the reply:
 * `{"accepted":998,"duplicates":2,"rejected":0}`. 400 says that a batch will never be taken, so
 * that the agent sets it aside; 413 that it is to be split.
 */
const json = (status: number, body: unknown, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: `${JSON.stringify(body)}\n`,
});

const error = (status: number, code: string, message: string, hint: string): Reply =>
  json(status, { error: { code, message, hint } }, status === 429 ? { 'retry-after': '1' } : {});

const REFUSALS: Readonly<Record<Refusal, Reply>> = {
  busy: error(429, 'busy', 'the journal is full', 'send the same again later'),
  too_large: error(413, 'too_large', 'the batch is over the limit', 'send fewer events in one'),
  unauthorized: error(401, 'unauthorized', 'no or wrong key', 'give the key in key_file'),
  failed: error(503, 'failed', 'the batch could not be stored', 'send the same again'),
};

export const createAgent = (): HttpDecoder => ({
  name: 'agent',
  mount: '',
  routes: [{ method: 'POST', path: AGENT_PATH }],
  decode: decodeBatch,
  refuse: (why) => REFUSALS[why],
});

const decodeBatch = (request: DecodeRequest, sink: EventSink): Reply => {
  const malformed = (message: string): Reply => {
    sink.reject('agent_batch_malformed', request.body);
    return error(400, 'agent_batch_malformed', message, 'update the agent and the server');
  };
  const batch = parseAgentBatch(request.body);
  if (typeof batch === 'string') return malformed(batch);
  const { head, packed } = batch;
  const unpacked = packed.length === 0 ? NOTHING : inflate(head.packing, packed);
  if (!unpacked.ok) {
    if (unpacked.reason === 'too_large') return REFUSALS.too_large;
    return malformed('the events cannot be unpacked');
  }
  const { bytes } = unpacked;
  if (head.blocks.reduce((sum, block) => sum + block[2], 0) !== bytes.length) {
    return malformed('the blocks are not as long as the events');
  }
  return json(200, decodeEvents(head, bytes, request.stored ?? [], sink));
};

const NOTHING = { ok: true, bytes: new Uint8Array(0) } as const;

/** What the reply says. */
interface Told {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
}

const decodeEvents = (
  head: AgentHead,
  bytes: Uint8Array,
  stored: readonly number[],
  sink: EventSink,
): Told => {
  const events = new AgentEvents(head, bytes, sink);
  const told = { accepted: 0, duplicates: 0, rejected: 0 };
  const next = head.sources.map(({ from }) => from);
  let at = 0;
  for (const [source, count, size] of head.blocks) {
    const from = next[source] as number;
    const skip = Math.min(count, Math.max(0, (stored[source] ?? 0) - from));
    const taken = events.take({ source, start: at, end: at + size, from, count, skip });
    told.accepted += taken;
    told.duplicates += skip;
    told.rejected += count - skip - taken;
    at += size;
    next[source] = from + count;
  }
  return told;
};
