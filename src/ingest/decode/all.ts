import type { GrpcDecoder, HttpDecoder, StreamDecoder } from './decode.ts';
import { createAgent } from './agent.ts';
import { createAls } from './als.ts';
import { createDatadog } from './datadog.ts';
import { createElasticsearch } from './elasticsearch.ts';
import { createFirehose } from './firehose.ts';
import { createForward } from './forward.ts';
import { createGelf, createGelfHttp } from './gelf.ts';
import { createHec } from './hec.ts';
import { createJaegerGrpc } from './jaeger-grpc.ts';
import { createJaegerHttp } from './jaeger-http.ts';
import { createJaegerBinary, createJaegerCompact } from './jaeger-udp.ts';
import { createJournald } from './journald.ts';
import { createK8sAudit } from './k8s-audit.ts';
import { createLoki, type LokiOptions } from './loki.ts';
import { createLumberjack } from './lumberjack.ts';
import { createNdjson } from './ndjson.ts';
import { createOtlp } from './otlp.ts';
import { createOtlpGrpc } from './otlp-grpc.ts';
import { createRaw } from './raw.ts';
import { createRelp } from './relp.ts';
import { createSyslog } from './syslog.ts';
import { createZipkin } from './zipkin.ts';

/** `open`: no key is needed; `unknown`: the server knows the key's digest only. */
export type SharedSecret =
  { readonly kind: 'open' | 'unknown' } | { readonly kind: 'key'; readonly key: string };

/** What the configuration decides about decoding. */
export interface DecoderOptions extends LokiOptions {
  /** Loki's `discover_log_levels`: see LokiOptions; queries derive the rest from the severity. */
  readonly discoverLogLevels: boolean;
  /** What a sender's shared key is checked against, where the protocol never sends the key. */
  readonly secret: SharedSecret;
  /** Whether senders of the forward protocol must show a user and password too. */
  readonly forward: { readonly userAuth: boolean };
}

/** Every protocol, once per thread, by name. */
export interface Decoders {
  readonly http: readonly HttpDecoder[];
  readonly streams: readonly StreamDecoder[];
  readonly grpc: readonly GrpcDecoder[];
}

export const createDecoders = (options: DecoderOptions): Decoders =>
  Object.freeze({
    http: Object.freeze([
      createAgent(),
      createDatadog(),
      createElasticsearch(),
      createFirehose(),
      createGelfHttp(),
      createHec(),
      createJaegerHttp(),
      createJournald(),
      createK8sAudit(),
      createLoki(options),
      createNdjson(),
      createOtlp(),
      createZipkin(),
    ]),
    streams: Object.freeze([
      createForward({ secret: options.secret, userAuth: options.forward.userAuth }),
      createGelf(),
      createJaegerBinary(),
      createJaegerCompact(),
      createLumberjack(),
      createRaw(),
      createRelp(),
      createSyslog(),
    ]),
    grpc: Object.freeze([createAls(), createJaegerGrpc(), createOtlpGrpc()]),
  });
