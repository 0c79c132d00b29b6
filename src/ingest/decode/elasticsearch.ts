import { makeId, storedItem } from './bulk-reply.ts';
import { Target } from './bulk-target.ts';
import { decodeBulk, ONLY_CREATE } from './bulk.ts';
import type { DecodeRequest, EventSink, HttpDecoder, Reply } from './decode.ts';
import { handshake, infoReply, noHandler } from './elasticsearch-handshake.ts';
import { answerNamed, matchesDefined, namedBy } from './elasticsearch-named.ts';
import {
  errorReply,
  filterOf,
  jsonReply,
  parameter,
  plainError,
  refusalReply,
  textReply,
  wrongMethod,
} from './elasticsearch-reply.ts';
import { inflate } from './inflate.ts';
import { DocumentReader } from './ndjson-document.ts';

/**
 * Elasticsearch's ingest side (elastic REST API 7 to 9, and what OpenSearch's clients use of it):
 * bulk requests, single documents, and the handshake around them. Answered without state, so that
 * the same requests get the same answers.
 */
export const createElasticsearch = (): HttpDecoder => ({
  name: 'elasticsearch',
  native: 'elasticsearch',
  mount: '/elastic',
  // Every path: what is not known is refused in Elasticsearch's words.
  routes: [{ method: '*', path: '/*' }],
  named: ({ path }) => {
    const found = namedBy(wordsOf(path));
    if (found === undefined) return undefined;
    return { kind: found.kind, matches: (name) => matchesDefined(found.name, name) };
  },
  decode: route,
  refuse: refusalReply,
});

const word = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

const wordsOf = (path: string): string[] => path.split('/', 8).filter(Boolean).map(word);

const route = (request: DecodeRequest, sink: EventSink): Reply => {
  const { method, path } = request;
  const words = wordsOf(path);
  const [first, second] = words;
  if (first === undefined) {
    return method === 'GET' || method === 'HEAD'
      ? infoReply(request)
      : wrongMethod(request, 'GET, HEAD');
  }
  // Also `/{index}/{type}/_bulk`, as senders for Elasticsearch 6 have it.
  if (words.length <= 3 && words[words.length - 1] === '_bulk') {
    const index = words.length > 1 ? first : undefined;
    const writes = method === 'POST' || method === 'PUT';
    return writes ? bulk(request, index, sink) : wrongMethod(request, 'POST, PUT');
  }
  const named = first === '_alias' ? undefined : namedBy(words);
  if (named !== undefined) return answerNamed(request, named, () => textOf(request, sink));
  if (first.startsWith('_') || second === undefined) {
    return handshake(request, words, sink.observedSec);
  }
  if (second.startsWith('_') && second !== '_doc' && second !== '_create') {
    return aboutIndex(request, words, sink);
  }
  return document(request, words, sink);
};

/** A body that is JSON or nothing, as text; or the reply that says why it is not. */
const textOf = (request: DecodeRequest, sink: EventSink): string | Reply => {
  const body = bodyOf(request, sink);
  if (!(body instanceof Uint8Array)) return body;
  const text = decoder.decode(body).trim();
  if (text === '') return '{}';
  try {
    JSON.parse(text);
    return text;
  } catch {
    return errorReply(request, 400, 'parse_exception', 'Failed to parse content to map');
  }
};

const decoder = new TextDecoder();

/** `/{index}/_mapping` and its like: settings are acknowledged, and there are none to be read. */
const aboutIndex = (request: DecodeRequest, words: readonly string[], sink: EventSink): Reply => {
  const { method } = request;
  const [index = '', second = ''] = words;
  switch (second) {
    case '_update':
      return appendOnly(request, 'update', sink);
    case '_refresh':
    case '_flush':
      return jsonReply(request, 200, { _shards: { total: 1, successful: 1, failed: 0 } });
    case '_mapping':
    case '_mappings':
    case '_settings':
    case '_alias':
    case '_aliases':
      if (words.length > 3) return noHandler(request);
      if (method === 'PUT' || method === 'POST') {
        return jsonReply(request, 200, { acknowledged: true });
      }
      return errorReply(request, 404, 'index_not_found_exception', `no such index [${index}]`, {
        index,
      });
    default:
      return noHandler(request);
  }
};

const appendOnly = (request: DecodeRequest, action: string, sink: EventSink): Reply => {
  sink.reject('append_only', request.body.subarray(0, SAMPLE_BYTES));
  const reason = `Meshtrail is append-only: [${action}] is not supported`;
  return errorReply(request, 400, 'illegal_argument_exception', reason);
};

const SAMPLE_BYTES = 256;

const TYPES = new Set([
  '',
  'application/json',
  'application/x-ndjson',
  'application/vnd.elasticsearch+json',
  'application/vnd.elasticsearch+x-ndjson',
]);

/** The body to be read, or the reply that says why it cannot be. */
const bodyOf = (request: DecodeRequest, sink: EventSink): Uint8Array | Reply => {
  const { headers, body } = request;
  const refuse = (code: string, reply: Reply): Reply => {
    sink.reject(code, body.subarray(0, SAMPLE_BYTES));
    return reply;
  };
  const given = headers['content-type'] ?? '';
  if (!TYPES.has((given.split(';', 1)[0] ?? '').trim().toLowerCase())) {
    const error = `Content-Type header [${given.slice(0, 256)}] is not supported`;
    return refuse('unsupported_media_type', plainError(request, 406, error));
  }
  const inflated = inflate(headers['content-encoding'], body);
  if (inflated.ok) return inflated.bytes;
  if (inflated.reason === 'too_large')
    return refuse('too_large', refusalReply('too_large', request));
  const encoding = (headers['content-encoding'] ?? '').slice(0, 256);
  const type = 'illegal_argument_exception';
  if (inflated.reason === 'malformed') {
    const reason = `the body is not valid ${encoding}`;
    return refuse('malformed_body', errorReply(request, 400, type, reason));
  }
  const reason = `Content-Encoding [${encoding}] is not supported`;
  return refuse('unknown_encoding', errorReply(request, 415, type, reason));
};

const bulk = (request: DecodeRequest, index: string | undefined, sink: EventSink): Reply => {
  const body = bodyOf(request, sink);
  if (!(body instanceof Uint8Array)) return body;
  const outcome = decodeBulk(body, index, filterOf(request.query), sink);
  if (outcome.ok) return textReply(request, 200, outcome.text);
  sink.reject(outcome.code, body.subarray(0, SAMPLE_BYTES));
  return errorReply(request, outcome.status, outcome.type, outcome.reason);
};

const documents = new DocumentReader();
const encoder = new TextEncoder();

/**
 * `POST /{index}/_doc`, `PUT|POST /{index}/_doc/{id}` and `_create/{id}`; the same under a type's
 * name, as rsyslog's `POST /{index}/events` has it.
 */
const document = (request: DecodeRequest, words: readonly string[], sink: EventSink): Reply => {
  const [index = '', type = '', id] = words;
  const { method } = request;
  if (words.length > 3) return noHandler(request);
  if (method === 'DELETE' && id !== undefined) return appendOnly(request, 'delete', sink);
  if (method !== 'POST' && (method !== 'PUT' || id === undefined)) {
    return id === undefined ? wrongMethod(request, 'POST') : noHandler(request);
  }
  if (type === '_create' && id === undefined) return noHandler(request);
  const isCreate = type === '_create' || parameter(request.query, 'op_type') === 'create';
  if (id !== undefined && !isCreate && Target.of(index).isStream) {
    sink.reject('only_create', request.body.subarray(0, SAMPLE_BYTES));
    return errorReply(request, 400, 'illegal_argument_exception', ONLY_CREATE);
  }
  return store(request, index, id, sink);
};

const store = (
  request: DecodeRequest,
  index: string,
  id: string | undefined,
  sink: EventSink,
): Reply => {
  const body = bodyOf(request, sink);
  if (!(body instanceof Uint8Array)) return body;
  // The document is the JSON text, not what stands around it.
  let start = 0;
  let end = body.length;
  while (start < end && (body[start] as number) <= 0x20) start++;
  while (end > start && (body[end - 1] as number) <= 0x20) end--;
  if (start === end) {
    sink.reject('empty_body', body.subarray(0, SAMPLE_BYTES));
    return errorReply(request, 400, 'parse_exception', 'request body is required');
  }
  const record = documents.read(sink, body, start, end);
  if (record === undefined) {
    sink.reject('malformed_document', body.subarray(start, start + SAMPLE_BYTES));
    const reason = 'failed to parse: the document is not a JSON object';
    return errorReply(request, 400, 'mapper_parsing_exception', reason);
  }
  const given = id === undefined ? NO_BYTES : encoder.encode(id);
  const target = Target.of(index);
  target.stamp(record, given, 0, given.length);
  target.identify(record, given, 0, given.length, { body, start, end });
  sink.commit();
  const name = id ?? makeId(body);
  const reply = jsonReply(request, 201, storedItem(index, name));
  const location = `/${encodeURIComponent(index)}/_doc/${encodeURIComponent(name)}`;
  return { ...reply, headers: { ...reply.headers, location } };
};

const NO_BYTES = new Uint8Array(0);
