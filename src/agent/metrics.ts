import type { Clock } from '../platform/clock.ts';
import { cpuMs, residentBytes } from '../platform/processes.ts';
import type { Delivery, DeliveryCounts } from './delivery.ts';
import type { DiskBuffer } from './disk-buffer.ts';
import type { InputStatus } from './input.ts';
import type { Ledger } from './ledger.ts';
import type { Pipeline } from './pipeline.ts';

export interface MetricsParts {
  readonly agent: string;
  readonly version: string;
  readonly ledger: Ledger;
  readonly buffer: DiskBuffer;
  readonly delivery: Delivery;
  readonly pipeline: Pipeline;
  readonly inputs: readonly InputStatus[];
  readonly clock: Clock;
}

type Labels = Readonly<Record<string, string>>;
type Value = readonly [labels: Labels, value: number];

const NONE: Labels = {};

/** The agent's counters and gauges in Prometheus' text form 0.0.4; docs/agent.md lists them. */
export const metricsText = (parts: MetricsParts): string => {
  const { buffer, delivery, pipeline, inputs, clock, agent, version } = parts;
  let out = '';
  const put = (name: string, type: 'counter' | 'gauge', help: string, values: Value[]): void => {
    out += `# HELP meshtrail_agent_${name} ${help}\n# TYPE meshtrail_agent_${name} ${type}\n`;
    for (const [labels, value] of values)
      out += `meshtrail_agent_${name}${textOf(labels)} ${value}\n`;
  };
  const counter = (name: string, help: string, values: Value[] | number): void =>
    put(name, 'counter', help, typeof values === 'number' ? [[NONE, values]] : values);
  const gauge = (name: string, help: string, values: Value[] | number): void =>
    put(name, 'gauge', help, typeof values === 'number' ? [[NONE, values]] : values);
  const each = (value: (status: InputStatus) => number): Value[] =>
    inputs.map((status) => [{ input: status.input }, value(status)]);

  gauge('info', 'The agent.', [[{ agent, version }, 1]]);
  counter(
    'read_events_total',
    'Events that inputs gave.',
    each(({ events }) => events),
  );
  counter(
    'read_bytes_total',
    'Bytes that they read.',
    each(({ readBytes }) => readBytes),
  );
  gauge(
    'unread_bytes',
    'Bytes known and not read yet.',
    each(({ lagBytes }) => lagBytes),
  );
  gauge(
    'sources',
    'Sources known.',
    each(({ sources }) => sources),
  );
  gauge(
    'open_sources',
    'Files, sockets and children that are open.',
    each(({ open }) => open),
  );
  counter(
    'lost_events_total',
    'Events lost or cut by inputs, by reason.',
    reasons(inputs, 'drops'),
  );
  counter('troubles_total', 'Troubles that lost nothing, by reason.', reasons(inputs, 'troubles'));
  counter('dropped_events_total', 'Events left out by rules, by reason.', dropped(parts.ledger));
  counter('buffered_events_total', 'Events made durable in the buffer.', pipeline.bufferedEvents);
  gauge('buffer_bytes', 'Bytes of the disk buffer.', buffer.diskBytes);
  gauge('buffer_pending_bytes', 'Of these not delivered yet.', buffer.pendingBytes);
  gauge('buffer_pending_batches', 'Batches not delivered yet.', buffer.pendingBatches);
  gauge('buffer_oldest_age_ns', 'Age of the oldest of them.', Number(buffer.oldestAgeNs));
  gauge('buffer_full', '1 while inputs wait for room in the buffer.', buffer.isFull ? 1 : 0);
  counter('buffer_waits_total', 'Times that they had to.', buffer.waits);
  putDelivery(counter, delivery.counts);
  gauge('resident_bytes', 'Memory of the agent.', residentBytes());
  counter('cpu_ms_total', 'CPU time of the agent, user and system.', Math.round(cpuMs()));
  gauge('uptime_ms', 'Time since the start.', Math.round(clock.monotonicMs()));
  return out;
};

type Put = (name: string, help: string, values: Value[] | number) => void;

const putDelivery = (counter: Put, counts: DeliveryCounts): void => {
  counter('delivered_batches_total', 'Batches that a server took.', counts.batches);
  counter('delivered_events_total', 'Events that a server took.', counts.events);
  counter('delivered_bytes_total', 'Bytes as sent.', counts.bytes);
  counter('delivered_raw_bytes_total', 'Bytes as read.', counts.rawBytes);
  counter('duplicate_events_total', 'Events that a server had already.', counts.duplicates);
  counter('retries_total', 'Batches sent again.', counts.retries);
  counter('splits_total', 'Batches sent in halves because they were too large.', counts.splits);
  counter('quarantined_events_total', 'Events no server takes, set aside.', counts.setAsideEvents);
  counter(
    'failures_total',
    'Tries that failed, by status or `connection`.',
    Object.entries(counts.failures).map(([reason, count]) => [{ reason }, count]),
  );
};

const reasons = (inputs: readonly InputStatus[], which: 'drops' | 'troubles'): Value[] =>
  inputs.flatMap((status) =>
    Object.entries(status[which]).map(([reason, count]): Value => [
      { input: status.input, reason },
      count,
    ]),
  );

/** Since each source began, summed by reason. */
const dropped = (ledger: Ledger): Value[] => {
  const sums = new Map<string, number>();
  for (const source of ledger.sources.values()) {
    for (const [reason, count] of Object.entries(source.dropped)) {
      sums.set(reason, (sums.get(reason) ?? 0) + count);
    }
  }
  return [...sums].map(([reason, count]) => [{ reason }, count]);
};

const textOf = (labels: Labels): string => {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/["\\\n]/g, '_')}"`,
  );
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
};
