import { Token } from '../../model/token.ts';
import type { DecodeRequest, Reply } from './decode.ts';
import { queryOf } from './envelope-names.ts';
import { HEC, hecReply } from './hec-reply.ts';

/**
 * Indexer acknowledgement. A sender that names a channel gets an `ackId` with each answer and asks
 * later which of them are indexed. Our answer goes out after the request is durable, so that every
 * id that a sender holds is true: nothing is remembered, and a restart forgets nothing.
 *
 * An id stands for the request's content, its channel and the second of its receipt, in 53 bits, so
 * that no two requests that a sender waits for share one.
 */
const CHANNEL = /^[0-9a-z_.:-]{1,128}$/i;

/** The request's channel, '' where it has none. */
const nameOf = ({ headers, query }: DecodeRequest): string =>
  headers['x-splunk-request-channel'] ?? queryOf(query).get('channel') ?? '';

const token = new Token();
const KIND = 0x68656361;

/** The id of a request that names a channel. */
export const ackIdOf = (
  request: DecodeRequest,
  bytes: Uint8Array,
  observedSec: number,
): number | undefined => {
  const name = nameOf(request);
  if (name === '') return undefined;
  token.begin(KIND).text(name).bytes(bytes, 0, bytes.length).number(observedSec).end();
  return (token.high >>> 11) * 4_294_967_296 + (token.low >>> 0);
};

/** `{"acks":[1,2]}` is answered `{"acks":{"1":true,"2":true}}`. */
export const readAcks = (request: DecodeRequest, bytes: Uint8Array): Reply => {
  const name = nameOf(request);
  if (name === '') return hecReply(HEC.noChannel);
  if (!CHANNEL.test(name)) return hecReply(HEC.badChannel);
  const asked = idsOf(bytes);
  if (asked === undefined) return hecReply(HEC.badFormat);
  const acks = Object.fromEntries(asked.map((id) => [String(id), true]));
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=UTF-8' },
    body: JSON.stringify({ acks }),
  };
};

const idsOf = (bytes: Uint8Array): readonly number[] | undefined => {
  try {
    const { acks } = JSON.parse(new TextDecoder().decode(bytes)) as { acks?: unknown };
    if (!Array.isArray(acks)) return undefined;
    const ids = acks as unknown[];
    const isId = (id: unknown): id is number => Number.isSafeInteger(id) && (id as number) >= 0;
    return ids.every(isId) ? ids : undefined;
  } catch {
    return undefined;
  }
};
