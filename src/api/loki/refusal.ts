import { MeshtrailError } from '../../model/errors.ts';
import { LogqlError } from '../../query/logql/errors.ts';
import type { ApiReply } from '../exchange.ts';

/** A request that cannot be answered as it is, in Loki's words. */
export class LokiRefusal extends MeshtrailError {
  constructor(message: string) {
    super('query_parameter', message);
    this.name = 'LokiRefusal';
  }
}

/** 499 is what Loki logs for a client that went away. */
const STATUS: Readonly<Record<string, number>> = {
  query_cancelled: 499,
  query_timeout: 504,
  query_memory: 422,
  engine_unavailable: 503,
  query_failed: 500,
};

const WORDS: Readonly<Record<string, string>> = {
  query_cancelled: 'the request was cancelled by the client',
  query_timeout:
    'request timed out, decrease the duration of the request or add more label matchers ' +
    '(prefer exact match over regex match) to reduce the amount of data processed',
};

/** Errors are plain text; whatever is not ours is thrown on. */
export const refusalReply = (error: unknown): ApiReply => {
  if (!(error instanceof MeshtrailError)) throw error;
  const { code, message, hint } = error;
  const known = error instanceof LogqlError || error instanceof LokiRefusal;
  const words = known || hint === '' ? message : `${message}. ${hint}`;
  return textReply(STATUS[code] ?? 400, WORDS[code] ?? words);
};

export const textReply = (status: number, body: string): ApiReply => ({
  status,
  headers: {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
  },
  body,
});

export const jsonReply = (body: string | AsyncIterable<string>): ApiReply => ({
  status: 200,
  headers: { 'content-type': 'application/json; charset=UTF-8' },
  body,
});
