import type { DecodeRequest, Refusal, Reply } from './decode.ts';
import { applyFilter, parseFilter, type Json, type ReplyFilter } from './elasticsearch-filter.ts';

/**
 * Elasticsearch's replies: the product header that official clients insist on, the media type in
 * the version that was asked for, errors in Elasticsearch's form, `filter_path`.
 */
export type Asked = Pick<DecodeRequest, 'headers'> & {
  readonly method?: string;
  readonly query?: string;
};

const PRODUCT = { 'x-elastic-product': 'Elasticsearch' };

/** Major versions whose compatibility media type is answered in kind. */
const COMPATIBLE =
  /application\/vnd\.elasticsearch\+[\w-]+\s*;\s*compatible-with\s*=\s*"?([789])\b/i;

/** The compatibility version that the client asked for, undefined for plain JSON. */
export const compatibleWith = (headers: Asked['headers']): string | undefined => {
  // As Elasticsearch does: without Accept, the content type says what the client speaks.
  const asked = headers['accept'] ?? headers['content-type'] ?? '';
  return COMPATIBLE.exec(asked.slice(0, 512))?.[1];
};

const headersFor = (asked: Asked): Record<string, string> => {
  const version = compatibleWith(asked.headers);
  const type =
    version === undefined
      ? 'application/json'
      : `application/vnd.elasticsearch+json;compatible-with=${version}`;
  return { ...PRODUCT, 'content-type': type };
};

/** The value of a query parameter, decoded; undefined where it is absent. */
export const parameter = (query: string, name: string): string | undefined =>
  new URLSearchParams(query).get(name) ?? undefined;

export const filterOf = (query: string): ReplyFilter | undefined => {
  if (!query.includes('filter_path')) return undefined;
  return parseFilter(parameter(query, 'filter_path') ?? '');
};

/** A reply whose JSON text is made already. */
export const textReply = (asked: Asked, status: number, text: string): Reply => ({
  status,
  headers: headersFor(asked),
  body: asked.method === 'HEAD' ? '' : text,
});

export const jsonReply = (asked: Asked, status: number, body: Json): Reply => {
  const filter = filterOf(asked.query ?? '');
  const shown = filter === undefined ? body : applyFilter(filter, body);
  return textReply(asked, status, JSON.stringify(shown));
};

/** `{"error":{"root_cause":[...],"type","reason"},"status"}`. */
export const errorReply = (
  asked: Asked,
  status: number,
  type: string,
  reason: string,
  more: { [name: string]: Json } = {},
): Reply => {
  const cause = { type, reason, ...more };
  return jsonReply(asked, status, { error: { root_cause: [cause], ...cause }, status });
};

/** The short form that Elasticsearch's router uses. */
export const plainError = (asked: Asked, status: number, error: string): Reply =>
  jsonReply(asked, status, { error, status });

export const wrongMethod = (asked: Asked & { path: string }, allowed: string): Reply => {
  const uri = asked.path.slice(0, 256);
  const error = `Incorrect HTTP method for uri [${uri}] and method [${asked.method ?? ''}], allowed: [${allowed}]`;
  const reply = plainError(asked, 405, error);
  return { ...reply, headers: { ...reply.headers, allow: allowed } };
};

const REALM =
  'Basic realm="security", charset="UTF-8", Bearer realm="security", ApiKey realm="security"';

/** What the server itself refuses, in words that make clients retry, split or give up. */
export const refusalReply = (why: Refusal, { headers }: Pick<Asked, 'headers'>): Reply => {
  const asked = { headers };
  switch (why) {
    case 'busy': {
      const reason = 'rejected execution of coordinating operation: the journal is full';
      const reply = errorReply(asked, 429, 'es_rejected_execution_exception', reason);
      return { ...reply, headers: { ...reply.headers, 'retry-after': '2' } };
    }
    case 'too_large':
      return errorReply(asked, 413, 'content_too_long_exception', 'entity content is too long');
    case 'unauthorized': {
      const reason = 'missing or wrong authentication credentials for REST request';
      const reply = errorReply(asked, 401, 'security_exception', reason);
      return { ...reply, headers: { ...reply.headers, 'www-authenticate': REALM } };
    }
    case 'failed': {
      const reason = 'the journal could not be written, nothing was stored';
      return errorReply(asked, 503, 'unavailable_shards_exception', reason);
    }
  }
};
