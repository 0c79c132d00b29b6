import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import {
  Annotation,
  BatchRecorder,
  ExplicitContext,
  InetAddress,
  jsonEncoder,
  option,
  Tracer,
} from 'zipkin';
import { HttpLogger } from 'zipkin-transport-http';

/** Tracers of Zipkin and Jaeger that npm gives, sending spans that a test can count. */
const require = createRequire(import.meta.url);

/**
 * Sends a server's root span and `count - 1` client's children with zipkin-js; gives the id of
 * their trace once the collector has taken them.
 * @param version which of Zipkin's models the spans are written in
 */
export const sendByZipkinJs = async (
  url: string,
  version: 'v1' | 'v2',
  service: string,
  count: number,
): Promise<string> => {
  const encoder = version === 'v1' ? jsonEncoder.JSON_V1 : jsonEncoder.JSON_V2;
  const logger = new HttpLogger({
    endpoint: `${url}/api/${version}/spans`,
    jsonEncoder: encoder,
    httpInterval: 86_400_000,
  });
  const tracer = new Tracer({
    ctxImpl: new ExplicitContext(),
    recorder: new BatchRecorder({ logger }),
    localServiceName: service,
    traceId128Bit: true,
  });
  const root = tracer.createRootId(new option.Some(true));
  tracer.letId(root, () => {
    tracer.recordServiceName(service);
    tracer.recordRpc('root');
    tracer.recordBinary('http.path', '/pay');
    tracer.recordAnnotation(new Annotation.ServerRecv());
  });
  for (let n = 1; n < count; n++) {
    tracer.letId(root, () => {
      tracer.letId(tracer.createChildId(), () => {
        tracer.recordServiceName(service);
        const host = new InetAddress('192.0.2.9');
        const ledger = { serviceName: 'ledger', host, port: 5432 };
        tracer.recordAnnotation(new Annotation.ServerAddr(ledger));
        tracer.recordRpc(`child ${n}`);
        tracer.recordBinary('order', n);
        tracer.recordAnnotation(new Annotation.ClientSend());
        tracer.recordMessage(`retry ${n}`);
        if (n % 2 === 0) tracer.recordBinary('error', 'card declined');
        tracer.recordAnnotation(new Annotation.ClientRecv());
      });
    });
  }
  tracer.letId(root, () => {
    tracer.recordAnnotation(new Annotation.ServerSend());
  });
  await new Promise<void>((resolve, reject) => {
    const own = logger as unknown as {
      on(event: string, listener: (error?: Error) => void): void;
      processQueue(fetchImpl: typeof fetch): void;
    };
    own.on('success', () => {
      resolve();
    });
    own.on('error', (error) => {
      reject(error ?? new Error('refused'));
    });
    own.processQueue(fetch);
  });
  return root.traceId;
};

export interface JaegerReporter {
  readonly collectorEndpoint?: string;
  readonly agentHost?: string;
  readonly agentPort?: number;
}

interface OpenTracingSpan {
  context(): { readonly traceIdStr: string };
  setTag(key: string, value: unknown): void;
  log(fields: object): void;
  finish(): void;
}

interface JaegerTracer {
  startSpan(name: string, options?: object): OpenTracingSpan;
  close(done: () => void): void;
}

interface JaegerClient {
  readonly initTracer: (config: object, options: object) => JaegerTracer;
}

/** The same with jaeger-client; the id has as many digits as the client writes. */
export const sendByJaegerClient = async (
  reporter: JaegerReporter,
  service: string,
  count: number,
): Promise<string> => {
  const { initTracer } = require('jaeger-client') as JaegerClient;
  const sampler = { type: 'const', param: 1 };
  const failures: string[] = [];
  const tracer = initTracer(
    { serviceName: service, sampler, reporter: { ...reporter, flushIntervalMs: 100 } },
    {
      tags: { region: 'eu' },
      logger: { info: () => undefined, error: (message: string) => failures.push(message) },
    },
  );
  const root = tracer.startSpan('root', { tags: { 'span.kind': 'server' } });
  for (let n = 1; n < count; n++) {
    const child = tracer.startSpan(`child ${n}`, {
      childOf: root,
      tags: { 'span.kind': 'client', order: n, retried: true, name: 'caf\u00e9' },
    });
    child.log({ event: 'retry', attempt: n });
    if (n % 2 === 0) child.setTag('error', true);
    child.finish();
  }
  root.finish();
  const { traceIdStr } = root.context();
  await new Promise<void>((resolve) => {
    tracer.close(resolve);
  });
  if (failures.length > 0) throw new Error(failures[0]);
  return traceIdStr;
};

/** OpenTelemetry's exporter for Jaeger, which is deprecated and still in use. */
export const jaegerExporter = (where: object): SpanExporter => {
  const found = require('@opentelemetry/exporter-jaeger') as {
    JaegerExporter: new (where: object) => SpanExporter;
  };
  return new found.JaegerExporter(where);
};

/** A span of Zipkin's first model as its IDL has it; 64-bit numbers in eight bytes. */
export interface ThriftSpan {
  readonly trace_id: Uint8Array;
  readonly id: Uint8Array;
  readonly parent_id?: Uint8Array;
  readonly name: string;
  readonly timestamp?: Uint8Array;
  readonly duration?: Uint8Array;
  readonly debug?: boolean;
  readonly annotations: readonly object[];
  readonly binary_annotations: readonly object[];
}

/** A list of such spans by thriftrw from Zipkin's own IDL, as Zipkin's thrift senders post it. */
export const thriftSpans = (spans: readonly ThriftSpan[]): Uint8Array => {
  const folder = 'jaeger-client/dist/src/jaeger-idl/thrift';
  const idl = readFileSync(require.resolve(`${folder}/zipkincore.thrift`), 'utf8');
  const { Thrift } = require('thriftrw') as {
    Thrift: new (
      options: object,
    ) => Record<string, { rw: { toBuffer(value: object): { err: unknown; value: Buffer } } }>;
  };
  const source = `${idl}\nstruct Posted { 1: list<Span> spans }\n`;
  const thrift = new Thrift({ source, strict: false, allowOptionalArguments: true });
  const written = thrift['Posted']?.rw.toBuffer({ spans });
  if (written?.err instanceof Error) throw written.err;
  // Without the header of the field and the struct's end.
  return written?.value.subarray(3, -1) ?? new Uint8Array(0);
};
