import type { Call, Journey, Visit } from '../journey.ts';
import { fill } from '../journey.ts';
import { hostOf, type Service } from '../services.ts';

/** What Envoy knows of a request when it writes its access log; '-' and '' are absent values. */
export interface EnvoyAccess {
  readonly startUs: number;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly flags: string;
  readonly details: string;
  readonly transportFailure: string;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  /** Absent where no upstream answered. */
  readonly upstreamMs: number | undefined;
  readonly forwardedFor: string;
  readonly userAgent: string;
  readonly requestId: string;
  readonly authority: string;
  readonly upstreamHost: string;
  readonly upstreamCluster: string;
  readonly upstreamLocal: string;
  readonly downstreamLocal: string;
  readonly downstreamRemote: string;
  readonly serverName: string;
  readonly route: string;
}

const ms = (us: number): number => Math.floor(us / 1000);

/** Programs name themselves when they call on. */
const AGENTS: Readonly<Record<string, string>> = {
  nginx: 'nginx/1.28.0',
  node: 'undici',
  java: 'Java-http-client/21.0.8',
  go: 'Go-http-client/2.0',
  python: 'python-requests/2.32.5',
  logfmt: 'Go-http-client/1.1',
};

export const agentOf = (service: Service | undefined, journey: Journey): string =>
  service === undefined ? journey.userAgent : (AGENTS[service.runtime] ?? 'curl/8.16.0');

const authorityOf = (service: Service): string => `${hostOf(service)}:${service.port}`;

/** What the caller's proxy writes about a call. */
export const outboundAccess = (
  journey: Journey,
  call: Call,
  target: Service,
  cluster: string,
): EnvoyAccess => {
  const { operation, caller, upstream, callerPort } = call;
  const last = call.visits.at(-1);
  const address = caller?.address ?? '-';
  const answered = upstream !== undefined && call.details === 'via_upstream';
  return {
    startUs: call.startUs,
    method: operation.method,
    path: fill(operation.path, journey.subject),
    status: call.status,
    flags: call.flags,
    details: call.details,
    transportFailure: call.transportFailure,
    bytesReceived: last?.requestBytes ?? 0,
    bytesSent: answered ? (last?.responseBytes ?? 0) : call.flags === 'UH' ? 19 : 91,
    durationMs: ms(call.endUs - call.startUs),
    upstreamMs: answered ? ms(call.endUs - call.startUs - 200) : undefined,
    forwardedFor: '-',
    userAgent: agentOf(caller?.service, journey),
    requestId: journey.requestId,
    authority: authorityOf(target),
    upstreamHost: upstream === undefined ? '-' : `${upstream.address}:${target.port}`,
    upstreamCluster: cluster,
    upstreamLocal: answered ? `${address}:${callerPort}` : '-',
    downstreamLocal: `10.96.${target.port % 200}.${1 + (target.name.length % 200)}:${target.port}`,
    downstreamRemote: `${address}:${callerPort + 7}`,
    serverName: '-',
    route: 'default',
  };
};

/** What the serving side's proxy writes about a visit. */
export const inboundAccess = (
  journey: Journey,
  visit: Visit,
  cluster: string,
  serverName: string,
): EnvoyAccess => {
  const { operation, instance, caller, callerPort, status } = visit;
  const { port } = instance.service;
  const cut = status === 0;
  return {
    startUs: visit.startUs,
    method: operation.method,
    path: fill(operation.path, journey.subject),
    status,
    flags: cut ? 'DC' : '-',
    details: cut ? 'downstream_remote_disconnect' : 'via_upstream',
    transportFailure: '',
    bytesReceived: visit.requestBytes,
    bytesSent: visit.responseBytes,
    durationMs: ms(visit.endUs - visit.startUs),
    upstreamMs: cut ? undefined : ms(visit.appEndUs - visit.appStartUs),
    forwardedFor: caller?.service.runtime === 'nginx' ? journey.clientAddress : '-',
    userAgent: agentOf(caller?.service, journey),
    requestId: journey.requestId,
    authority: authorityOf(instance.service),
    upstreamHost: `${instance.address}:${port}`,
    upstreamCluster: cluster,
    upstreamLocal: `127.0.0.6:${callerPort + 11}`,
    downstreamLocal: `${instance.address}:${port}`,
    downstreamRemote: `${caller?.address ?? journey.clientAddress}:${callerPort}`,
    serverName,
    route: 'default',
  };
};
