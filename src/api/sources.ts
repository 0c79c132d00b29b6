import { LIMITS } from '../model/limits.ts';
import type { Source } from '../model/source.ts';
import type { Clock } from '../platform/clock.ts';
import type { ApiReply, ApiRequest } from './exchange.ts';
import { rfc3339 } from './rfc3339.ts';

/** The path that lists every sender ever heard (reference: "Endpoints"). */
export const SOURCES_PATH = '/api/v1/sources';

export interface SourcesApiOptions {
  readonly sourcesOf: (tenant: string) => readonly Source[];
  readonly clock: Clock;
}

/**
 * `{sources: [{protocol, address, identity, agent, tenant, encrypted, first_heard, last_heard,
 * records, bytes, rejects: [{reason, count, sample}], gaps: [{from, to, missing}], lag_ns,
 * silent}]}`: times RFC 3339 UTC, those heard last first.
 */
export const createSourcesApi =
  ({ sourcesOf, clock }: SourcesApiOptions) =>
  ({ tenant }: ApiRequest): Promise<ApiReply> => {
    const nowNs = clock.nowNs();
    const sources = sourcesOf(tenant).map((source) => shown(source, nowNs));
    return Promise.resolve({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: `${JSON.stringify({ sources })}\n`,
    });
  };

const shown = (source: Source, nowNs: bigint): object => ({
  protocol: source.protocol,
  address: source.address,
  identity: source.identity,
  agent: source.agent,
  tenant: source.tenant,
  encrypted: source.encrypted,
  first_heard: rfc3339(source.firstNs),
  last_heard: rfc3339(source.lastNs),
  records: source.records,
  bytes: source.bytes,
  rejects: [...source.rejects].map(([reason, { count, sample }]) => ({
    reason,
    count,
    sample: decoder.decode(sample),
  })),
  gaps: source.gaps.map(({ from, to }) => ({ from, to, missing: to - from + 1 })),
  lag_ns: Number(source.lagNs),
  silent: nowNs - source.lastNs > BigInt(LIMITS.silentMs) * 1_000_000n,
});

/** Bytes that are no text are shown as U+FFFD. */
const decoder = new TextDecoder();
