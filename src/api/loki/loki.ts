import type { EngineReader } from '../../model/storage.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import { ALL_OF_TENANT, type QueryCatalog } from '../../query/access-filter.ts';
import { QuerySession, type QuerySources } from '../../query/session.ts';
import type { ApiReply, ApiRequest } from '../exchange.ts';
import { formatReply, indexStatsReply, namesReply, seriesReply, valuesReply } from './lists.ts';
import { instantQuery, rangeQuery } from './query.ts';
import { jsonReply, refusalReply, textReply } from './refusal.ts';
import { openTail, type Tail, type TailRequest } from './tail.ts';

/**
 * Loki's HTTP API over the stored records: what Grafana and logcli ask, answered in Loki's JSON and
 * refused in Loki's words. Specification: Loki's "HTTP API" reference.
 */
export interface LokiApi {
  /** Answers one request; only what is no fault of the request or the engine is thrown. */
  handle(request: ApiRequest): Promise<ApiReply>;
  /** Opens a live tail: the lines there are, then those pushed. Throws MeshtrailError. */
  openTail(request: TailRequest): Tail;
}

export interface LokiOptions {
  readonly reader: EngineReader;
  readonly catalog: QueryCatalog;
  /** Brings what was acknowledged in that time into the engine. */
  readonly flush: QuerySources['flush'];
  /** Whether Loki streams get `detected_level`. */
  readonly discoverLogLevels: boolean;
  readonly clock?: Clock;
}

const PREFIX = '/loki/api/v1';
const VALUES = /^\/label\/([^/]+)\/values$/;

/** The paths that `handle` answers; `{name}` takes one segment. */
export const LOKI_PATHS: readonly {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly open?: boolean;
}[] = [
  ...[
    'query',
    'query_range',
    'labels',
    'label',
    'label/{name}/values',
    'series',
    'index/stats',
    'format_query',
  ].flatMap((name) => [
    { method: 'GET' as const, path: `${PREFIX}/${name}` },
    { method: 'POST' as const, path: `${PREFIX}/${name}` },
  ]),
  { method: 'GET', path: `${PREFIX}/status/buildinfo` },
  { method: 'GET', path: '/ready' },
];

/** What clients compare their features with: the version whose API this is. */
const LOKI_VERSION = '3.6.0';

export const createLokiApi = (options: LokiOptions): LokiApi => {
  const clock = options.clock ?? systemClock;
  const sources: QuerySources = {
    reader: options.reader,
    catalog: options.catalog,
    flush: options.flush,
    labels: { discoverLogLevels: options.discoverLogLevels },
    clock,
  };
  const sessionOf = (tenant: string, signal: AbortSignal | undefined): QuerySession =>
    new QuerySession(sources, { tenant, access: ALL_OF_TENANT, signal });
  return {
    handle: async (request) => {
      try {
        return await route(request, sessionOf(request.tenant, request.signal), clock);
      } catch (error) {
        return refusalReply(error);
      }
    },
    openTail: (request) =>
      openTail(request, sessionOf(request.tenant, undefined), ALL_OF_TENANT, clock),
  };
};

const route = async (
  request: ApiRequest,
  session: QuerySession,
  clock: Clock,
): Promise<ApiReply> => {
  if (request.path === '/ready') return textReply(200, 'ready\n');
  const path = request.path.startsWith(PREFIX) ? request.path.slice(PREFIX.length) : '';
  switch (path) {
    case '/query':
      return instantQuery(request, session, clock);
    case '/query_range':
      return rangeQuery(request, session, clock);
    case '/labels':
    case '/label':
      return namesReply(request, session, clock.nowNs());
    case '/series':
      return seriesReply(request, session, clock.nowNs());
    case '/index/stats':
      return indexStatsReply(request, session, clock.nowNs());
    case '/format_query':
      return formatReply(request);
    case '/status/buildinfo':
      return buildInfo();
    default: {
      const name = VALUES.exec(path)?.[1];
      if (name === undefined) return textReply(404, '404 page not found\n');
      return valuesReply(request, session, clock.nowNs(), decoded(name));
    }
  }
};

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
};

const buildInfo = (): ApiReply =>
  jsonReply(
    `${JSON.stringify({
      version: LOKI_VERSION,
      revision: 'meshtrail',
      branch: 'meshtrail',
      buildUser: '',
      buildDate: '',
      goVersion: '',
    })}\n`,
  );
