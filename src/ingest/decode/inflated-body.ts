import type { DecodeRequest, EventSink } from './decode.ts';
import { inflate } from './inflate.ts';

/** Why a body cannot be read: each is a reason for which it is refused, with its usual status. */
const STATUS = { too_large: 413, malformed_body: 400, unknown_encoding: 415 } as const;

export type BodyFault = keyof typeof STATUS;

export type Body =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly code: BodyFault; readonly status: number };

/** The request's body, inflated; counts what cannot be. */
export const bodyOf = (request: Pick<DecodeRequest, 'headers' | 'body'>, sink: EventSink): Body => {
  const { headers, body } = request;
  const inflated = inflate(headers['content-encoding'], body);
  if (inflated.ok) return inflated;
  const code = inflated.reason === 'malformed' ? 'malformed_body' : inflated.reason;
  sink.reject(code, body.subarray(0, SAMPLE_BYTES));
  return { ok: false, code, status: STATUS[code] };
};

/** The words of a fault, for replies. */
export const FAULT_WORDS: Readonly<Record<BodyFault, string>> = {
  too_large: 'the request is larger than the limit, as sent or unpacked',
  malformed_body: 'the body cannot be decompressed as its content-encoding says',
  unknown_encoding: 'the content-encoding is not known: send gzip, deflate, zstd or none',
};

/** Bytes of an item that is refused which are looked at again. */
export const SAMPLE_BYTES = 256;

/** The first bytes of an item that is refused. */
export const sampleOf = (buf: Uint8Array, start: number, end: number): Uint8Array =>
  buf.subarray(start, Math.min(end, start + SAMPLE_BYTES));
