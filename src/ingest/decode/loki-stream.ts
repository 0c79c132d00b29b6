import { C } from '../../model/columns.ts';
import { putField, VALUE } from '../../model/fields.ts';
import { equalBytes, hashBytes, keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import { LogRecord, Pairs } from '../../model/record.ts';

/**
 * What all entries of one Loki stream share: its labels and the columns that follow from them. Made
 * once per stream text, remembered, and stamped onto each entry's record.
 */
export class StreamShape {
  /** Why the stream cannot be taken, in Loki's words; '' for a good one. */
  error = '';
  readonly labels = new Pairs();
  private readonly columns: number[] = [];
  private readonly bufs: Uint8Array[] = [];
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  private severity = 0;

  column(column: number, buf: Uint8Array, start: number, end: number): void {
    this.columns.push(column);
    this.bufs.push(buf);
    this.starts.push(start);
    this.ends.push(end);
  }

  /** Severity as the common rules read it from a level label. */
  level(key: Key, buf: Uint8Array, start: number, end: number): void {
    const record = new LogRecord();
    putField(record, 'envelope', key, VALUE.string, buf, start, end);
    this.severity = record.numbers[C.severity] as number;
    if (record.has(C.severity_text)) {
      const text = record.text(C.severity_text);
      const bytes = new TextEncoder().encode(text);
      this.column(C.severity_text, bytes, 0, bytes.length);
    }
  }

  stamp(record: LogRecord): void {
    const { labels, columns } = this;
    for (let i = 0; i < labels.count; i++) {
      record.labels.put(
        labels.keys[i] as Key,
        labels.bufs[i] as Uint8Array,
        labels.starts[i] as number,
        labels.ends[i] as number,
      );
    }
    for (let i = 0; i < columns.length; i++) {
      record.set(
        columns[i] as number,
        this.bufs[i] as Uint8Array,
        this.starts[i] as number,
        this.ends[i] as number,
      );
    }
    if (this.severity !== 0) record.numbers[C.severity] = this.severity;
  }
}

export interface StreamOptions {
  /** Give streams without `service_name` one, from the first of `SERVICE_LABELS` that they have. */
  readonly discoverServiceName: boolean;
}

/** Loki's `discover_service_name` list, in its order. */
const SERVICE_LABELS = [
  'service',
  'app',
  'application',
  'app_name',
  'name',
  'app_kubernetes_io_name',
  'container',
  'container_name',
  'k8s_container_name',
  'component',
  'workload',
  'job',
  'k8s_job_name',
];
const UNKNOWN_SERVICE = new TextEncoder().encode('unknown_service');
const SERVICE_NAME = keys.of('service_name');

/**
 * Labels that mean a column: those of Promtail, Alloy, Fluent Bit and the OpenTelemetry collector,
 * the first that a stream has.
 */
const COLUMN_LABELS: readonly (readonly [number, readonly Key[]])[] = (
  [
    [C.service, ['service_name', ...SERVICE_LABELS]],
    [C.namespace, ['namespace', 'namespace_name', 'k8s_namespace_name', 'kubernetes_namespace']],
    [C.workload, ['workload', 'k8s_deployment_name', 'deployment', 'statefulset', 'daemonset']],
    [C.pod, ['pod', 'pod_name', 'k8s_pod_name', 'kubernetes_pod_name']],
    [C.container, ['container', 'container_name', 'k8s_container_name']],
    [C.node, ['node', 'node_name', 'k8s_node_name', 'nodename', 'host', 'hostname', 'host_name']],
    [C.cluster, ['cluster', 'cluster_name', 'k8s_cluster_name']],
    [
      C.environment,
      ['environment', 'env', 'deployment_environment_name', 'deployment_environment'],
    ],
    [C.version, ['version', 'service_version']],
    [C.mesh, ['mesh']],
  ] as const
).map(([column, names]) => [column, names.map((name) => keys.of(name))]);

/** Labels that say how severe the lines are. */
const LEVEL_LABELS = ['level', 'severity', 'detected_level', 'lvl', 'log_level'].map((name) =>
  keys.of(name),
);
/** `stream` is a label of Docker and CRI agents, but also an ordinary word. */
const STDIO_LABELS = ['stream', 'stdio', 'log_iostream'].map((name) => keys.of(name));

const find = (labels: Pairs, wanted: Key): number => {
  for (let i = 0; i < labels.count; i++) if (labels.keys[i] === wanted) return i;
  return -1;
};

const order = (labels: Pairs): number[] =>
  Array.from({ length: labels.count }, (_, i) => i).sort((a, b) => {
    const left = (labels.keys[a] as Key).text;
    const right = (labels.keys[b] as Key).text;
    return left < right ? -1 : left > right ? 1 : 0;
  });

/** Copies `from` sorted by name, without empty values, which Loki takes for absent labels. */
const settle = (from: Pairs, into: Pairs): string => {
  let last = '';
  for (const i of order(from)) {
    const key = from.keys[i] as Key;
    if (from.starts[i] === from.ends[i]) continue;
    if (into.count > 0 && key.text === last) return key.text;
    last = key.text;
    into.put(key, from.bufs[i] as Uint8Array, from.starts[i] as number, from.ends[i] as number);
  }
  return '';
};

/**
 * Makes the shape of a stream with these labels, whose bytes must stay as they are for as long as
 * the shape lives.
 * @param text how the stream is called in errors
 */
export const shapeOf = (parsed: Pairs, text: string, options: StreamOptions): StreamShape => {
  const shape = new StreamShape();
  const { labels } = shape;
  const twice = settle(parsed, labels);
  if (twice !== '') {
    shape.error = `stream '${text}' has duplicate label name: '${twice}'`;
    return shape;
  }
  if (options.discoverServiceName && find(labels, SERVICE_NAME) < 0) discoverService(labels);
  if (labels.count === 0) {
    shape.error = 'error at least one label pair is required per stream';
    return shape;
  }
  for (const [column, names] of COLUMN_LABELS) {
    for (const name of names) {
      const i = find(labels, name);
      if (i < 0) continue;
      const { bufs, starts, ends } = labels;
      shape.column(column, bufs[i] as Uint8Array, starts[i] as number, ends[i] as number);
      break;
    }
  }
  setStdio(shape);
  for (const name of LEVEL_LABELS) {
    const i = find(labels, name);
    if (i < 0) continue;
    const { bufs, starts, ends } = labels;
    shape.level(name, bufs[i] as Uint8Array, starts[i] as number, ends[i] as number);
    break;
  }
  return shape;
};

const discoverService = (labels: Pairs): void => {
  for (const name of SERVICE_LABELS) {
    const i = find(labels, keys.of(name));
    if (i < 0) continue;
    const { bufs, starts, ends } = labels;
    labels.put(SERVICE_NAME, bufs[i] as Uint8Array, starts[i] as number, ends[i] as number);
    return;
  }
  labels.put(SERVICE_NAME, UNKNOWN_SERVICE, 0, UNKNOWN_SERVICE.length);
};

const setStdio = (shape: StreamShape): void => {
  const { labels } = shape;
  for (const name of STDIO_LABELS) {
    const i = find(labels, name);
    if (i < 0) continue;
    const value = labels.get(name.text);
    if (value !== 'stdout' && value !== 'stderr') continue;
    const { bufs, starts, ends } = labels;
    shape.column(C.stdio, bufs[i] as Uint8Array, starts[i] as number, ends[i] as number);
    return;
  }
};

interface Remembered {
  readonly text: Uint8Array;
  readonly shape: StreamShape;
}

/**
 * Shapes by the bytes that a stream's labels were sent as. Each text has one place only, so the
 * memory is bounded by places times length, and a flood of new streams costs their parsing and
 * nothing more.
 */
export class ShapeMemory {
  private readonly places: (Remembered | undefined)[] = [];
  private readonly make: (text: Uint8Array) => StreamShape;

  /** `make` gets a copy of the text that it may keep and change. */
  constructor(make: (text: Uint8Array) => StreamShape) {
    this.make = make;
  }

  of(bytes: Uint8Array, start: number, end: number): StreamShape {
    const length = end - start;
    if (length > LIMITS.lokiStreamBytes) return this.make(bytes.slice(start, end));
    const place = hashBytes(bytes, start, end) % LIMITS.lokiStreams;
    const held = this.places[place];
    if (
      held !== undefined &&
      held.text.length === length &&
      equalBytes(held.text, 0, bytes, start, length)
    ) {
      return held.shape;
    }
    const shape = this.make(bytes.slice(start, end));
    this.places[place] = { text: bytes.slice(start, end), shape };
    return shape;
  }
}
