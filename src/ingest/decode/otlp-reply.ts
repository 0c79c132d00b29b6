import type { Reply } from './decode.ts';
import { ProtoWriter, WIRE } from './protobuf.ts';

export type Signal = 'logs' | 'traces' | 'metrics';
export type OtlpType = 'application/json' | 'application/x-protobuf' | 'application/protobuf';

/** The request's content type where it is one of OTLP's, which is also the reply's. */
export const replyTypeOf = (headers: Readonly<Record<string, string>>): OtlpType | undefined => {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  switch (type) {
    case 'application/json':
    case 'application/x-protobuf':
    case 'application/protobuf':
      return type;
    default:
      return undefined;
  }
};

export const isJsonType = (type: OtlpType): boolean => type === 'application/json';

const REJECTED: Readonly<Record<Signal, string>> = {
  logs: 'rejectedLogRecords',
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
};

/** google.rpc.Code by HTTP status, as grpc-gateway maps them. */
const CODES: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  413: 8,
  415: 3,
  503: 14,
};

/** Writes the replies of the specification in the sender's own encoding; JSON where it has none. */
export class OtlpReply {
  private readonly type: OtlpType;

  constructor(type: OtlpType | undefined) {
    this.type = type ?? 'application/json';
  }

  /**
   * `Export<signal>ServiceResponse`: empty where all was taken, else with its partial success.
   * @param rejected number of items that were not taken
   * @param message why; '' where nothing is to be said
   */
  success(signal: Signal, rejected: number, message: string): Reply {
    const quiet = rejected === 0 && message === '';
    if (isJsonType(this.type)) {
      const partial = { [REJECTED[signal]]: String(rejected), errorMessage: message };
      return this.reply(200, JSON.stringify(quiet ? {} : { partialSuccess: partial }));
    }
    const writer = new ProtoWriter();
    if (!quiet) {
      const partial = writer.begin(1);
      writer.tag(1, WIRE.varint);
      writer.uint(rejected);
      writer.text(2, message);
      writer.end(partial);
    }
    return this.reply(200, writer.take());
  }

  /** `google.rpc.Status`. */
  status(status: number, message: string, retryAfterSec?: number): Reply {
    const code = CODES[status] ?? 2;
    let body: string | Uint8Array;
    if (isJsonType(this.type)) body = JSON.stringify({ code, message });
    else {
      const writer = new ProtoWriter();
      writer.tag(1, WIRE.varint);
      writer.uint(code);
      writer.text(2, message);
      body = writer.take();
    }
    const retry = retryAfterSec === undefined ? {} : { 'retry-after': String(retryAfterSec) };
    return this.reply(status, body, retry);
  }

  private reply(
    status: number,
    body: string | Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Reply {
    return { status, headers: { 'content-type': this.type, ...headers }, body };
  }
}
