import { VALUE } from '../../model/fields.ts';
import type { FieldList } from '../../model/json-fields.ts';
import { keys, type Key } from '../../model/key.ts';

/**
 * JSON objects with normalizers of their own. They are told by the names with which they begin,
 * which their writers always put in this order, so that any other object costs one look.
 */
export type Owner = 'linkerd' | 'hubble' | 'ztunnel';

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

/** By the id of an object's first name. */
const proofs: (Proof | undefined)[] = [];
for (const [name, proof] of Object.entries({
  timestamp: isProxyLog,
  'client.addr': isAccessLog,
  level: isConnection,
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
