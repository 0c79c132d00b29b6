import type { ThreadCounts } from './thread-messages.ts';

/**
 * The product's counters and gauges in Prometheus' text form. Names and meanings are listed in
 * docs/metrics.md; a test holds the two together.
 */
interface Family {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly values: Map<string, number>;
}

export const METRICS = {
  meshtrail_received_records_total: ['counter', 'Records that receivers decoded.'],
  meshtrail_received_bytes_total: ['counter', 'Bytes received with those records.'],
  meshtrail_acknowledged_records_total: ['counter', 'Records durable in the journal.'],
  meshtrail_acknowledged_bytes_total: ['counter', 'Bytes received with those records.'],
  meshtrail_stored_records_total: ['counter', 'Records durable in the engine.'],
  meshtrail_stored_bytes_total: ['counter', 'Bytes received with those records.'],
  meshtrail_duplicates_total: ['counter', 'Items sent again, and stored once.'],
  meshtrail_rejected_records_total: ['counter', 'Items refused, by reason; told to the sender.'],
  meshtrail_rejected_bytes_total: ['counter', 'Bytes of requests refused as a whole.'],
  meshtrail_dropped_records_total: ['counter', 'Datagrams lost because nothing else was possible.'],
  meshtrail_dropped_bytes_total: ['counter', 'Bytes of those datagrams.'],
  meshtrail_refused_requests_total: ['counter', 'Requests told to retry, or refused, by reason.'],
  meshtrail_lines_structured_total: ['counter', 'Lines that have structure.'],
  meshtrail_lines_kept_whole_total: [
    'counter',
    'Structured lines that are stored whole beside their values, by reason.',
  ],
  meshtrail_lines_cut_total: ['counter', 'Lines longer than limits.line_bytes, cut and marked.'],
  meshtrail_values_cut_total: ['counter', 'Other values longer than that, cut and marked.'],
  meshtrail_fields_overflowed_total: [
    'counter',
    'Fields kept only in their line, or beyond limits.record_bytes and left out.',
  ],
  meshtrail_times_replaced_total: [
    'counter',
    'Event times not usable; the time of receipt stands.',
  ],
  meshtrail_redactions_total: ['counter', 'Values redacted, by rule.'],
  meshtrail_layouts: ['gauge', 'Distinct layouts of lines, by tenant.'],
  meshtrail_journal_bytes: ['gauge', 'Bytes of the journal on disk.'],
  meshtrail_journal_pending_bytes: ['gauge', 'Bytes journalled and not yet in the engine.'],
  meshtrail_journal_oldest_age_ns: ['gauge', 'Age of the oldest batch not yet in the engine.'],
  meshtrail_journal_torn_tails_total: ['counter', 'Unfinished frames cut off at start.'],
  meshtrail_journal_corrupt_frames_total: ['counter', 'Frames that failed their check.'],
  meshtrail_engine_up: ['gauge', '1 while the engine answers.'],
  meshtrail_engine_restarts_total: ['counter', 'Times the engine was started again.'],
  meshtrail_engine_inserts_total: ['counter', 'Inserts confirmed by the engine.'],
  meshtrail_engine_insert_retries_total: ['counter', 'Inserts sent again after a check.'],
  meshtrail_engine_quarantined_records_total: ['counter', 'Rows the engine refused for content.'],
  meshtrail_queries_total: ['counter', 'Queries answered, by endpoint and status.'],
  meshtrail_tail_dropped_records_total: ['counter', 'Records that slow live tails missed.'],
  meshtrail_in_flight_bytes: ['gauge', 'Bytes received and not yet durable.'],
  meshtrail_process_resident_bytes: ['gauge', 'Memory of the server process.'],
  meshtrail_engine_resident_bytes: ['gauge', 'Memory of the embedded engine.'],
  meshtrail_event_loop_p99_ms: ['gauge', 'Delay of the main event loop, 99th percentile.'],
} as const satisfies Record<string, readonly ['counter' | 'gauge', string]>;

export type MetricName = keyof typeof METRICS;

/** Distinct label sets of one metric; beyond it values fall to `other`. */
const SERIES = 1_000;

const escape = (value: string): string =>
  value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');

export class Counters {
  private readonly families = new Map<MetricName, Family>();
  private readonly gauges: (() => void)[] = [];

  constructor() {
    for (const [name, [type, help]] of Object.entries(METRICS)) {
      this.families.set(name as MetricName, { type, help, values: new Map() });
    }
  }

  add(name: MetricName, value: number, labels: Readonly<Record<string, string>> = {}): void {
    const values = this.valuesOf(name);
    const key = this.keyOf(values, labels);
    values.set(key, (values.get(key) ?? 0) + value);
  }

  set(name: MetricName, value: number, labels: Readonly<Record<string, string>> = {}): void {
    const values = this.valuesOf(name);
    values.set(this.keyOf(values, labels), value);
  }

  get(name: MetricName, labels: Readonly<Record<string, string>> = {}): number {
    const values = this.valuesOf(name);
    return values.get(this.keyOf(values, labels)) ?? 0;
  }

  /** `read` sets gauges just before they are printed. */
  onRead(read: () => void): void {
    this.gauges.push(read);
  }

  received(protocol: string, records: number, bytes: number): void {
    this.add('meshtrail_received_records_total', records, { protocol });
    this.add('meshtrail_received_bytes_total', bytes, { protocol });
  }

  acknowledged(protocol: string, records: number, bytes: number): void {
    this.add('meshtrail_acknowledged_records_total', records, { protocol });
    this.add('meshtrail_acknowledged_bytes_total', bytes, { protocol });
  }

  stored(protocol: string, records: number, bytes: number): void {
    this.add('meshtrail_stored_records_total', records, { protocol });
    this.add('meshtrail_stored_bytes_total', bytes, { protocol });
  }

  /** Adds what a decoding thread counted. */
  thread(counts: ThreadCounts): void {
    for (const { protocol, reason, count } of counts.rejects) {
      this.add('meshtrail_rejected_records_total', count, { protocol, reason });
    }
    if (counts.linesCut > 0) this.add('meshtrail_lines_cut_total', counts.linesCut);
    if (counts.valuesCut > 0) this.add('meshtrail_values_cut_total', counts.valuesCut);
    if (counts.fieldsOverflowed > 0) {
      this.add('meshtrail_fields_overflowed_total', counts.fieldsOverflowed);
    }
    if (counts.timesReplaced > 0) this.add('meshtrail_times_replaced_total', counts.timesReplaced);
    if (counts.linesStructured > 0) {
      this.add('meshtrail_lines_structured_total', counts.linesStructured);
    }
    for (const [reason, count] of Object.entries(counts.linesWhole)) {
      this.add('meshtrail_lines_kept_whole_total', count, { reason });
    }
  }

  /** Prometheus text format 0.0.4. */
  text(): string {
    for (const read of this.gauges) read();
    let out = '';
    for (const [name, { type, help, values }] of this.families) {
      out += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
      for (const [labels, value] of values) out += `${name}${labels} ${String(value)}\n`;
    }
    return out;
  }

  private valuesOf(name: MetricName): Map<string, number> {
    return (this.families.get(name) as Family).values;
  }

  private keyOf(
    values: ReadonlyMap<string, number>,
    labels: Readonly<Record<string, string>>,
  ): string {
    const parts = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`);
    if (parts.length === 0) return '';
    const key = `{${parts.join(',')}}`;
    if (values.has(key) || values.size < SERIES) return key;
    return `{${Object.keys(labels)
      .map((name) => `${name}="other"`)
      .join(',')}}`;
  }
}
