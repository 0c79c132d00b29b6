import type { DecodeRequest, Refusal, Reply } from './decode.ts';

/** What the collector says: text, code and status (Splunk, "Possible error codes"). */
export interface HecCode {
  readonly text: string;
  readonly code: number;
  readonly status: number;
}

const word = (status: number, code: number, text: string): HecCode => ({ status, code, text });

export const HEC = {
  success: word(200, 0, 'Success'),
  tokenRequired: word(401, 2, 'Token is required'),
  badAuthorization: word(401, 3, 'Invalid authorization'),
  badToken: word(403, 4, 'Invalid token'),
  noData: word(400, 5, 'No data'),
  badFormat: word(400, 6, 'Invalid data format'),
  busy: word(503, 9, 'Server is busy'),
  failed: word(500, 8, 'Internal server error'),
  noChannel: word(400, 10, 'Data channel is missing'),
  badChannel: word(400, 11, 'Invalid data channel'),
  eventRequired: word(400, 12, 'Event field is required'),
  eventBlank: word(400, 13, 'Event field cannot be blank'),
  healthy: word(200, 17, 'HEC is healthy'),
  tooLarge: word(413, 27, 'Request entity too large'),
} as const;

/** The first bad event of a request: why, and its place, counted from 0. */
export interface BadEvent {
  readonly code: HecCode;
  readonly event: number;
}

const HEADERS = { 'content-type': 'application/json; charset=UTF-8' };
const LATER = { ...HEADERS, 'retry-after': '2' };

/** @param ackId the id by which the sender may ask whether the request is durable */
export const hecReply = (
  { status, code, text }: HecCode,
  event?: number,
  ackId?: number,
): Reply => ({
  status,
  headers: status >= 500 ? LATER : HEADERS,
  body: JSON.stringify({
    text,
    code,
    ...(event !== undefined && { 'invalid-event-number': event }),
    ...(ackId !== undefined && { ackId }),
  }),
});

/** Schemes under which a token may come. */
const SCHEMES = /^(splunk|bearer|basic|apikey)\s+\S/i;

export const refusalOf = (
  why: Refusal,
  { headers, query = '' }: Pick<DecodeRequest, 'headers'> & { readonly query?: string },
): Reply => {
  switch (why) {
    case 'busy':
      return hecReply(HEC.busy);
    case 'too_large':
      return hecReply(HEC.tooLarge);
    case 'failed':
      return hecReply(HEC.failed);
    case 'unauthorized': {
      const given = headers['authorization'];
      if (given === undefined) {
        return hecReply(/(^|&)token=/.test(query) ? HEC.badToken : HEC.tokenRequired);
      }
      return hecReply(SCHEMES.test(given) ? HEC.badToken : HEC.badAuthorization);
    }
  }
};
