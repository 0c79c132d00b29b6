import { countItems, METRIC_ITEMS } from './otlp-count.ts';
import type { DecodeRequest, EventSink, HttpDecoder, Refusal, Reply } from './decode.ts';
import { inflate } from './inflate.ts';
import { identified, LOKI_OTLP_PATH, lokiReply } from './loki-otlp.ts';
import { transcode } from './otlp-json.ts';
import { decodeProtobufLogs } from './otlp-protobuf.ts';
import { decodeProtobufTraces } from './otlp-traces.ts';
import { isJsonType, OtlpReply, replyTypeOf, type Signal } from './otlp-reply.ts';
import { LOGS_REQUEST, METRICS_REQUEST, TRACES_REQUEST, type JsonMessage } from './otlp-schema.ts';

/**
 * OTLP/HTTP (opentelemetry-proto, docs/specification.md, "OTLP/HTTP"): protobuf and JSON, answered
 * in the request's content type. Logs and traces are stored. Metrics are read, counted and refused
 * in a partial success that says so, which makes exporters neither retry nor complain.
 */
export const createOtlp = (): HttpDecoder => ({
  name: 'otlp',
  native: 'otlp-http',
  mount: '',
  routes: ['/v1/logs', '/v1/traces', '/v1/metrics'].flatMap((path) => [
    { method: 'POST', path },
    { method: 'POST', path: `/otlp${path}` },
  ]),
  decode: (request, sink) =>
    request.path === LOKI_OTLP_PATH
      ? lokiReply(decodeExport(request, identified(sink)))
      : decodeExport(request, sink),
  refuse: (why, request) => {
    const { status, message, retry } = REFUSALS[why];
    return new OtlpReply(replyTypeOf(request.headers)).status(status, message, retry);
  },
});

interface RefusalWords {
  readonly status: number;
  readonly message: string;
  /** Whether and after how many seconds the sender should try again. */
  readonly retry?: number;
}

const REFUSALS: Readonly<Record<Refusal, RefusalWords>> = {
  busy: { status: 503, message: 'the journal is full, retry later', retry: 1 },
  too_large: { status: 413, message: 'the request is larger than the server accepts' },
  unauthorized: { status: 401, message: 'a valid key is required' },
  failed: {
    status: 503,
    message: 'nothing was stored: the journal could not be written',
    retry: 1,
  },
};

const SIGNALS: Readonly<Record<string, Signal>> = {
  logs: 'logs',
  traces: 'traces',
  metrics: 'metrics',
};

const SCHEMAS: Readonly<Record<Signal, JsonMessage>> = {
  logs: LOGS_REQUEST,
  traces: TRACES_REQUEST,
  metrics: METRICS_REQUEST,
};

const decodeExport = (request: DecodeRequest, sink: EventSink): Reply => {
  const { headers, body } = request;
  const type = replyTypeOf(headers);
  const reply = new OtlpReply(type);
  const refuse = (reason: string, status: number, message: string): Reply => {
    sink.reject(reason, body);
    return reply.status(status, message);
  };
  if (type === undefined) {
    const message = 'Content-Type must be application/x-protobuf or application/json';
    return refuse('unknown_content_type', 415, message);
  }
  const inflated = inflate(headers['content-encoding'], body);
  if (!inflated.ok) {
    if (inflated.reason === 'too_large') {
      return refuse('too_large', REFUSALS.too_large.status, REFUSALS.too_large.message);
    }
    const encoding = headers['content-encoding'] ?? '';
    return inflated.reason === 'malformed'
      ? refuse('malformed_body', 400, `the body is not valid ${encoding}`)
      : refuse('unknown_encoding', 415, `Content-Encoding ${JSON.stringify(encoding)} is unknown`);
  }
  const signal = SIGNALS[request.path.slice(request.path.lastIndexOf('/') + 1)] ?? 'logs';
  let { bytes } = inflated;
  let rejected = 0;
  let why = '';
  if (isJsonType(type)) {
    const json = transcode(bytes, SCHEMAS[signal], (sample) => {
      sink.reject(signal === 'traces' ? 'bad_span' : 'bad_record', sample);
    });
    if (json.bytes === undefined) return refuse('malformed_json', 400, json.error);
    ({ bytes, rejected, why } = { bytes: json.bytes, rejected: json.rejected, why: json.why });
  }
  if (signal === 'metrics') return refuseMetrics(bytes, sink, reply);
  const decode = signal === 'logs' ? decodeProtobufLogs : decodeProtobufTraces;
  const items = decode(bytes, sink);
  if (!items.ok) {
    return refuse('malformed_protobuf', 400, `the body is no ${MESSAGES[signal]}`);
  }
  const total = rejected + items.rejected;
  const first = why === '' ? items.why : why;
  const message = total === 0 ? '' : `${total} ${ITEMS[signal]} were rejected: ${first}`;
  return reply.success(signal, total, message);
};

const MESSAGES = { logs: 'ExportLogsServiceRequest', traces: 'ExportTraceServiceRequest' } as const;
const ITEMS = { logs: 'log records', traces: 'spans' } as const;

/** Metric points are not kept: each is counted as rejected, and the reply says so. */
const refuseMetrics = (bytes: Uint8Array, sink: EventSink, reply: OtlpReply): Reply => {
  const count = countItems(bytes, METRIC_ITEMS);
  if (count < 0) {
    sink.reject('malformed_protobuf', bytes);
    return reply.status(400, 'the body is no ExportMetricsServiceRequest');
  }
  for (let i = 0; i < count; i++) sink.reject('metrics_not_stored', bytes);
  return reply.success('metrics', count, count === 0 ? '' : 'metrics are not stored yet');
};
