import { eventsOf, type AppEvent, type Level } from './app-events.ts';
import type { Instance } from './deploys.ts';
import { consulLine } from './format/consul.ts';
import { inboundAccess, outboundAccess, type EnvoyAccess } from './format/envoy-access.ts';
import { istioLine } from './format/istio.ts';
import { linkerdLine } from './format/linkerd.ts';
import { logbackLine } from './format/logback.ts';
import { logfmtLine } from './format/logfmt.ts';
import { nginxLine } from './format/nginx.ts';
import { pinoLine } from './format/pino.ts';
import { pythonLine } from './format/python-json.ts';
import { goPanic, zapLine } from './format/zap.ts';
import { eachCall, fill, type Call, type Journey, type Visit } from './journey.ts';
import { hostOf, serviceOf, type Platform, type Runtime, type Service } from './services.ts';

/** The protocol that brings a line to the server. */
export type Carrier = 'loki' | 'otlp' | 'elasticsearch' | 'ndjson' | 'syslog';

/** Who wrote a line, as the agent beside it knows. The same writer is always the same object. */
export interface Source {
  readonly carrier: Carrier;
  readonly mesh: Platform | 'none';
  readonly service: string;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly node: string;
  readonly cluster: string;
  readonly stdio: 'stdout' | 'stderr';
}

/** A line as its program wrote it; the carrier's own wrapping comes when it is sent. */
export interface Line {
  /** When it was written, microseconds since 1970. */
  readonly timeUs: number;
  readonly source: Source;
  readonly level: Level;
  readonly text: string;
}

/** Istio's nodes run Promtail, Linkerd's a Collector, Consul's Filebeat; machines have syslog. */
const CARRIERS: Readonly<Record<Platform, Carrier>> = {
  istio: 'loki',
  linkerd: 'otlp',
  consul: 'elasticsearch',
  vm: 'syslog',
};

const PROXIES: Readonly<Record<Platform, string>> = {
  istio: 'istio-proxy',
  linkerd: 'linkerd-proxy',
  consul: 'consul-dataplane',
  vm: '',
};

const sources = new WeakMap<Instance, Map<string, Source>>();

const sourceOf = (
  instance: Instance,
  container: string,
  stdio: 'stdout' | 'stderr' = 'stdout',
): Source => {
  let known = sources.get(instance);
  if (known === undefined) sources.set(instance, (known = new Map<string, Source>()));
  const key = `${container} ${stdio}`;
  let source = known.get(key);
  if (source === undefined) {
    const { service, pod, node } = instance;
    const { name, platform, namespace, cluster } = service;
    const carrier = CARRIERS[platform];
    source = {
      carrier,
      mesh: platform,
      service: name,
      namespace,
      pod,
      container,
      node,
      cluster,
      stdio,
    };
    known.set(key, source);
  }
  return source;
};

const WRITERS: Readonly<Record<Exclude<Runtime, 'nginx'>, (event: AppEvent) => string>> = {
  node: pinoLine,
  java: logbackLine,
  go: zapLine,
  python: pythonLine,
  logfmt: logfmtLine,
};

/** What a program says, as its logger writes it. */
export const appLine = (event: AppEvent): Line => {
  const { instance, timeUs, level } = event;
  const { name, runtime } = instance.service;
  const write = runtime === 'nginx' ? logfmtLine : WRITERS[runtime];
  return { timeUs, level, source: sourceOf(instance, name), text: write(event) };
};

const levelOf = (status: number): Level =>
  status >= 500 || status === 0 ? 'error' : status >= 400 ? 'warn' : 'info';

const envoyLine = (instance: Instance, endUs: number, access: EnvoyAccess): Line => {
  const { platform } = instance.service;
  const text = platform === 'istio' ? istioLine(access) : consulLine(access);
  const source = sourceOf(instance, PROXIES[platform]);
  return { timeUs: endUs + 30, source, level: levelOf(access.status), text };
};

const outboundCluster = (platform: Platform, target: Service): string =>
  platform === 'istio'
    ? `outbound|${target.port}||${hostOf(target)}`
    : `${target.name}.default.dc1.internal.6f1a9b2c-5e7d-4b8a-9c31-0d2e4f6a8b10.consul`;

const callLines = (journey: Journey, call: Call): Line[] => {
  const { caller } = call;
  if (caller === undefined) return [];
  const { platform } = caller.service;
  if (platform !== 'istio' && platform !== 'consul') return [];
  const target = serviceOf(call.operation.service);
  const access = outboundAccess(journey, call, target, outboundCluster(platform, target));
  return [envoyLine(caller, call.endUs, access)];
};

/** What the serving side's proxy writes about a visit; machines have none. */
export const inboundLines = (journey: Journey, visit: Visit): Line[] => {
  const { instance, caller } = visit;
  const { platform, port } = instance.service;
  if (platform === 'vm') return [];
  if (platform === 'linkerd') {
    // A request that was given up never reaches the end at which Linkerd writes.
    if (visit.status === 0) return [];
    const source = sourceOf(instance, PROXIES.linkerd, 'stderr');
    const text = linkerdLine(journey, visit);
    return [{ timeUs: visit.endUs + 30, source, level: levelOf(visit.status), text }];
  }
  const meshed = platform === 'istio' && caller?.service.platform === 'istio';
  const serverName = meshed ? `outbound_.${port}_._.${hostOf(instance.service)}` : '-';
  const cluster = platform === 'istio' ? `inbound|${port}||` : 'local_app';
  return [envoyLine(instance, visit.endUs, inboundAccess(journey, visit, cluster, serverName))];
};

const nginxLines = (journey: Journey, visit: Visit): Line[] => {
  if (visit.instance.service.runtime !== 'nginx') return [];
  const text = nginxLine({
    timeUs: visit.endUs,
    clientAddress: journey.clientAddress,
    method: visit.operation.method,
    path: fill(visit.operation.path, journey.subject),
    status: visit.status,
    bytes: visit.responseBytes,
    referer: visit.operation.path.startsWith('/static/') ? 'https://shop.example/' : '-',
    userAgent: journey.userAgent,
  });
  const source = sourceOf(visit.instance, 'nginx');
  return [{ timeUs: visit.endUs, source, level: levelOf(visit.status), text }];
};

const appLines = (journey: Journey, visit: Visit): Line[] =>
  eventsOf(journey, visit).map((event) => {
    // A panic in a handler of cart goes past its logger, to standard error.
    if (visit.failure !== 'exception' || event.stack === undefined) return appLine(event);
    if (visit.instance.service.name !== 'cart') return appLine(event);
    const peer = `127.0.0.6:${visit.callerPort + 11}`;
    const source = sourceOf(visit.instance, 'cart', 'stderr');
    return { timeUs: event.timeUs, source, level: 'error', text: goPanic(event, peer) };
  });

/** Everything that a journey leaves in logs, in no order. */
export const linesOf = (journey: Journey): Line[] => {
  const lines: Line[] = [];
  eachCall(journey.root, (call) => {
    lines.push(...callLines(journey, call));
    for (const visit of call.visits) {
      lines.push(...inboundLines(journey, visit));
      lines.push(...nginxLines(journey, visit));
      lines.push(...appLines(journey, visit));
    }
  });
  return lines;
};
