import { C } from '../../model/columns.ts';
import { LogRecord } from '../../model/record.ts';
import { ProtoReader } from './protobuf.ts';
import { RecordStamp } from './record-stamp.ts';

/**
 * The identifier of a stream: which proxy sends, kept for all of its entries.
 *
 *     Identifier  1 node, 2 log_name
 *     Node        1 id, 2 cluster, 3 metadata (Struct), 4 locality (1 region, 2 zone, 3 sub_zone)
 */
export interface AlsIdentifier {
  readonly id: string;
  readonly cluster: string;
  readonly logName: string;
  readonly locality: readonly [region: string, zone: string, subZone: string];
  /** The node's own metadata, texts at its top. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** Longest text that is kept of an identifier, bytes. */
const TEXT_BYTES = 1_024;
/** Texts of the node's metadata that are looked at. */
const METADATA_NAMES = new Set(['NAME', 'NAMESPACE', 'WORKLOAD_NAME', 'CLUSTER_ID']);

const TEXT_1 = 0x0a;
const TEXT_2 = 0x12;
const TEXT_3 = 0x1a;
const TEXT_4 = 0x22;

const reader = new ProtoReader();
const decoder = new TextDecoder();

const textTo = (end: number): string => {
  const to = reader.span(end);
  const text = decoder.decode(
    reader.buf.subarray(reader.pos, Math.min(to, reader.pos + TEXT_BYTES)),
  );
  reader.pos = to;
  return text;
};

/** Length-delimited fields of the message from here to `end`, each handed to `take`. */
const eachText = (end: number, take: (tag: number) => boolean): void => {
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (!take(tag)) reader.skip(tag, end);
  }
};

/** Reads an Identifier; undefined where it is malformed. */
export const readIdentifier = (
  buf: Uint8Array,
  start: number,
  end: number,
): AlsIdentifier | undefined => {
  let [id, cluster, logName] = ['', '', ''];
  const locality: [string, string, string] = ['', '', ''];
  const metadata = new Map<string, string>();
  reader.open(buf, start, end);
  const node = (to: number): void =>
    eachText(to, (tag) => {
      if (tag === TEXT_1) id = textTo(to);
      else if (tag === TEXT_2) cluster = textTo(to);
      else if (tag === TEXT_3) readStruct(reader.span(to), metadata);
      else if (tag === TEXT_4) readLocality(reader.span(to), locality);
      else return false;
      return true;
    });
  eachText(end, (tag) => {
    if (tag === TEXT_1) node(reader.span(end));
    else if (tag === TEXT_2) logName = textTo(end);
    else return false;
    return true;
  });
  return reader.bad ? undefined : { id, cluster, logName, locality, metadata };
};

const readLocality = (end: number, locality: [string, string, string]): void => {
  eachText(end, (tag) => {
    if (tag !== TEXT_1 && tag !== TEXT_2 && tag !== TEXT_3) return false;
    locality[((tag >> 3) - 1) as 0 | 1 | 2] = textTo(end);
    return true;
  });
};

/** The texts at the top of a google.protobuf.Struct that are of use. */
const readStruct = (end: number, into: Map<string, string>): void => {
  eachText(end, (tag) => {
    if (tag !== TEXT_1) return false;
    const to = reader.span(end);
    let key = '';
    eachText(to, (part) => {
      if (part === TEXT_1) key = textTo(to);
      else if (part === TEXT_2) {
        const valueEnd = reader.span(to);
        eachText(valueEnd, (kind) => {
          if (kind !== TEXT_3 || !METADATA_NAMES.has(key)) return false;
          into.set(key, textTo(valueEnd));
          return true;
        });
      } else return false;
      return true;
    });
    return true;
  });
};

/** What Istio's node ids say: `sidecar~IP~POD.NAMESPACE~NAMESPACE.svc.cluster.local`. */
const istioNode = (id: string): { pod: string; namespace: string } | undefined => {
  const parts = id.split('~');
  const name = parts[2] ?? '';
  const dot = name.lastIndexOf('.');
  if (parts.length !== 4 || dot < 1) return undefined;
  return { pod: name.slice(0, dot), namespace: name.slice(dot + 1) };
};

const template = new LogRecord();

/** Columns and metadata that all entries of the stream share. */
export const stampOf = (identifier: AlsIdentifier): RecordStamp => {
  const { id, cluster, logName, locality, metadata } = identifier;
  const node = istioNode(id);
  const namespace = node?.namespace ?? metadata.get('NAMESPACE') ?? '';
  const suffix = namespace === '' ? '' : `.${namespace}`;
  const isShort = suffix !== '' && cluster.endsWith(suffix) && cluster.length > suffix.length;
  const columns: readonly (readonly [column: number, text: string])[] = [
    [C.service, isShort ? cluster.slice(0, -suffix.length) : cluster],
    [C.namespace, namespace],
    [C.pod, node?.pod ?? metadata.get('NAME') ?? ''],
    [C.workload, metadata.get('WORKLOAD_NAME') ?? ''],
    [C.cluster, metadata.get('CLUSTER_ID') ?? ''],
    [C.mesh, node === undefined ? '' : 'istio'],
  ];
  const [region, zone, subZone] = locality;
  const pairs: readonly (readonly [name: string, text: string])[] = [
    ['log_name', logName],
    ['node.id', id],
    ['node.cluster', cluster],
    ['node.locality.region', region],
    ['node.locality.zone', zone],
    ['node.locality.sub_zone', subZone],
  ];
  template.reset();
  for (const [column, text] of columns) if (text !== '') template.setText(column, text);
  for (const [name, text] of pairs) if (text !== '') template.metadata.putText(name, text);
  const stamp = new RecordStamp();
  stamp.capture(template);
  template.release();
  return stamp;
};
