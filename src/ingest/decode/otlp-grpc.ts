import type { EventSink, GrpcAnswer, GrpcCall, GrpcDecoder, GrpcSession } from './decode.ts';
import { countItems, METRIC_ITEMS } from './otlp-count.ts';
import { decodeProtobufLogs, type DecodedItems } from './otlp-protobuf.ts';
import { OtlpReply, type Signal } from './otlp-reply.ts';
import { decodeProtobufTraces } from './otlp-traces.ts';

/**
 * OTLP/gRPC (opentelemetry-proto, docs/specification.md, "OTLP/gRPC"): three unary methods. Logs
 * and traces are stored; metrics are read, counted and refused in a partial success that says so,
 * which makes exporters neither retry nor complain.
 */
export const createOtlpGrpc = (): GrpcDecoder => ({
  name: 'otlp-grpc',
  native: 'otlp-grpc',
  methods: [...SIGNALS.keys()].map((path) => ({ path, stream: false })),
  open: ({ path }: GrpcCall) => sessionOf(SIGNALS.get(path) ?? 'logs'),
});

const SIGNALS: ReadonlyMap<string, Signal> = new Map([
  ['/opentelemetry.proto.collector.logs.v1.LogsService/Export', 'logs'],
  ['/opentelemetry.proto.collector.trace.v1.TraceService/Export', 'traces'],
  ['/opentelemetry.proto.collector.metrics.v1.MetricsService/Export', 'metrics'],
]);

const WORDS = {
  logs: { message: 'ExportLogsServiceRequest', items: 'log records' },
  traces: { message: 'ExportTraceServiceRequest', items: 'spans' },
  metrics: { message: 'ExportMetricsServiceRequest', items: 'data points' },
} as const;

const INVALID_ARGUMENT = 3;
const reply = new OtlpReply('application/x-protobuf');

const decode = (signal: Signal, bytes: Uint8Array, sink: EventSink): DecodedItems => {
  if (signal === 'logs') return decodeProtobufLogs(bytes, sink);
  if (signal === 'traces') return decodeProtobufTraces(bytes, sink);
  const count = countItems(bytes, METRIC_ITEMS);
  for (let i = 0; i < count; i++) sink.reject('metrics_not_stored', bytes);
  return { ok: count >= 0, rejected: Math.max(0, count), why: 'metrics are not stored yet' };
};

const sessionOf = (signal: Signal): GrpcSession => {
  const { message, items } = WORDS[signal];
  const invalid: GrpcAnswer = { status: INVALID_ARGUMENT, text: `the message is no ${message}` };
  return {
    message: (bytes, sink) => {
      const { ok, rejected, why } = decode(signal, bytes, sink);
      if (!ok) {
        sink.reject('malformed_protobuf', bytes);
        return invalid;
      }
      const text = rejected === 0 ? '' : `${rejected} ${items} were rejected: ${why}`;
      const { body } = reply.success(signal, rejected, text);
      return { status: 0, message: body as Uint8Array };
    },
    end: () => invalid,
  };
};
