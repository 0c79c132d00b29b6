import { C } from '../../model/columns.ts';
import { isAppLabel } from '../../model/fields.ts';
import type { Key } from '../../model/key.ts';
import type { LogRecord, Pairs } from '../../model/record.ts';
import { severityOfStatus, SEVERITY } from '../../model/severity.ts';

/** Our own words, in one buffer: each further buffer costs the batch a look-up. */
const WORDS = new TextEncoder().encode(
  'app access flow istio linkerd kuma cilium inbound outbound true allow deny audit ' +
    'TCP UDP SCTP ICMPv4 ICMPv6 DNS Kafka',
);
const range = (word: string): readonly [start: number, end: number] => {
  const at = ` ${decoder.decode(WORDS)} `.indexOf(` ${word} `);
  return [at, at + word.length];
};
const decoder = new TextDecoder();
export type Word = ReturnType<typeof range>;
const APP = range('app');
const ACCESS = range('access');
const ISTIO = range('istio');
const INBOUND = range('inbound');
const OUTBOUND = range('outbound');

/** The words that one format's lines prove. */
export const WORD = Object.freeze({
  flow: range('flow'),
  istio: ISTIO,
  linkerd: range('linkerd'),
  kuma: range('kuma'),
  cilium: range('cilium'),
  inbound: INBOUND,
  outbound: OUTBOUND,
  true: range('true'),
  allow: range('allow'),
  deny: range('deny'),
  audit: range('audit'),
  TCP: range('TCP'),
  UDP: range('UDP'),
  SCTP: range('SCTP'),
  ICMPv4: range('ICMPv4'),
  ICMPv6: range('ICMPv6'),
  DNS: range('DNS'),
  Kafka: range('Kafka'),
});

/**
 * Sets a column to what follows from other fields; a sender's own word stays. The columns that are
 * so set stand in fields-put.ts, because an empty value of theirs is not to be printed from them.
 */
export const infer = (record: LogRecord, column: number, word: Word): void => {
  if (!record.has(column)) record.set(column, WORDS, word[0], word[1]);
};

export const inferAccess = (record: LogRecord): void => infer(record, C.kind, ACCESS);
export const inferIstio = (record: LogRecord): void => infer(record, C.mesh, ISTIO);

/** `inbound|8080||` and `outbound|80|v1|reviews.shop.svc`: only Istio names its clusters so. */
const inferDirection = (record: LogRecord): void => {
  const buf = record.bufs[C.upstream_cluster] as Uint8Array;
  const start = record.starts[C.upstream_cluster] as number;
  const size = (record.ends[C.upstream_cluster] as number) - start;
  const inbound = size > 8 && buf[start] === 0x69;
  const direction = inbound ? INBOUND : OUTBOUND;
  const length = direction[1] - direction[0];
  if (size <= length || buf[start + length] !== 0x7c) return;
  for (let i = 0; i < length; i++) if (buf[start + i] !== WORDS[direction[0] + i]) return;
  infer(record, C.direction, direction);
  inferIstio(record);
};

/** Envoy writes `-` where nothing went wrong; a connection has flags but no status. */
const hasFlags = (record: LogRecord): boolean =>
  record.has(C.response_flags) &&
  record.bufs[C.response_flags]?.[record.starts[C.response_flags] as number] !== 0x2d;

/** The service of a record that only says so by a label of its pod. */
const inferService = (record: LogRecord, pairs: Pairs): void => {
  for (let i = 0; i < pairs.count; i++) {
    if (!isAppLabel(pairs.keys[i] as Key)) continue;
    const start = pairs.starts[i] as number;
    const end = pairs.ends[i] as number;
    if (end === start) continue;
    record.set(C.service, pairs.bufs[i] as Uint8Array, start, end);
    return;
  }
};

/** Draws the conclusions that hold for every format: kind, service, direction, severity. */
export const conclude = (record: LogRecord): void => {
  const { numbers } = record;
  const status = numbers[C.status] as number;
  const access =
    record.has(C.response_flags) || (status > 0 && record.has(C.method) && record.has(C.protocol));
  if (access) inferAccess(record);
  else infer(record, C.kind, APP);
  if (!record.has(C.service)) inferService(record, record.metadata);
  if (!record.has(C.service)) inferService(record, record.attributes);
  if (record.has(C.upstream_cluster)) inferDirection(record);
  if (
    numbers[C.severity] === 0 &&
    record.starts[C.kind] === ACCESS[0] &&
    record.bufs[C.kind] === WORDS
  )
    numbers[C.severity] =
      status > 0 ? severityOfStatus(status) : hasFlags(record) ? SEVERITY.warn : SEVERITY.info;
};
