import type { LogRecord } from '../../model/record.ts';

/** Our own words, in one buffer: each further buffer costs the batch a look-up. */
const WORDS = new TextEncoder().encode(
  'app access flow istio linkerd kuma consul cilium inbound outbound true allow deny audit ' +
    'TCP UDP SCTP ICMPv4 ICMPv6 DNS Kafka',
);
const range = (word: string): readonly [start: number, end: number] => {
  const at = ` ${decoder.decode(WORDS)} `.indexOf(` ${word} `);
  return [at, at + word.length];
};
const decoder = new TextDecoder();
export type Word = ReturnType<typeof range>;

export const WORD = Object.freeze({
  app: range('app'),
  access: range('access'),
  flow: range('flow'),
  istio: range('istio'),
  linkerd: range('linkerd'),
  kuma: range('kuma'),
  consul: range('consul'),
  cilium: range('cilium'),
  inbound: range('inbound'),
  outbound: range('outbound'),
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

/** Whether a column was set to this word by `infer`. */
export const isInferred = (record: LogRecord, column: number, word: Word): boolean =>
  record.starts[column] === word[0] && record.bufs[column] === WORDS;
