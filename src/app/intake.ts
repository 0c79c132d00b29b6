import type { Authenticator } from '../access/authentication.ts';
import type {
  DecodeRequest,
  GrpcDecoder,
  HttpDecoder,
  Reply,
  StreamDecoder,
} from '../ingest/decode/decode.ts';
import type { GrpcFace } from '../ingest/receive/grpc-call.ts';
import type { BodyFace } from '../ingest/receive/body.ts';
import type { HttpAnswer, ReceivedRequest } from '../ingest/receive/http.ts';
import type { StreamFace } from '../ingest/receive/stream.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { SourceKey } from '../model/source.ts';
import type { Acknowledger, Outcome } from './acknowledge.ts';
import type { AgentWatermarks, Turn } from './agent-watermarks.ts';
import { createBodyFace } from './body-face.ts';
import type { Counters } from './counters.ts';
import type { DecodePool } from './decode-pool.ts';
import { createGrpcFace } from './grpc-face.ts';
import type { Definitions } from './definitions.ts';
import { errorAnswer } from './http-face.ts';
import type { Route } from './routes.ts';
import type { Sources } from './sources.ts';
import { DEFAULT_TENANT, tenantOf } from './tenant.ts';
import type { JobDone } from './thread-messages.ts';

/** Joins listeners to the decoding threads and the journal: one method per kind of listener. */
export class Intake {
  private readonly pool: DecodePool;
  private readonly acknowledger: Acknowledger;
  private readonly counters: Counters;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly accepts: () => boolean;
  private readonly sources: Sources;
  private readonly agents: AgentWatermarks;
  private readonly definitions: Definitions;
  /** Who the senders of open streams proved to be. */
  private readonly identities = new Map<number, string>();

  constructor(
    pool: DecodePool,
    acknowledger: Acknowledger,
    counters: Counters,
    clock: Clock,
    log: Log,
    accepts: () => boolean,
    sources: Sources,
    agents: AgentWatermarks,
    definitions: Definitions,
  ) {
    this.pool = pool;
    this.acknowledger = acknowledger;
    this.counters = counters;
    this.clock = clock;
    this.log = log;
    this.accepts = accepts;
    this.sources = sources;
    this.agents = agents;
    this.definitions = definitions;
  }

  /** The routes of one decoder. */
  routes(decoder: HttpDecoder, mount: string): Route[] {
    return decoder.routes.map(({ method, path, open = false }) => ({
      method,
      path,
      open,
      mount,
      ...(decoder.secret === 'none' && { near: true }),
      handle: (request, body) => this.request(decoder, request, body),
      ...(decoder.body && { body: (request) => this.body(decoder, request) }),
      refuse: (why, request) => {
        if (why === 'unauthorized') {
          const { address, agent } = sourceOf(request);
          this.turnedAway({ protocol: decoder.name, address, agent, reason: why });
        }
        return decoder.refuse(why, request);
      },
    }));
  }

  /** What a stream listener gives its bytes to. */
  stream(decoder: StreamDecoder): StreamFace {
    return {
      secret: decoder.secret,
      greets: decoder.greets === true,
      keepalive: (firstByte) => decoder.keepalive?.(firstByte),
      bytes: async (connection, from, bytes, last) => {
        const observedNs = this.clock.observedNs();
        const size = bytes.length;
        const done = await this.pool.run({
          type: 'stream',
          decoder: decoder.name,
          connection,
          from,
          bytes: whole(bytes),
          last,
          tenant: DEFAULT_TENANT,
          peer: from.address,
          observedNs,
        });
        const outcome = this.acknowledger.outcomeOf(done);
        const { encrypted, address } = from;
        const identity = this.identityOf(connection, from.identity, done, last);
        const sender = { protocol: decoder.name, address, identity, agent: '' };
        this.heard({ ...sender, tenant: DEFAULT_TENANT }, outcome, { observedNs, encrypted, size });
        if (!outcome.ok) {
          this.noteFailure(decoder.name, done?.failure);
          return { close: true };
        }
        const { replyBytes, close } = outcome.done;
        return { ...(replyBytes && { reply: replyBytes }), ...(close && { close }) };
      },
      turnedAway: (address) => {
        this.turnedAway({ protocol: decoder.name, address, reason: 'peer_not_allowed' });
        this.counters.add('meshtrail_rejected_records_total', 1, {
          protocol: decoder.name,
          reason: 'peer_not_allowed',
        });
      },
      dropped: (_address, bytes) => {
        this.counters.add('meshtrail_dropped_records_total', 1, { protocol: decoder.name });
        this.counters.add('meshtrail_dropped_bytes_total', bytes, { protocol: decoder.name });
      },
    };
  }

  /** What a gRPC listener gives its calls to. */
  grpc(decoders: readonly GrpcDecoder[], authenticator: Authenticator): GrpcFace {
    const { pool, acknowledger, counters, clock, accepts } = this;
    return createGrpcFace(decoders, {
      pool,
      acknowledger,
      counters,
      clock,
      authenticator,
      accepts,
      heard: (...words) => this.heard(...words),
      turnedAway: (from) => this.turnedAway(from),
      noteFailure: (...words) => this.noteFailure(...words),
    });
  }

  /** Takes a body as it comes. */
  private body(decoder: HttpDecoder, request: ReceivedRequest): BodyFace | undefined {
    const tenant = tenantOf(request.headers);
    if (tenant === undefined || decoder.body?.takes(request.headers) !== true) return undefined;
    const { pool, acknowledger, clock, accepts } = this;
    return createBodyFace(decoder, decoder.body, request, {
      pool,
      acknowledger,
      clock,
      accepts,
      tenant,
      heard: (...words) =>
        this.heard({ ...sourceOf(request), tenant, protocol: decoder.name }, ...words),
      refusal: (why) => this.refusal(decoder, request, why),
      noteFailure: (failure) => this.noteFailure(decoder.name, failure),
    });
  }

  private async request(
    decoder: HttpDecoder,
    request: ReceivedRequest,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<HttpAnswer> {
    const tenant = tenantOf(request.headers);
    if (tenant === undefined) {
      return errorAnswer(
        400,
        'tenant_invalid',
        'X-Scope-OrgID is not a tenant name',
        "use letters, digits and !-_.*'()",
      );
    }
    if (body.length > 0 && !this.accepts()) return this.refusal(decoder, request, 'busy');
    const decode: DecodeRequest = {
      method: request.method,
      path: request.path,
      query: request.query,
      headers: request.headers,
      body,
    };
    const { name } = decoder;
    const size = body.length;
    const turn = name === 'agent' ? await this.agents.turn(tenant, body) : undefined;
    const lookup = decoder.named?.(request);
    const defined =
      lookup && this.definitions.find(tenant, lookup.kind, (one) => lookup.matches(one));
    const observedNs = this.clock.observedNs();
    const done = await this.pool.run({
      type: 'request',
      decoder: name,
      request: { ...decode, ...(turn && { stored: turn.stored }), ...(defined && { defined }) },
      tenant,
      peer: request.peer,
      observedNs,
    });
    const outcome = this.acknowledger.outcomeOf(done);
    const { encrypted } = request;
    const key = keyOf(request, tenant, name, turn);
    this.heard(key, outcome, { observedNs, encrypted, size });
    this.endTurn(turn, key, outcome, { observedNs, encrypted });
    if (!outcome.ok) {
      this.noteFailure(name, done?.failure);
      return this.refusal(decoder, request, outcome.why);
    }
    const { reply, rows } = outcome.done;
    if (reply?.defines !== undefined) this.definitions.take(tenant, reply.defines);
    if (rows === 0 && reply !== undefined && reply.status >= 400) {
      this.counters.add('meshtrail_rejected_bytes_total', size, { protocol: name });
    }
    return reply ?? this.refusal(decoder, request, 'failed');
  }

  /**
   * Lets the next batch of the same sources come; notes numbers that no batch brought, and what the
   * agent's rules left out.
   */
  private endTurn(
    turn: Turn | undefined,
    key: SourceKey,
    outcome: Outcome,
    when: { readonly observedNs: bigint; readonly encrypted: boolean },
  ): void {
    const isStored = outcome.ok && outcome.done.reply?.status === 200;
    if (turn === undefined) return;
    const { gaps, duplicates, dropped } = turn.end(isStored);
    const rejects = Object.entries(dropped).map(([reason, count]) => ({
      ...{ reason: `agent_${reason}`, count, sample: new Uint8Array(0) },
    }));
    const heard = { ...when, records: 0, bytes: 0, rejects, newestNs: undefined };
    if (rejects.length > 0) this.sources.heard(key, heard);
    for (const gap of gaps) this.sources.gap(key, heard, gap);
    const { protocol } = key;
    if (duplicates > 0) this.counters.add('meshtrail_duplicates_total', duplicates, { protocol });
  }

  private refusal(decoder: HttpDecoder, request: ReceivedRequest, why: 'busy' | 'failed'): Reply {
    this.counters.add('meshtrail_refused_requests_total', 1, { reason: why });
    return decoder.refuse(why, request);
  }

  /** Notes a sender that may not talk here: with a wrong key, or from where no key is carried. */
  turnedAway(from: Pick<SourceKey, 'protocol' | 'address'> & TurnedAway): void {
    const { protocol, address, reason, agent = '', tenant = DEFAULT_TENANT } = from;
    this.sources.heard(
      { tenant, protocol, address, identity: '', agent },
      {
        observedNs: this.clock.observedNs(),
        encrypted: false,
        records: 0,
        bytes: 0,
        rejects: [{ reason, count: 1, sample: new Uint8Array(0) }],
        newestNs: undefined,
      },
    );
  }

  private heard(
    key: SourceKey,
    outcome: Outcome,
    { observedNs, encrypted, size }: { observedNs: bigint; encrypted: boolean; size: number },
  ): void {
    const { done } = outcome;
    const records = outcome.ok ? outcome.done.rows : 0;
    const rejects = done?.rejects ?? [];
    if (records === 0 && rejects.length === 0) return;
    const bytes = records > 0 ? size : 0;
    const { newestNs } = done ?? {};
    this.sources.heard(key, { observedNs, encrypted, records, bytes, rejects, newestNs });
  }

  /** A stream's sender: its certificate's name, or what the session found out. */
  private identityOf(
    connection: number,
    certificate: string,
    done: JobDone | undefined,
    last: boolean,
  ): string {
    if (done?.identity !== undefined) this.identities.set(connection, done.identity);
    const identity = this.identities.get(connection) ?? certificate;
    if (last) this.identities.delete(connection);
    return identity;
  }

  private noteFailure(protocol: string, failure: string | undefined): void {
    if (failure !== undefined) this.log.error('a decoder broke', { protocol, failure });
  }
}

interface TurnedAway {
  readonly reason: string;
  readonly agent?: string;
  readonly tenant?: string;
}

const sourceOf = ({
  peer,
  identity,
  headers,
}: ReceivedRequest): Omit<SourceKey, 'tenant' | 'protocol'> => ({
  address: peer,
  identity,
  agent: headers['user-agent'] ?? '',
});

/** The source of a request; an agent without a certificate is known by its own id. */
const keyOf = (
  request: ReceivedRequest,
  tenant: string,
  protocol: string,
  turn: Turn | undefined,
): SourceKey => {
  const source = sourceOf(request);
  const identity = source.identity === '' ? (turn?.head.agent ?? '') : source.identity;
  return { ...source, identity, tenant, protocol };
};

/** Socket buffers are views of a shared pool: a copy of its own can be handed over. */
const whole = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
