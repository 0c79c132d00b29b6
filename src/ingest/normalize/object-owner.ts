import { VALUE } from '../../model/fields.ts';
import type { FieldList } from '../../model/json-fields.ts';
import { isSpace } from '../../model/json-text.ts';
import { keys, type Key } from '../../model/key.ts';

/**
 * JSON objects with normalizers of their own. They are told by the names with which they begin,
 * which their writers always put in this order, so that any other object costs one look.
 */
export type Owner = 'linkerd' | 'hubble' | 'ztunnel' | 'caddy' | 'k8s-audit' | 'traefik';

type Proof = (list: FieldList) => Owner | undefined;

const TARGET = keys.of('target');
const LEVEL = keys.of('level');
const TIME = keys.of('time');
const SCOPE = keys.of('scope');
const UUID = keys.of('uuid');
const VERDICT = keys.of('verdict');
const FLOW_VERDICT = keys.of('flow.verdict');
const CLIENT_ID = keys.of('client.id');
const MESSAGE = keys.of('message');

const keyAt = (list: FieldList, i: number): Key | undefined =>
  i < list.count ? list.gaps[i]?.key : undefined;

const indexOf = (list: FieldList, key: Key): number => {
  for (let i = 0; i < list.count; i++) if (list.gaps[i]?.key === key) return i;
  return -1;
};

/** Whether value `i` begins with these bytes. */
const begins = (list: FieldList, i: number, bytes: Uint8Array): boolean => {
  if (i < 0 || list.kinds[i] !== VALUE.string) return false;
  const start = list.starts[i] as number;
  if ((list.ends[i] as number) - start < bytes.length) return false;
  const buf = list.bufs[i] as Uint8Array;
  for (let at = 0; at < bytes.length; at++) if (buf[start + at] !== bytes[at]) return false;
  return true;
};

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const LINKERD = bytesOf('linkerd');
const ACCESS = bytesOf('access');
const CONNECTION = bytesOf('connection ');

/** Rust's tracing writes `timestamp level fields.* target`; the target says whose it is. */
const isProxyLog: Proof = (list) =>
  keyAt(list, 1) === LEVEL &&
  keyAt(list, 2)?.text.startsWith('fields.') === true &&
  begins(list, indexOf(list, TARGET), LINKERD)
    ? 'linkerd'
    : undefined;

const isAccessLog: Proof = (list) => (keyAt(list, 1) === CLIENT_ID ? 'linkerd' : undefined);

const isConnection: Proof = (list) =>
  keyAt(list, 1) === TIME &&
  keyAt(list, 2) === SCOPE &&
  keyAt(list, 3) === MESSAGE &&
  begins(list, 2, ACCESS) &&
  begins(list, 3, CONNECTION)
    ? 'ztunnel'
    : undefined;

const isFlow: Proof = (list) => (indexOf(list, FLOW_VERDICT) >= 0 ? 'hubble' : undefined);

/** A flow without its envelope: `time`, maybe `uuid`, then the verdict in Cilium's words. */
const isBareFlow: Proof = (list) => {
  const at = keyAt(list, 1) === UUID ? 2 : 1;
  if (keyAt(list, at) !== VERDICT || indexOf(list, DIRECTION) + indexOf(list, TYPE) === -2)
    return undefined;
  return VERDICTS.some((word) => begins(list, at, word)) ? 'hubble' : undefined;
};

const DIRECTION = keys.of('traffic_direction');
const TYPE = keys.of('Type');
const VERDICTS = [
  'FORWARDED',
  'DROPPED',
  'ERROR',
  'AUDIT',
  'REDIRECTED',
  'TRACED',
  'TRANSLATED',
].map(bytesOf);

/** Caddy's access log: zap's `level ts logger msg`, and the request. */
const isCaddy: Proof = (list) =>
  keyAt(list, 2) === LOGGER && begins(list, 2, CADDY) && indexOf(list, METHOD) > 0
    ? 'caddy'
    : undefined;

const isAudit: Proof = (list) =>
  begins(list, 0, EVENT) && keyAt(list, 1) === API && begins(list, 1, AUDIT)
    ? 'k8s-audit'
    : undefined;

const isTraefik: Proof = (list) => (indexOf(list, DOWNSTREAM) > 0 ? 'traefik' : undefined);

const LOGGER = keys.of('logger');
const METHOD = keys.of('request.method');
const CADDY = bytesOf('http.log.access');
const EVENT = bytesOf('Event');
const API = keys.of('apiVersion');
const AUDIT = bytesOf('audit.k8s.io/');
const DOWNSTREAM = keys.of('DownstreamStatus');

/** By the id of an object's first name. */
const proofs: (Proof | undefined)[] = [];
for (const [name, proof] of Object.entries({
  timestamp: isProxyLog,
  'client.addr': isAccessLog,
  level: (list: FieldList) => isConnection(list) ?? isCaddy(list),
  kind: isAudit,
  ClientAddr: isTraefik,
  'flow.time': isFlow,
  'flow.uuid': isFlow,
  'flow.verdict': isFlow,
  time: isBareFlow,
}))
  proofs[keys.of(name).id] = proof;

export const ownerOf = (list: FieldList): Owner | undefined => {
  const id = (list.gaps[0]?.key as Key).id;
  const proof = id < 0 ? undefined : proofs[id];
  return proof === undefined ? undefined : proof(list);
};

export const isOwned = (list: FieldList): boolean => ownerOf(list) !== undefined;

/** Whether a line begins as an object does, with blanks in front or not. */
export const opensObject = (line: Uint8Array, start: number, end: number): boolean => {
  let at = start;
  while (at < end && isSpace(line[at] as number)) at++;
  return line[at] === 0x7b;
};
