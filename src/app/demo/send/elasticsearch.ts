import { gzipSync } from 'node:zlib';
import type { Line } from '../lines.ts';
import { isoTime } from '../stamp.ts';
import type { Shipper } from './request.ts';

/** Filebeat's way: `_bulk` with one document a line, the line in `message`, gzipped. */
const ACTION = JSON.stringify({ create: { _index: 'filebeat-9.2.1' } });

const documentOf = ({ timeUs, source, text }: Line): string =>
  JSON.stringify({
    '@timestamp': `${isoTime(timeUs, 3)}Z`,
    message: text,
    stream: source.stdio,
    mesh: source.mesh,
    service: { name: source.service },
    orchestrator: { cluster: { name: source.cluster } },
    kubernetes: {
      namespace: source.namespace,
      pod: { name: source.pod },
      container: { name: source.container },
      node: { name: source.node },
    },
    input: { type: 'filestream' },
    agent: { type: 'filebeat', version: '9.2.1' },
    ecs: { version: '8.0.0' },
  });

interface BulkAnswer {
  readonly errors: boolean;
  readonly items: readonly Readonly<Record<string, { readonly status: number }>>[];
}

export const elasticsearchShipper: Shipper = {
  carrier: 'elasticsearch',
  encode: (lines) => ({
    path: '/elastic/_bulk',
    headers: {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'user-agent': 'Elastic-filebeat/9.2.1 (linux; amd64)',
    },
    body: gzipSync(lines.map((line) => `${ACTION}\n${documentOf(line)}\n`).join(''), { level: 1 }),
  }),
  read(answer) {
    const { errors, items } = JSON.parse(answer) as BulkAnswer;
    const later: number[] = [];
    let rejected = 0;
    if (!errors) return { rejected, later };
    items.forEach((item, position) => {
      const status = Object.values(item)[0]?.status ?? 200;
      if (status === 429 || status === 503) later.push(position);
      else if (status >= 400) rejected++;
    });
    return { rejected, later };
  },
};
