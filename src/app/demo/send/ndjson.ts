import { gzipSync } from 'node:zlib';
import type { Line } from '../lines.ts';
import { isoTime } from '../stamp.ts';
import type { Shipper } from './request.ts';

/** An agent of few words: one JSON object a line, the line in `message`, gzipped. */
const objectOf = ({ timeUs, source, text }: Line): string =>
  JSON.stringify({
    timestamp: `${isoTime(timeUs, 6)}Z`,
    message: text,
    stream: source.stdio,
    service: source.service,
    cluster: source.cluster,
    kubernetes: {
      namespace_name: source.namespace,
      pod_name: source.pod,
      container_name: source.container,
      host: source.node,
    },
  });

export const ndjsonShipper: Shipper = {
  carrier: 'ndjson',
  encode: (lines) => ({
    path: '/v1/ndjson',
    headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' },
    body: gzipSync(lines.map((line) => `${objectOf(line)}\n`).join(''), { level: 1 }),
  }),
  read(answer) {
    const { rejected } = JSON.parse(answer) as { rejected?: number };
    return { rejected: rejected ?? 0, later: [] };
  },
};
