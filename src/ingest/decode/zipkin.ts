import type { DecodeRequest, EventSink, HttpDecoder, Refusal, Reply } from './decode.ts';
import { inflate } from './inflate.ts';
import { checkJson, isArray, walkArray } from './json-walk.ts';
import { skipSpace, skipValue } from '../../model/json-text.ts';
import { newRepeatBudget, type RepeatBudget } from './span-repeat.ts';
import { quickly } from './span-text.ts';
import { readBinary, TYPE } from './thrift.ts';
import { ZipkinJson } from './zipkin-json.ts';
import { listProtobufSpans, readProtobufSpan } from './zipkin-protobuf.ts';
import { giveSpan } from './zipkin-span.ts';
import { readThriftSpan } from './zipkin-thrift.ts';
import { convertV1, type V1Span } from './zipkin-v1.ts';

/**
 * Zipkin's collector over HTTP (openzipkin/zipkin-api; openzipkin/zipkin, ZipkinHttpCollector):
 *
 *     POST /api/v2/spans   JSON; application/x-protobuf
 *     POST /api/v1/spans   JSON; application/x-thrift, a list in TBinaryProtocol
 *
 * Answers 202 without a body. A list that is none, or of another encoding than the path and the
 * content type say, is answered with 400 and Zipkin's words, and nothing of it is stored. A bad
 * span in a good list costs itself alone: it is counted, and the others are taken.
 */
const PREFIXES = ['', '/zipkin'];
const POSTS = ['/api/v2/spans', '/api/v1/spans'];
/** What clients and load balancers look at before they send. */
const GETS = ['/health', '/info'];

export const createZipkin = (): HttpDecoder => ({
  name: 'zipkin',
  native: 'zipkin',
  mount: '',
  routes: PREFIXES.flatMap((prefix) => [
    ...POSTS.map((path) => ({ method: 'POST', path: prefix + path })),
    ...GETS.map((path) => ({ method: 'GET', path: prefix + path, open: true })),
  ]),
  decode: decodeRequest,
  refuse: (why) => REFUSALS[why],
});

const TEXT = { 'content-type': 'text/plain; charset=utf-8' };
const JSON_TYPE = { 'content-type': 'application/json' };

const text = (status: number, message: string): Reply => ({
  status,
  headers: TEXT,
  body: `${message}\n`,
});

const TOO_LARGE = text(413, 'The request is larger than the server accepts');

const REFUSALS: Readonly<Record<Refusal, Reply>> = {
  busy: {
    ...text(503, 'The journal is full, retry later'),
    headers: { ...TEXT, 'retry-after': '1' },
  },
  too_large: TOO_LARGE,
  unauthorized: text(401, 'A valid key is required'),
  failed: text(500, 'Nothing was stored: the journal could not be written'),
};

const ACCEPTED: Reply = { status: 202, headers: {}, body: '' };
const HEALTH = { status: 'UP', zipkin: { status: 'UP' } };
const INFO = { zipkin: { version: 'meshtrail' } };

type Codec = 'JSON_V1' | 'JSON_V2' | 'PROTO3' | 'THRIFT';

/** Whatever else a content type says, the body is JSON, as Zipkin takes it. */
const codecOf = ({ path, headers }: DecodeRequest): Codec => {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (path.endsWith('/api/v1/spans')) {
    return type === 'application/x-thrift' ? 'THRIFT' : 'JSON_V1';
  }
  return type === 'application/x-protobuf' ? 'PROTO3' : 'JSON_V2';
};

/** How a body that is no list of its codec is counted. */
const MALFORMED: Readonly<Record<Codec, string>> = {
  JSON_V1: 'malformed_json',
  JSON_V2: 'malformed_json',
  PROTO3: 'malformed_protobuf',
  THRIFT: 'malformed_thrift',
};

const decodeRequest = (request: DecodeRequest, sink: EventSink): Reply => {
  const { headers, body, path } = request;
  if (path.endsWith('/health')) return { status: 200, headers: JSON_TYPE, body: json(HEALTH) };
  if (path.endsWith('/info')) return { status: 200, headers: JSON_TYPE, body: json(INFO) };
  const refuse = (reason: string, reply: Reply): Reply => {
    sink.reject(reason, body);
    return reply;
  };
  const inflated = inflate(headers['content-encoding'], body);
  if (!inflated.ok) {
    if (inflated.reason === 'too_large') return refuse('too_large', TOO_LARGE);
    const encoding = (headers['content-encoding'] ?? '').slice(0, 100);
    return inflated.reason === 'malformed'
      ? refuse('malformed_body', text(400, `Malformed ${encoding} body`))
      : refuse('unknown_encoding', text(415, `Unknown content-encoding: ${encoding}`));
  }
  const { bytes } = inflated;
  const codec = codecOf(request);
  if (bytes.length === 0) return refuse('empty_body', text(400, 'Empty POST body'));
  const fault = READERS[codec](bytes, sink);
  if (fault === undefined) return ACCEPTED;
  const reason = fault === 'other' ? 'wrong_codec' : MALFORMED[codec];
  const message =
    fault === 'other'
      ? `Expected a ${codec} encoded list`
      : `Malformed reading List<Span> from ${FORMATS[codec]}`;
  return refuse(reason, text(400, message));
};

const json = (value: object): string => JSON.stringify(value);

const FORMATS: Readonly<Record<Codec, string>> = {
  JSON_V1: 'json',
  JSON_V2: 'json',
  PROTO3: 'proto3',
  THRIFT: 'TBinary',
};

/** Why a body is no list: it is broken, or written in another encoding. */
type Fault = 'broken' | 'other' | undefined;

const readJson = (bytes: Uint8Array, sink: EventSink, expected: 'v1' | 'v2'): Fault => {
  const first = bytes.find((byte) => byte > 0x20);
  if (first !== 0x5b) return first === 0x7b ? 'broken' : 'other';
  const root = checkJson(bytes);
  if (root < 0 || !isArray(bytes, root)) return 'broken';
  const reader = new ZipkinJson(bytes);
  const budget = newRepeatBudget();
  // Senders write all spans alike: the first tells for all.
  const model = reader.model(skipSpace(bytes, root + 1, bytes.length));
  if (model !== 'either' && model !== expected) return 'other';
  walkArray(bytes, root, (at) => {
    const sample = (): Uint8Array => bytes.subarray(at, skipValue(bytes, at, bytes.length));
    if (expected === 'v1') giveV1(reader.v1(at), budget, sink, sample);
    else {
      const span = reader.v2(at);
      if (span === undefined) sink.reject('bad_span', sample());
      else giveSpan(span, sink, sample);
    }
    return reader.after;
  });
  return undefined;
};

/** One span of the first model may be several, which repeat its name. */
export const giveV1 = (
  span: V1Span | undefined,
  budget: RepeatBudget,
  sink: EventSink,
  sample: () => Uint8Array,
): void => {
  if (span === undefined) {
    sink.reject('bad_span', sample());
    return;
  }
  const halves = convertV1(span);
  const repeated = (halves.length - 1) * (span.base.name.length + HALF_BYTES);
  if (!budget.take(repeated)) sink.reject('resource_too_large', sample());
  else for (const half of halves) giveSpan(half, sink, sample);
};

/** What a half costs beside its name and its own annotations. */
const HALF_BYTES = 64;

const readProtobuf = (body: Uint8Array, sink: EventSink): Fault => {
  const bytes = quickly(body);
  const isList = listProtobufSpans(bytes, (start, end) => {
    const sample = (): Uint8Array => bytes.subarray(start, end);
    const span = readProtobufSpan(bytes, start, end);
    if (span === undefined) sink.reject('bad_span', sample());
    else giveSpan(span, sink, sample);
  });
  if (isList) return undefined;
  return bytes[0] === 0x0a ? 'broken' : 'other';
};

const readThrift = (bytes: Uint8Array, sink: EventSink): Fault => {
  if (bytes[0] !== TYPE.struct) return 'other';
  const check = readBinary(bytes);
  check.skip(TYPE.list);
  if (check.bad || check.pos !== bytes.length) return 'broken';
  const reader = readBinary(bytes);
  const budget = newRepeatBudget();
  const count = reader.list();
  for (let i = 0; i < count; i++) {
    const start = reader.pos;
    const span = readThriftSpan(reader);
    giveV1(span, budget, sink, () => bytes.subarray(start, reader.pos));
  }
  return undefined;
};

const READERS: Readonly<Record<Codec, (bytes: Uint8Array, sink: EventSink) => Fault>> = {
  JSON_V1: (bytes, sink) => readJson(bytes, sink, 'v1'),
  JSON_V2: (bytes, sink) => readJson(bytes, sink, 'v2'),
  PROTO3: readProtobuf,
  THRIFT: readThrift,
};
