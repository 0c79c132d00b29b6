import type { Authenticator } from '../access/authentication.ts';
import type { GrpcDecoder } from '../ingest/decode/decode.ts';
import { grpcRefusal, type GrpcRefusal } from '../ingest/decode/grpc-refusal.ts';
import type { CallAnswer, GrpcFace, ReceivedCall } from '../ingest/receive/grpc-call.ts';
import { must } from '../model/errors.ts';
import type { SourceKey } from '../model/source.ts';
import type { Clock } from '../platform/clock.ts';
import { isLoopback } from '../platform/sockets.ts';
import type { Acknowledger, Outcome } from './acknowledge.ts';
import type { Counters } from './counters.ts';
import type { DecodePool } from './decode-pool.ts';
import { DEFAULT_TENANT, tenantOf } from './tenant.ts';
import type { CallJob } from './thread-messages.ts';

/** What of the intake gRPC calls need. */
export interface GrpcParts {
  readonly pool: DecodePool;
  readonly acknowledger: Acknowledger;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly authenticator: Authenticator;
  readonly accepts: () => boolean;
  heard(
    key: SourceKey,
    outcome: Outcome,
    about: { observedNs: bigint; encrypted: boolean; size: number },
  ): void;
  turnedAway(from: { protocol: string; address: string; agent: string; reason: string }): void;
  noteFailure(protocol: string, failure: string | undefined): void;
}

const NOTHING = new Uint8Array(0);

/** What a gRPC listener gives its calls to: all decoders of one port. */
export const createGrpcFace = (decoders: readonly GrpcDecoder[], parts: GrpcParts): GrpcFace => {
  const byPath = new Map(
    decoders.flatMap((decoder) => decoder.methods.map(({ path }) => [path, decoder] as const)),
  );
  const decoderOf = (call: ReceivedCall): GrpcDecoder =>
    must(byPath.get(call.path), `a decoder for ${call.path}`);
  const run = (call: ReceivedCall, step: CallJob['step'], bytes: Uint8Array = NOTHING): Answering =>
    runStep(parts, decoderOf(call).name, call, step, bytes);
  return {
    methods: decoders.flatMap(({ methods }) => methods),
    admit: (call) => admit(parts, decoderOf(call), call),
    message: async (call, bytes) => {
      // A stream's messages wait instead: its sender could not be asked to send them again.
      if (!call.isStream && bytes.length > 0 && !parts.accepts()) return refuse(parts, 'busy');
      const answer = await run(call, 'message', bytes);
      return answer ?? (call.isStream ? undefined : refuse(parts, 'failed'));
    },
    end: async (call) => (await run(call, 'end')) ?? refuse(parts, 'failed'),
    abandoned: (call) => void run(call, 'forget'),
    unreadable: () => {
      parts.counters.add('meshtrail_refused_requests_total', 1, { reason: 'unreadable' });
    },
    refuse: (_call, why) => refuse(parts, why),
  };
};

type Answering = Promise<CallAnswer | undefined>;

const refuse = ({ counters }: GrpcParts, why: GrpcRefusal): CallAnswer => {
  counters.add('meshtrail_refused_requests_total', 1, { reason: why });
  return grpcRefusal(why);
};

const admit = (
  parts: GrpcParts,
  { name, secret }: GrpcDecoder,
  { metadata, peer }: ReceivedCall,
): CallAnswer | undefined => {
  const { address, identity } = peer;
  const isNear = secret === 'none' && (identity !== '' || isLoopback(address));
  if (!isNear && !parts.authenticator.allows({ headers: metadata, path: '', query: '' })) {
    const agent = metadata['user-agent'] ?? '';
    parts.turnedAway({ protocol: name, address, agent, reason: 'unauthorized' });
    return refuse(parts, 'unauthorized');
  }
  return tenantOf(metadata) === undefined ? refuse(parts, 'bad_tenant') : undefined;
};

/** Hands a step to a decoding thread; resolves when what it committed is durable. */
const runStep = async (
  parts: GrpcParts,
  protocol: string,
  call: ReceivedCall,
  step: CallJob['step'],
  bytes: Uint8Array,
): Answering => {
  const { path, peer, metadata } = call;
  const tenant = tenantOf(metadata) ?? DEFAULT_TENANT;
  const observedNs = parts.clock.observedNs();
  // The bytes may move to the thread: afterwards their buffer here is empty.
  const size = bytes.length;
  const done = await parts.pool.run({
    type: 'call',
    decoder: protocol,
    call: call.id,
    isStream: call.isStream,
    from: { path, metadata, peer },
    bytes,
    step,
    tenant,
    peer: peer.address,
    observedNs,
  });
  const outcome = parts.acknowledger.outcomeOf(done);
  const { address, identity, encrypted } = peer;
  const agent = metadata['user-agent'] ?? '';
  const about = { observedNs, encrypted, size };
  parts.heard({ tenant, protocol, address, identity, agent }, outcome, about);
  if (!outcome.ok) {
    parts.noteFailure(protocol, done?.failure);
    return refuse(parts, outcome.why);
  }
  const { answer, rows } = outcome.done;
  if (rows === 0 && answer !== undefined && answer.status !== 0) {
    parts.counters.add('meshtrail_rejected_bytes_total', size, { protocol });
  }
  return answer;
};
