import { gzipSync } from 'node:zlib';
import { criLines } from '../format/cri.ts';
import type { Line, Source } from '../lines.ts';
import { nanosText } from '../stamp.ts';
import { bySource } from './loki.ts';
import type { Shipper } from './request.ts';

/**
 * The OpenTelemetry Collector's way: its file log receiver reads the container runtime's files as
 * they are, so that bodies are lines with the runtime's wrapping, and takes their time from it;
 * OTLP/HTTP in JSON, gzipped.
 */
const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } });

const resourceOf = (source: Source) => ({
  attributes: [
    attribute('service.name', source.service),
    attribute('k8s.cluster.name', source.cluster),
    attribute('k8s.namespace.name', source.namespace),
    attribute('k8s.pod.name', source.pod),
    attribute('k8s.container.name', source.container),
    attribute('k8s.node.name', source.node),
    attribute('mesh', source.mesh),
  ],
});

const recordsOf = ({ timeUs, source, text }: Line) => {
  const { namespace, pod, container, stdio } = source;
  const file = `/var/log/pods/${namespace}_${pod}/${container}/0.log`;
  const attributes = [attribute('log.file.path', file), attribute('log.iostream', stdio)];
  return criLines(timeUs, stdio, text).map((line) => ({
    timeUnixNano: nanosText(timeUs),
    observedTimeUnixNano: nanosText(timeUs + 200_000),
    body: { stringValue: line },
    attributes,
  }));
};

const scope = { name: 'github.com/open-telemetry/opentelemetry-collector-contrib/filelogreceiver' };

export const otlpShipper: Shipper = {
  carrier: 'otlp',
  encode(lines) {
    const resourceLogs = [...bySource(lines)].map(([source, own]) => ({
      resource: resourceOf(source),
      scopeLogs: [{ scope, logRecords: own.flatMap(recordsOf) }],
    }));
    return {
      path: '/v1/logs',
      headers: {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'user-agent': 'OpenTelemetry Collector Contrib/0.149.0 (linux/amd64)',
      },
      body: gzipSync(JSON.stringify({ resourceLogs }), { level: 1 }),
    };
  },
  read(answer) {
    const parsed = JSON.parse(answer) as {
      partialSuccess?: { rejectedLogRecords?: string | number; rejectedSpans?: string | number };
    };
    const { rejectedLogRecords = 0, rejectedSpans = 0 } = parsed.partialSuccess ?? {};
    return { rejected: Number(rejectedLogRecords) + Number(rejectedSpans), later: [] };
  },
};
