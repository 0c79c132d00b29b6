import type { GrpcAnswer, GrpcDecoder, GrpcSession } from './decode.ts';
import { givePostSpans } from './jaeger-protobuf.ts';

/**
 * Jaeger's collector over gRPC (jaegertracing/jaeger-idl, proto/api_v2/collector.proto): the unary
 * `PostSpans` takes one batch and answers an empty message. A bad span is counted, and the others
 * are taken.
 */
export const createJaegerGrpc = (): GrpcDecoder => ({
  name: 'jaeger-grpc',
  native: 'jaeger-grpc',
  methods: [{ path: '/jaeger.api_v2.CollectorService/PostSpans', stream: false }],
  open: () => session,
});

const OK: GrpcAnswer = { status: 0, message: new Uint8Array(0) };
const INVALID_ARGUMENT: GrpcAnswer = { status: 3, text: 'the message is no PostSpansRequest' };

const session: GrpcSession = {
  message: (bytes, sink) => {
    if (givePostSpans(bytes, sink)) return OK;
    sink.reject('malformed_protobuf', bytes);
    return INVALID_ARGUMENT;
  },
  end: () => INVALID_ARGUMENT,
};
