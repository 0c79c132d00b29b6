import { compress } from 'snappyjs';
import { Bytes } from '../../../model/bytes.ts';
import type { Line, Source } from '../lines.ts';
import { US_PER_SECOND } from '../stamp.ts';
import { ALL_TAKEN, type Shipper } from './request.ts';

/**
 * Promtail's way: Loki's push API, protobuf in a snappy block (logproto.PushRequest: streams = 1;
 * StreamAdapter: labels = 1, entries = 2; EntryAdapter: timestamp = 1, line = 2). Its pipeline has
 * taken the container runtime's wrapping off.
 */
const BYTES_FIELD = 2;
const encoder = new TextEncoder();

const quote = (text: string): string => JSON.stringify(text);

/** The labels that a usual relabelling gives. */
const labelsOf = (source: Source): string => {
  const { service, cluster, container, mesh, namespace, node, pod, stdio } = source;
  const labels = {
    app: service,
    cluster,
    container,
    mesh,
    namespace,
    node_name: node,
    pod,
    stream: stdio,
  };
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${quote(value)}`);
  return `{${pairs.join(', ')}}`;
};

const bytesField = (out: Bytes, number: number, bytes: Uint8Array, length: number): void => {
  out.varint(number * 8 + BYTES_FIELD);
  out.string(bytes, 0, length);
};

const writeEntry = (out: Bytes, { timeUs, text }: Line): void => {
  const stamp = new Bytes(16);
  stamp.varint(8);
  stamp.varint(Math.floor(timeUs / US_PER_SECOND));
  stamp.varint(16);
  stamp.varint((timeUs % US_PER_SECOND) * 1000);
  bytesField(out, 1, stamp.buf, stamp.length);
  const line = encoder.encode(text);
  bytesField(out, 2, line, line.length);
};

/** Lines by who wrote them, in the order in which each first wrote. */
export const bySource = (lines: readonly Line[]): Map<Source, Line[]> => {
  const groups = new Map<Source, Line[]>();
  for (const line of lines) {
    const group = groups.get(line.source);
    if (group === undefined) groups.set(line.source, [line]);
    else group.push(line);
  }
  return groups;
};

const pushRequest = (lines: readonly Line[]): Uint8Array => {
  const request = new Bytes(65_536);
  const stream = new Bytes(65_536);
  const entry = new Bytes(4_096);
  for (const [source, own] of bySource(lines)) {
    stream.clear();
    const labels = encoder.encode(labelsOf(source));
    bytesField(stream, 1, labels, labels.length);
    for (const line of own) {
      entry.clear();
      writeEntry(entry, line);
      bytesField(stream, 2, entry.buf, entry.length);
    }
    bytesField(request, 1, stream.buf, stream.length);
  }
  return request.take();
};

export const lokiShipper: Shipper = {
  carrier: 'loki',
  encode: (lines) => ({
    path: '/loki/api/v1/push',
    headers: { 'content-type': 'application/x-protobuf', 'user-agent': 'promtail/3.5.5' },
    body: new Uint8Array(compress(pushRequest(lines))),
  }),
  read: () => ALL_TAKEN,
};
