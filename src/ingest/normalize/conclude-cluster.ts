import { C } from '../../model/columns.ts';
import { keys } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
import { infer, WORD } from './words.ts';

const encoder = new TextEncoder();
const INBOUND = encoder.encode('inbound');
const OUTBOUND = encoder.encode('outbound');
const VIP = encoder.encode('-vip|');
const POD = encoder.encode('-pod|');
const CONSUL = encoder.encode('.consul');
const INTERNAL = encoder.encode('.internal.');
const EXTERNAL = encoder.encode('.external.');
const LOCAL_APP = encoder.encode('local_app');
const SERVER_NAME = keys.of('requested_server_name');

const isAt = (buf: Uint8Array, at: number, end: number, text: Uint8Array): boolean => {
  if (at + text.length > end) return false;
  for (let i = 0; i < text.length; i++) if (buf[at + i] !== text[i]) return false;
  return true;
};

const holds = (buf: Uint8Array, start: number, end: number, text: Uint8Array): boolean => {
  for (let at = start; at + text.length <= end; at++) if (isAt(buf, at, end, text)) return true;
  return false;
};

/** The host at the end of Istio's cluster names; newer releases end it by `;`. */
const inferHost = (record: LogRecord, buf: Uint8Array, start: number, end: number): void => {
  let from = end;
  while (from > start && buf[from - 1] !== 0x7c) from--;
  const to = end > from && buf[end - 1] === 0x3b ? end - 1 : end;
  if (to > from && !record.has(C.destination_service))
    record.set(C.destination_service, buf, from, to);
};

/**
 * `inbound|8080||`, `outbound|80|v1|reviews.shop.svc`, and a waypoint's `inbound-vip|80|http|HOST`
 * and `inbound-pod|80||ADDRESS`: only Istio names its clusters so.
 */
const isIstio = (record: LogRecord, buf: Uint8Array, start: number, end: number): boolean => {
  const inbound = buf[start] === 0x69;
  const word = inbound ? INBOUND : OUTBOUND;
  const at = start + word.length;
  if (at >= end || !isAt(buf, start, end, word)) return false;
  const isPod = inbound && isAt(buf, at, end, POD);
  if (buf[at] !== 0x7c && !isPod && !(inbound && isAt(buf, at, end, VIP))) return false;
  infer(record, C.direction, inbound ? WORD.inbound : WORD.outbound);
  infer(record, C.mesh, WORD.istio);
  if (!isPod) inferHost(record, buf, at, end);
  return true;
};

/** `db.default.dc1.internal.TRUST-DOMAIN.consul`: Consul's names for services, as for TLS. */
const isConsulName = (buf: Uint8Array, start: number, end: number): boolean =>
  isAt(buf, end - CONSUL.length, end, CONSUL) &&
  end - start > CONSUL.length &&
  (holds(buf, start, end, INTERNAL) || holds(buf, start, end, EXTERNAL));

/** `local_app` is the app of a Consul sidecar where the client asked for a name of Consul's. */
const isLocalApp = (record: LogRecord, buf: Uint8Array, start: number, end: number): boolean => {
  if (end - start !== LOCAL_APP.length || !isAt(buf, start, end, LOCAL_APP)) return false;
  const { attributes } = record;
  for (let i = 0; i < attributes.count; i++) {
    if (attributes.keys[i] !== SERVER_NAME) continue;
    const name = attributes.bufs[i] as Uint8Array;
    return isConsulName(name, attributes.starts[i] as number, attributes.ends[i] as number);
  }
  return false;
};

/** What the name of the cluster proves: the mesh, the direction, who was called. */
export const concludeCluster = (record: LogRecord): void => {
  const buf = record.bufs[C.upstream_cluster] as Uint8Array;
  const start = record.starts[C.upstream_cluster] as number;
  const end = record.ends[C.upstream_cluster] as number;
  const first = buf[start];
  if ((first === 0x69 || first === 0x6f) && isIstio(record, buf, start, end)) return;
  if (buf[end - 1] === 0x6c && isConsulName(buf, start, end)) infer(record, C.mesh, WORD.consul);
  else if (first === 0x6c && isLocalApp(record, buf, start, end)) {
    infer(record, C.mesh, WORD.consul);
    infer(record, C.direction, WORD.inbound);
  }
};

const RBAC = encoder.encode('rbac_access_denied');
const EXT_AUTHZ = encoder.encode('ext_authz_denied');

/** Envoy's words for a request that an authorization policy or service has refused. */
export const concludePolicy = (record: LogRecord): void => {
  const buf = record.bufs[C.response_details] as Uint8Array;
  const start = record.starts[C.response_details] as number;
  const end = record.ends[C.response_details] as number;
  const first = buf[start];
  if (first === 0x72 ? isAt(buf, start, end, RBAC) : isAt(buf, start, end, EXT_AUTHZ))
    infer(record, C.policy_decision, WORD.deny);
};
