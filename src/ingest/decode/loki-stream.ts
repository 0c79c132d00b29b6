import { copyOf } from '../../model/bytes.ts';
import { C } from '../../model/columns.ts';
import { putField, VALUE } from '../../model/fields.ts';
import { equalBytes, hashBytes, keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import { LogRecord, type Pairs } from '../../model/record.ts';
import { mixPairs, Token } from '../../model/token.ts';
import { findLevel, levelOf } from './loki-level.ts';
import { RecordStamp } from './record-stamp.ts';

/** What all entries of one Loki stream share: its labels and the columns that follow from them. */
export class StreamShape extends RecordStamp {
  /** The labels' part of its entries' tokens. */
  readonly token = new Token();
  /** Whether a label says the level, so that nothing else does. */
  hasLevel = false;
  /** That level, where it is a word that no severity stands for. */
  oddLevel: Uint8Array | undefined = undefined;
  /** Why the stream cannot be taken, in Loki's words; '' for a good one. */
  readonly error: string;

  constructor(error: string) {
    super();
    this.error = error;
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

/** Labels that the common rules read: how severe lines are, and where a container wrote them. */
const LEVEL = keys.of('level');
const LEVEL_LABELS = ['log_level', 'detected_level'].map((name) => keys.of(name));
const STDIO_LABELS = ['stream', 'stdio'].map((name) => keys.of(name));

/** Keeps Loki's tokens apart from others'. */
const TOKEN_KIND = 0x4c6f6b69;

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

/** Where a shape is put together; only columns, labels and numbers of it are used. */
const template = new LogRecord();

const setFirst = (column: number, labels: Pairs, names: readonly Key[]): void => {
  for (const name of names) {
    const i = find(labels, name);
    if (i < 0) continue;
    const { bufs, starts, ends } = labels;
    template.set(column, bufs[i] as Uint8Array, starts[i] as number, ends[i] as number);
    return;
  }
};

/**
 * Makes the shape of a stream with these labels, whose bytes must stay as they are for as long as
 * the shape lives.
 * @param text how the stream is called in errors
 */
export const shapeOf = (parsed: Pairs, text: string, options: StreamOptions): StreamShape => {
  if (parsed.count > LIMITS.lokiLabels) {
    const { count } = parsed;
    return new StreamShape(
      `entry for stream '${text}' has ${count} label names; limit ${LIMITS.lokiLabels}`,
    );
  }
  template.reset();
  const { labels } = template;
  const twice = settle(parsed, labels);
  if (twice !== '') {
    return new StreamShape(`stream '${text}' has duplicate label name: '${twice}'`);
  }
  if (options.discoverServiceName && find(labels, SERVICE_NAME) < 0) discoverService(labels);
  if (labels.count === 0) {
    return new StreamShape('error at least one label pair is required per stream');
  }
  for (const [column, names] of COLUMN_LABELS) setFirst(column, labels, names);
  for (const name of [...STDIO_LABELS, ...LEVEL_LABELS]) {
    const i = find(labels, name);
    if (i < 0) continue;
    const { bufs, starts, ends } = labels;
    const buf = bufs[i] as Uint8Array;
    const key = LEVEL_LABELS.includes(name) ? LEVEL : name;
    putField(template, 'envelope', key, VALUE.string, buf, starts[i] as number, ends[i] as number);
  }
  const level = findLevel(labels);
  if (level >= 0) putLevel(labels, level);
  // Labels are labels; what the common rules had no column for is no metadata.
  template.metadata.clear();
  const shape = new StreamShape('');
  shape.capture(template);
  if (level >= 0) {
    const { bufs, starts, ends } = labels;
    const [buf, start, end] = [bufs[level] as Uint8Array, starts[level], ends[level]];
    shape.hasLevel = true;
    if (levelOf(buf, start as number, end as number) === undefined) {
      shape.oddLevel = buf.subarray(start, end);
    }
  }
  mixPairs(shape.token.begin(TOKEN_KIND), labels);
  return shape;
};

const putLevel = ({ bufs, starts, ends }: Pairs, i: number): void => {
  const [start, end] = [starts[i] as number, ends[i] as number];
  putField(template, 'envelope', LEVEL, VALUE.string, bufs[i] as Uint8Array, start, end);
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

interface Remembered {
  readonly text: Uint8Array;
  readonly shape: StreamShape;
}

/**
 * Places that a text may have: fewer neighbours drive each other out by chance, more cost looks.
 */
const WAYS = 4;

/**
 * Shapes by the bytes that a stream's labels were sent as. The memory is bounded by places times
 * length, and a flood of new streams costs their parsing and nothing more.
 */
export class ShapeMemory {
  private readonly places = new Array<Remembered | undefined>(LIMITS.lokiStreams).fill(undefined);
  private readonly make: (text: Uint8Array) => StreamShape;
  private turn = 0;

  /** `make` gets a copy of the text that it may keep and change. */
  constructor(make: (text: Uint8Array) => StreamShape) {
    this.make = make;
  }

  of(bytes: Uint8Array, start: number, end: number): StreamShape {
    const length = end - start;
    if (length > LIMITS.lokiStreamBytes) return this.make(copyOf(bytes, start, end));
    const { places } = this;
    const first = (hashBytes(bytes, start, end) % (LIMITS.lokiStreams / WAYS)) * WAYS;
    for (let i = first; i < first + WAYS; i++) {
      const held = places[i];
      if (held?.text.length !== length) continue;
      if (equalBytes(held.text, 0, bytes, start, length)) return held.shape;
    }
    const shape = this.make(copyOf(bytes, start, end));
    this.turn = (this.turn + 1) % WAYS;
    places[first + this.turn] = { text: copyOf(bytes, start, end), shape };
    return shape;
  }
}
