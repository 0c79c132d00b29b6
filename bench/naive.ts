import { startDirectEngine } from './direct-engine.ts';
import type { Reached } from './ceiling.ts';
import type { Payloads } from './payloads.ts';
import { cpuMsOf, diskBytesOf, ownCpuMs, untilRest } from './processes.ts';

/**
 * What one would write in an afternoon: JSON.parse each line, put the fields where they belong,
 * JSON.stringify, INSERT ... FORMAT JSONEachRow. The same columns with the same contents and the
 * same settings as the server's, but no journal, no acknowledgement and no care for what is not
 * JSON.
 */
interface Input {
  readonly ts: string;
  readonly stream: string;
  readonly service: string;
  readonly level: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly msg: string;
  readonly k8s: {
    readonly namespace: string;
    readonly pod: string;
    readonly pod_uid: string;
    readonly container: string;
    readonly node: string;
    readonly cluster: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly attrs: Readonly<Record<string, string | number>>;
}

const ROWS_PER_INSERT = 50_000;

const SEVERITIES: Readonly<Record<string, number>> = { debug: 5, info: 9, warn: 13, error: 17 };

/** Fields of access logs that have a column of text. */
const TEXTS: Readonly<Record<string, string>> = {
  method: 'method',
  path: 'path',
  protocol: 'protocol',
  response_code_details: 'response_details',
  response_flags: 'response_flags',
  user_agent: 'user_agent',
  request_id: 'request_id',
  authority: 'authority',
  upstream_host: 'upstream_host',
  upstream_cluster: 'upstream_cluster',
  route_name: 'route',
};
/** Fields that have a column of whole numbers, and what they are multiplied by. */
const NUMBERS: Readonly<Record<string, readonly [string, number]>> = {
  response_code: ['status', 1],
  bytes_received: ['bytes_in', 1],
  bytes_sent: ['bytes_out', 1],
  duration: ['duration_ns', 1_000_000],
  upstream_service_time: ['upstream_duration_ns', 1_000_000],
};

const timeOf = (text: string): string => `${text.slice(0, 10)} ${text.slice(11, 29)}`;

const reshape = (line: string, observedAt: string, seq: number): string => {
  const input = JSON.parse(line) as Input;
  const { k8s } = input;
  const isAccess = k8s.container === 'istio-proxy';
  const attributes: Record<string, string> = { 'k8s.pod_uid': k8s.pod_uid };
  const row: Record<string, unknown> = {
    timestamp: timeOf(input.ts),
    observed_at: observedAt,
    receiver: 'naive',
    source: '127.0.0.1',
    service: input.service,
    namespace: k8s.namespace,
    pod: k8s.pod,
    container: k8s.container,
    stdio: input.stream,
    node: k8s.node,
    cluster: k8s.cluster,
    mesh: isAccess ? 'istio' : '',
    version: k8s.labels['version'],
    kind: isAccess ? 'access' : 'app',
    severity: SEVERITIES[input.level] ?? 0,
    severity_text: input.level,
    body: input.msg,
    line,
    trace_id: input.trace_id,
    span_id: input.span_id,
    attributes,
    lane: 'default/default/bench',
    seq,
    segment: 1,
  };
  attributes['k8s.labels.pod-template-hash'] = k8s.labels['pod-template-hash'] ?? '';
  for (const [name, value] of Object.entries(input.attrs)) {
    const text = TEXTS[name];
    const number = NUMBERS[name];
    if (text !== undefined) row[text] = value;
    else if (number !== undefined) row[number[0]] = (value as number) * number[1];
    else attributes[`attrs.${name}`] = String(value);
  }
  return JSON.stringify(row);
};

/** Reshaped requests until there are rows for one insert. */
class NaiveSource {
  sent = 0;
  private index = 0;
  private readonly payloads: Payloads;
  private readonly observedAt: string;

  constructor(payloads: Payloads) {
    this.payloads = payloads;
    this.observedAt = `${timeOf(new Date().toISOString()).slice(0, 19)}.000000000`;
  }

  get hasMore(): boolean {
    return this.index < this.payloads.count;
  }

  *insert(): Generator<Uint8Array> {
    const until = this.sent + ROWS_PER_INSERT;
    while (this.hasMore && this.sent < until) {
      const lines = Buffer.from(this.payloads.read(this.index++)).toString('utf8').split('\n');
      const rows: string[] = [];
      for (const line of lines) {
        if (line !== '') rows.push(reshape(line, this.observedAt, ++this.sent));
      }
      yield Buffer.from(`${rows.join('\n')}\n`);
    }
  }
}

/** @param payloads NDJSON requests. */
export const runNaive = async (
  directory: string,
  payloads: Payloads,
  restMs: number,
): Promise<Reached> => {
  const engine = await startDirectEngine(directory);
  try {
    const engineBefore = cpuMsOf(engine.pid);
    const nodeBefore = ownCpuMs();
    const from = performance.now();
    const source = new NaiveSource(payloads);
    while (source.hasMore) await engine.insert('JSONEachRow', source.insert());
    const nodeMs = ownCpuMs() - nodeBefore;
    const wallMs = performance.now() - from;
    const engineAfter = (await untilRest(engine.pid, [], restMs)).engine;
    const rows = await engine.rows();
    const diskBytes = diskBytesOf(engine.directory);
    return { nodeMs, engineMs: engineAfter - engineBefore, wallMs, diskBytes, rows };
  } finally {
    await engine.stop();
  }
};
