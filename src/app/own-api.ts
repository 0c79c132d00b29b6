import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ApiReply, ApiRequest } from '../api/exchange.ts';
import { createLokiApi, LOKI_PATHS } from '../api/loki/loki.ts';
import { createRecordsApi, RECORD_PATHS } from '../api/records.ts';
import { createSourcesApi, SOURCES_PATH } from '../api/sources.ts';
import { createTracesApi, TRACE_PATH } from '../api/traces.ts';
import type { Signal } from '../model/batch.ts';
import type { HttpAnswer, ReceivedRequest } from '../ingest/receive/http.ts';
import { systemClock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Configuration, PortName } from './configuration.ts';
import type { Counters } from './counters.ts';
import { errorAnswer } from './http-face.ts';
import type { Api } from './listeners.ts';
import { TailHub } from './live-tail.ts';
import type { Route } from './routes.ts';
import type { Sources } from './sources.ts';
import type { OpenStorage } from './storage.ts';
import { tenantOf } from './tenant.ts';
import { VERSION } from './version.ts';

const text = (status: number, body: string): HttpAnswer => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body,
});

const PAGE = `meshtrail ${VERSION}

/healthz  /readyz  /metrics
/loki/api/v1/query_range?query={service_name="..."}   LogQL, as Loki answers it
/v1/ndjson  /loki/api/v1/push  /v1/logs  /elastic/_bulk   where logs go in
`;

/** The parameters of a request: the query string, then a form body's. */
const parametersOf = (request: ReceivedRequest, body: Uint8Array): URLSearchParams => {
  const parameters = new URLSearchParams(request.query);
  const type = request.headers['content-type'] ?? '';
  if (body.length > 0 && type.startsWith('application/x-www-form-urlencoded')) {
    for (const [name, value] of new URLSearchParams(Buffer.from(body).toString('utf8'))) {
      parameters.append(name, value);
    }
  }
  return parameters;
};

export interface OwnApiOptions {
  readonly config: Configuration;
  readonly storage: OpenStorage;
  readonly counters: Counters;
  readonly log: Log;
  readonly sources: Sources;
  /** True until the start has been announced: whoever waits for readiness finds the greeting. */
  readonly isStarting: () => boolean;
}

const get = (path: string, open: boolean, handle: () => Promise<HttpAnswer>): Route => ({
  method: 'GET',
  path,
  open,
  handle,
});

/** Health, metrics, and what is shown to who opens the address. */
const ownRoutes = (
  storage: OpenStorage,
  counters: Counters,
  isStarting: () => boolean,
): Route[] => [
  get('/healthz', true, () => Promise.resolve(text(200, 'ok\n'))),
  get('/readyz', true, async () => {
    const missing = await storage.notReady();
    if (isStarting()) missing.push('the server is starting');
    return missing.length === 0
      ? text(200, 'ready\n')
      : text(503, `not ready: ${missing.join('; ')}\n`);
  }),
  get('/', false, () => Promise.resolve(text(200, PAGE))),
  get('/metrics', false, () =>
    Promise.resolve({
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
      body: counters.text(),
    }),
  ),
];

type Answer = (
  name: string,
  request: ReceivedRequest,
  body: Uint8Array,
  handle: (request: ApiRequest) => Promise<ApiReply>,
) => Promise<HttpAnswer>;

/** Gives requests to our endpoints with their tenant and parameters, and counts the answers. */
const answerer =
  (counters: Counters): Answer =>
  async (name, request, body, handle) => {
    const tenant = tenantOf(request.headers);
    if (tenant === undefined) {
      return errorAnswer(
        400,
        'tenant_invalid',
        'X-Scope-OrgID is not a tenant name',
        "use letters, digits and !-_.*'()",
      );
    }
    const { method, path, headers, signal } = request;
    const query = parametersOf(request, body);
    const reply = await handle({ method, path, query, headers, tenant, signal });
    counters.add('meshtrail_queries_total', 1, { endpoint: name, status: String(reply.status) });
    return reply;
  };

/** Health, metrics, and the endpoints that answer queries. */
export const createApi = (options: OwnApiOptions): Api => {
  const { config, storage, counters, log } = options;
  const { discoverLogLevels } = config;
  const sources = {
    reader: storage.reader,
    catalog: storage.catalog,
    flush: (tenant: string, startNs: bigint, endNs: bigint, signal: Signal) =>
      storage.flush(tenant, startNs, endNs, signal),
  };
  const loki = createLokiApi({ ...sources, discoverLogLevels });
  const querySources = { ...sources, labels: { discoverLogLevels }, clock: systemClock };
  const records = createRecordsApi(querySources);
  const traces = createTracesApi(querySources);
  const sourcesPage = createSourcesApi({
    sourcesOf: (tenant) => options.sources.of(tenant),
    clock: systemClock,
  });
  const hub = new TailHub(loki, { discoverLogLevels }, counters, log);
  storage.onDurable((batch) => hub.offer(batch));

  const answer = answerer(counters);
  const lokiRoutes: Route[] = LOKI_PATHS.map(({ method, path, open }) => ({
    method,
    path,
    ...(open === true && { open }),
    handle: (request, body) => answer(path, request, body, (asked) => loki.handle(asked)),
  }));
  const recordRoutes: Route[] = RECORD_PATHS.map(({ method, path }) => ({
    method,
    path,
    handle: (request, body) => answer(path, request, body, (asked) => records.handle(asked)),
  }));

  const sourcesRoute: Route = {
    method: 'GET',
    path: SOURCES_PATH,
    handle: (request, body) => answer(SOURCES_PATH, request, body, sourcesPage),
  };

  const traceRoute: Route = {
    method: 'GET',
    path: TRACE_PATH,
    handle: (request, body) => answer(TRACE_PATH, request, body, traces),
  };

  return {
    routes: [
      ...ownRoutes(storage, counters, options.isStarting),
      ...lokiRoutes,
      ...recordRoutes,
      sourcesRoute,
      traceRoute,
    ],
    nativeRoutes: (name: PortName) => (name === 'loki' ? lokiRoutes : []),
    upgrade: (request: ReceivedRequest, message: IncomingMessage, socket: Duplex, head: Buffer) =>
      hub.upgrade(request, message, socket, head),
    stop: () => hub.stop(),
  };
};
