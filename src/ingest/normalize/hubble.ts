import { C } from '../../model/columns.ts';
import type { PutField } from '../../model/fields.ts';
import type { FieldList } from '../../model/json-fields.ts';
import { keys, type Key } from '../../model/key.ts';
import { REST } from '../../model/placement.ts';
import type { LogRecord } from '../../model/record.ts';
import { SEVERITY, severityOfStatus } from '../../model/severity.ts';
import type { Normalizer } from './normalize.ts';
import { opensObject, ownerOf } from './object-owner.ts';
import { listObject, ownFields, putObject, textOf, type Reader } from './own-fields.ts';
import { infer, WORD, type Word } from './words.ts';

/** Values of the flow from which others follow; `end < 0` where it has them not. */
class Seen {
  buf: Uint8Array = new Uint8Array(0);
  start = 0;
  end = -1;

  readonly read: Reader = (_record, _key, buf, start, end) => {
    this.buf = buf;
    this.start = start;
    this.end = end;
    return REST;
  };

  is(word: Uint8Array): boolean {
    if (this.end - this.start !== word.length) return false;
    for (let i = 0; i < word.length; i++) if (this.buf[this.start + i] !== word[i]) return false;
    return true;
  }
}

const verdict = new Seen();
const direction = new Seen();
const reason = new Seen();
const reasonCode = new Seen();
const eventType = new Seen();
const flowType = new Seen();
const sourceWorkloads = new Seen();
const destinationWorkloads = new Seen();

const OWN: Readonly<Record<string, Reader>> = {
  verdict: verdict.read,
  traffic_direction: direction.read,
  drop_reason_desc: reason.read,
  drop_reason: reasonCode.read,
  'event_type.type': eventType.read,
  Type: flowType.read,
  'source.workloads': sourceWorkloads.read,
  'destination.workloads': destinationWorkloads.read,
  node_name: textOf(C.node),
  Summary: textOf(C.body),
};

/** In Hubble's envelope each name stands behind `flow.`; the envelope says the node once more. */
const bothForms = (own: Readonly<Record<string, Reader>>): PutField =>
  ownFields({
    ...own,
    ...Object.fromEntries(Object.entries(own).map(([name, reader]) => [`flow.${name}`, reader])),
  });

const put = bothForms({
  ...OWN,
  'source.identity': textOf(C.source_identity),
  'destination.identity': textOf(C.destination_identity),
});

/** A reply is sent by whom was called: the record says who called. */
const putReply = bothForms({
  ...OWN,
  'source.identity': textOf(C.destination_identity),
  'destination.identity': textOf(C.source_identity),
});

const REPLIES = new Set([keys.of('is_reply'), keys.of('flow.is_reply')]);

const isReply = (list: FieldList): boolean => {
  for (let i = list.count - 1; i >= 0; i--) {
    if (!REPLIES.has(list.gaps[i]?.key as Key)) continue;
    // Of true, false and null, true is told by its first letter.
    return list.bufs[i]?.[list.starts[i] as number] === 0x74;
  }
  return false;
};

const words = (...texts: string[]): readonly Uint8Array[] =>
  texts.map((text) => new TextEncoder().encode(text));

const [FORWARDED, REDIRECTED, DROPPED, AUDIT, ERROR] = words(
  'FORWARDED',
  'REDIRECTED',
  'DROPPED',
  'AUDIT',
  'ERROR',
) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
const [INGRESS, EGRESS, L7] = words('INGRESS', 'EGRESS', 'L7') as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
/** Cilium's drop reasons that are a policy's: denied, denied by a rule, unauthenticated. */
const BY_POLICY = words('POLICY_DENIED', 'POLICY_DENY', 'AUTH_REQUIRED', '133', '181', '189');
/** `MessageTypePolicyVerdict` of Cilium's monitor. */
const POLICY_VERDICT = words('5')[0] as Uint8Array;

const PROTOCOLS: readonly (readonly [name: string, word: Word])[] = [
  ['l7.dns.', WORD.DNS],
  ['l7.kafka.', WORD.Kafka],
  ['l4.TCP.', WORD.TCP],
  ['l4.UDP.', WORD.UDP],
  ['l4.SCTP.', WORD.SCTP],
  ['l4.ICMPv4.', WORD.ICMPv4],
  ['l4.ICMPv6.', WORD.ICMPv6],
];

/** By the id of a name: which of the protocols it tells; the first ones say more. */
const told: number[] = [];

const protocolOf = (key: Key): number => {
  const known = key.id < 0 ? undefined : told[key.id];
  if (known !== undefined) return known;
  const name = key.text.startsWith('flow.') ? key.text.slice(5) : key.text;
  const found = PROTOCOLS.findIndex(([start]) => name.startsWith(start));
  const rank = found < 0 ? PROTOCOLS.length : found;
  if (key.id >= 0) told[key.id] = rank;
  return rank;
};

const findProtocol = (list: FieldList): number => {
  let best = PROTOCOLS.length;
  for (let i = 0; i < list.count; i++) best = Math.min(best, protocolOf(list.gaps[i]?.key as Key));
  return best;
};

const NAME = words('"name"')[0] as Uint8Array;

/** The first workload's name of `[{"name":"client","kind":"Deployment"}]`. */
const putWorkload = (record: LogRecord, column: number, { buf, start, end }: Seen): void => {
  if (end < 0 || record.has(column)) return;
  for (let at = start; at + NAME.length < end; at++) {
    let i = 0;
    while (i < NAME.length && buf[at + i] === NAME[i]) i++;
    if (i < NAME.length) continue;
    at += NAME.length;
    while (at < end && (buf[at] === 0x20 || buf[at] === 0x3a)) at++;
    const from = at + 1;
    let to = from;
    while (to < end && buf[to] !== 0x22 && buf[to] !== 0x5c) to++;
    if (buf[at] === 0x22 && buf[to] === 0x22 && to > from) record.set(column, buf, from, to);
    return;
  }
};

const isByPolicy = (): boolean =>
  eventType.is(POLICY_VERDICT) ||
  flowType.is(L7) ||
  BY_POLICY.some((word) => reason.is(word) || (reason.end < 0 && reasonCode.is(word)));

const decide = (record: LogRecord): void => {
  if (verdict.is(AUDIT)) infer(record, C.policy_decision, WORD.audit);
  else if (verdict.is(DROPPED)) {
    if (isByPolicy()) infer(record, C.policy_decision, WORD.deny);
  } else if (eventType.is(POLICY_VERDICT) && (verdict.is(FORWARDED) || verdict.is(REDIRECTED)))
    infer(record, C.policy_decision, WORD.allow);
};

const rate = (record: LogRecord): void => {
  const { numbers } = record;
  if (numbers[C.severity] !== 0) return;
  const status = numbers[C.status] as number;
  numbers[C.severity] = verdict.is(ERROR)
    ? SEVERITY.error
    : verdict.is(DROPPED)
      ? SEVERITY.warn
      : status > 0
        ? severityOfStatus(status)
        : SEVERITY.info;
};

const concludeFlow = (record: LogRecord, protocol: number, reply: boolean): void => {
  infer(record, C.kind, WORD.flow);
  infer(record, C.mesh, WORD.cilium);
  if (direction.is(INGRESS)) infer(record, C.direction, WORD.inbound);
  else if (direction.is(EGRESS)) infer(record, C.direction, WORD.outbound);
  const told = PROTOCOLS[protocol];
  if (told !== undefined) infer(record, C.protocol, told[1]);
  putWorkload(record, C.source_service, reply ? destinationWorkloads : sourceWorkloads);
  putWorkload(record, C.destination_service, reply ? sourceWorkloads : destinationWorkloads);
  decide(record);
  rate(record);
  record.structured = true;
};

const forget = (): void => {
  for (const seen of [verdict, direction, reason, reasonCode, eventType, flowType]) seen.end = -1;
  sourceWorkloads.end = -1;
  destinationWorkloads.end = -1;
};

/**
 * Cilium Hubble's flows as JSON, in the envelope of `hubble observe -o json` and of the exporter
 * (`{"flow":{...},"node_name":...,"time":...}`) and without it (Cilium, flow.proto).
 */
export const hubble: Normalizer = {
  name: 'hubble',
  opens: '{ \t',

  recognises: (line, start, end) => opensObject(line, start, end),

  normalize(record) {
    const list = listObject(record);
    if (list === undefined || ownerOf(list) !== 'hubble') return false;
    forget();
    const protocol = findProtocol(list);
    const reply = isReply(list);
    putObject(record, list, reply ? putReply : put);
    concludeFlow(record, protocol, reply);
    return true;
  },
};
