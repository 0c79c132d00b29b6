import type { GrpcAnswer, Refusal } from './decode.ts';
import { ProtoWriter, WIRE } from './protobuf.ts';

/** Why the server itself ends a call. */
export type GrpcRefusal = Refusal | 'too_slow' | 'stopping' | 'bad_tenant';

interface Words {
  /** google.rpc.Code. */
  readonly status: number;
  readonly text: string;
  /** Seconds after which the client should try again. */
  readonly retrySec?: number;
}

const WORDS: Readonly<Record<GrpcRefusal, Words>> = {
  busy: { status: 8, text: 'the server is busy or its journal is full, retry later', retrySec: 1 },
  too_large: { status: 8, text: 'the message is larger than the server accepts' },
  unauthorized: { status: 16, text: 'a valid key is required: authorization: Bearer KEY' },
  failed: { status: 14, text: 'nothing was stored: the journal could not be written', retrySec: 1 },
  too_slow: { status: 4, text: 'the message took too long to arrive' },
  stopping: { status: 14, text: 'the server is stopping' },
  bad_tenant: { status: 3, text: "x-scope-orgid is not a tenant name: letters, digits, !-_.*'()" },
};

/**
 * A refusal as a gRPC status. Where a retry makes sense, `details` is a google.rpc.Status with
 * RetryInfo: OTLP's clients retry RESOURCE_EXHAUSTED only where that says when
 * (opentelemetry-proto, docs/specification.md, "OTLP/gRPC Throttling").
 */
export const grpcRefusal = (why: GrpcRefusal): GrpcAnswer & { readonly details?: Uint8Array } => {
  const { status, text, retrySec } = WORDS[why];
  if (retrySec === undefined) return { status, text };
  return { status, text, details: retryInfo(status, text, retrySec) };
};

/**
 *     google.rpc.Status     1 code, 2 message, 3 details (google.protobuf.Any: 1 type_url, 2 value)
 *     google.rpc.RetryInfo  1 retry_delay (google.protobuf.Duration: 1 seconds)
 */
const retryInfo = (status: number, text: string, seconds: number): Uint8Array => {
  const writer = new ProtoWriter();
  writer.tag(1, WIRE.varint);
  writer.uint(status);
  writer.text(2, text);
  const any = writer.begin(3);
  writer.text(1, 'type.googleapis.com/google.rpc.RetryInfo');
  const info = writer.begin(2);
  const delay = writer.begin(1);
  writer.tag(1, WIRE.varint);
  writer.uint(seconds);
  for (const start of [delay, info, any]) writer.end(start);
  return writer.take();
};
