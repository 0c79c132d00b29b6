import { gzipSync } from 'node:zlib';
import type { Instance } from '../deploys.ts';
import { eachCall, fill, type Journey, type Visit } from '../journey.ts';
import { nanosText } from '../stamp.ts';
import type { LogRequest } from './request.ts';

/**
 * The programs' own spans, as their OpenTelemetry SDKs export them (OTLP/HTTP in JSON): one of kind
 * SERVER for each visit, in the trace that their lines name.
 */
export const tracesRequest = (journeys: readonly Journey[]): LogRequest => {
  const byInstance = new Map<Instance, object[]>();
  for (const journey of journeys) {
    eachCall(journey.root, ({ visits }) => {
      for (const visit of visits) {
        const held = byInstance.get(visit.instance);
        if (held === undefined) byInstance.set(visit.instance, [spanOf(journey, visit)]);
        else held.push(spanOf(journey, visit));
      }
    });
  }
  const resourceSpans = [...byInstance].map(([instance, spans]) => ({
    resource: resourceOf(instance),
    scopeSpans: [{ scope: { name: 'shop', version: instance.version }, spans }],
  }));
  return {
    path: '/v1/traces',
    headers: {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'user-agent': 'OTel-OTLP-Exporter-JavaScript/0.223.1',
    },
    body: gzipSync(JSON.stringify({ resourceSpans }), { level: 1 }),
  };
};

/** How many spans a journey has. */
export const spanCountOf = ({ root }: Journey): number => {
  let count = 0;
  eachCall(root, ({ visits }) => (count += visits.length));
  return count;
};

const SERVER = 2;
const ERROR = 2;

const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
const whole = (key: string, value: number) => ({ key, value: { intValue: String(value) } });

const resourceOf = ({ service, version, pod, node }: Instance) => {
  const { name, namespace, cluster, platform } = service;
  const attributes = [text('service.name', name), text('service.version', version)];
  if (namespace === '') return { attributes: [...attributes, text('host.name', node)] };
  return {
    attributes: [
      ...attributes,
      text('k8s.cluster.name', cluster),
      text('k8s.namespace.name', namespace),
      text('k8s.pod.name', pod),
      text('k8s.node.name', node),
      text('mesh', platform),
    ],
  };
};

const spanOf = ({ traceId, requestId, subject }: Journey, visit: Visit) => {
  const { operation, spanId, parentSpanId, appStartUs, appEndUs, status } = visit;
  const failed = status === 0 || status >= 500;
  const end = Math.max(appStartUs, appEndUs);
  const halfway = appStartUs + Math.round((end - appStartUs) / 2);
  const events =
    visit.failure === 'exception'
      ? [
          {
            name: 'exception',
            timeUnixNano: nanosText(halfway),
            attributes: [text('exception.type', 'Error')],
          },
        ]
      : [];
  return {
    traceId,
    spanId,
    ...(parentSpanId !== '' && { parentSpanId }),
    name: `${operation.method} ${operation.path}`,
    kind: SERVER,
    startTimeUnixNano: nanosText(appStartUs),
    endTimeUnixNano: nanosText(end),
    attributes: [
      text('http.request.method', operation.method),
      text('http.route', operation.path),
      text('url.path', fill(operation.path, subject)),
      whole('http.response.status_code', status),
      text('http.request.header.x-request-id', requestId),
    ],
    events,
    status: failed ? { code: ERROR } : {},
  };
};
