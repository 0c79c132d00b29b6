import type { DecodeRequest, EventSink, HttpDecoder, Refusal, Reply } from './decode.ts';
import { inflate } from './inflate.ts';
import { giveBatch } from './jaeger-thrift.ts';
import { readBinary } from './thrift.ts';

/**
 * Jaeger's collector over HTTP (jaegertracing/jaeger, collector/app/handler/http_handler.go):
 * `POST /api/traces` takes one Batch in TBinaryProtocol and answers 202 without a body. What is no
 * batch is answered with 400; a bad span in a good batch is counted, and the others are taken.
 */
export const createJaegerHttp = (): HttpDecoder => ({
  name: 'jaeger-http',
  native: 'jaeger-http',
  mount: '/jaeger',
  routes: [{ method: 'POST', path: '/api/traces' }],
  decode: decodeRequest,
  refuse: (why) => REFUSALS[why],
});

const TYPES = new Set(['application/x-thrift', 'application/vnd.apache.thrift.binary']);
const TEXT = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };

const text = (status: number, message: string): Reply => ({
  status,
  headers: TEXT,
  body: `${message}\n`,
});

const REFUSALS: Readonly<Record<Refusal, Reply>> = {
  busy: {
    ...text(503, 'Cannot submit Jaeger batch: the journal is full, retry later'),
    headers: { ...TEXT, 'retry-after': '1' },
  },
  too_large: text(413, 'Unable to process request body: larger than the server accepts'),
  unauthorized: text(401, 'A valid key is required'),
  failed: text(500, 'Cannot submit Jaeger batch: the journal could not be written'),
};

const ACCEPTED: Reply = { status: 202, headers: {}, body: '' };

const decodeRequest = ({ headers, body }: DecodeRequest, sink: EventSink): Reply => {
  const refuse = (reason: string, reply: Reply): Reply => {
    sink.reject(reason, body);
    return reply;
  };
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === '') {
    return refuse('no_content_type', text(400, 'Cannot parse content type: mime: no media type'));
  }
  if (!TYPES.has(type)) {
    const message = `Unsupported content type: ${type.slice(0, 100).replace(/[^\w/.+-]/g, '?')}`;
    return refuse('unknown_content_type', text(400, message));
  }
  const inflated = inflate(headers['content-encoding'], body);
  if (!inflated.ok) {
    if (inflated.reason === 'too_large') return refuse('too_large', REFUSALS.too_large);
    const reason = inflated.reason === 'malformed' ? 'malformed_body' : 'unknown_encoding';
    return refuse(reason, text(400, 'Unable to process request body: content encoding'));
  }
  const { bytes } = inflated;
  if (giveBatch(() => readBinary(bytes), sink) >= 0) return ACCEPTED;
  return refuse('malformed_thrift', text(400, 'Unable to process request body: no Jaeger batch'));
};
