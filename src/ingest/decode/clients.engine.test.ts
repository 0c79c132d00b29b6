import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { OTLPLogExporter as JsonExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtoExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
} from '@opentelemetry/sdk-logs';
import { pinoLoki } from 'pino-loki';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import winston from 'winston';
import LokiTransport from 'winston-loki';
import { allDecoders } from '../../../fixtures/decode/cases.ts';
import { CapturedSink } from './captured-sink.ts';

/** Real clients against the decoders: what they send is understood, and they like the answers. */
let server: Server;
let sink: CapturedSink;
let url = '';
let statuses: number[] = [];
/** What the server decides instead of decoding, for one request. */
let refusal: 'busy' | undefined;

beforeEach(async () => {
  const { http } = allDecoders();
  sink = new CapturedSink();
  statuses = [];
  refusal = undefined;
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const [path = '', query = ''] = (request.url ?? '').split('?', 2);
      const decoder = http.find(({ routes }) => routes.some((route) => route.path === path));
      if (decoder === undefined) {
        response.writeHead(404).end();
        return;
      }
      const headers = request.headers as Record<string, string>;
      const body = new Uint8Array(Buffer.concat(parts));
      const whole = { method: 'POST', path, query, headers, body };
      const reply =
        refusal === undefined ? decoder.decode(whole, sink) : decoder.refuse(refusal, whole);
      refusal = undefined;
      statuses.push(reply.status);
      response.writeHead(reply.status, reply.headers).end(reply.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

type ExportResult = Parameters<Parameters<JsonExporter['export']>[1]>[0];
/** ExportResultCode.SUCCESS of @opentelemetry/core. */
const SUCCESS = 0;

const LINES = [
  'plain',
  'caf\u00e9 "quoted" \\ \t\u{1f600}',
  'two\nlines',
  'nul \0 end',
  '   ',
  '{}',
];

/** The records that an SDK would export, without exporting them. */
const recordsOf = (lines: readonly string[]) => {
  const memory = new InMemoryLogRecordExporter();
  const provider = new LoggerProvider({
    resource: resourceFromAttributes({ 'service.name': 'payments' }),
    processors: [new SimpleLogRecordProcessor({ exporter: memory })],
  });
  for (const body of lines)
    provider.getLogger('test').emit({ body, severityNumber: SeverityNumber.INFO });
  return memory.getFinishedLogRecords();
};

test.each([
  ['JSON', JsonExporter, 'none'],
  ['JSON, gzip', JsonExporter, 'gzip'],
  ['protobuf', ProtoExporter, 'none'],
  ['protobuf, gzip', ProtoExporter, 'gzip'],
])('the OpenTelemetry exporter (%s) delivers and is content', async (_, Exporter, compression) => {
  const exporter = new Exporter({ url: `${url}/v1/logs`, compression: compression as never });
  const result = await new Promise<ExportResult>((resolve) => {
    exporter.export(recordsOf(LINES), resolve);
  });
  await exporter.shutdown();
  expect(result.code).toBe(SUCCESS);
  expect(sink.events.map(({ line }) => line)).toEqual(LINES);
  expect(sink.events.map(({ columns }) => columns?.['service'])).toEqual(
    LINES.map(() => 'payments'),
  );
});

test.each([
  ['JSON', JsonExporter],
  ['protobuf', ProtoExporter],
])('the OpenTelemetry exporter (%s) tries again when the server is busy', async (_, Exporter) => {
  refusal = 'busy';
  const exporter = new Exporter({ url: `${url}/otlp/v1/logs`, timeoutMillis: 10_000 });
  const result = await new Promise<ExportResult>((resolve) => {
    exporter.export(recordsOf(['again']), resolve);
  });
  await exporter.shutdown();
  expect(result.code).toBe(SUCCESS);
  expect(statuses).toEqual([503, 204]);
  expect(sink.events.map(({ line }) => line)).toEqual(['again']);
});

test.each([
  ['JSON', true],
  ['protobuf', false],
])('winston-loki (%s) delivers and is content', async (_, json) => {
  const errors: unknown[] = [];
  const transport = new LokiTransport({
    host: url,
    json,
    batching: false,
    labels: { app: 'checkout' },
    onConnectionError: (error) => errors.push(error),
    format: winston.format.printf(({ message }) => String(message)),
  });
  // It is one: winston-loki brings another copy of the same class.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
  const logger = winston.createLogger({ transports: [transport] });
  for (const line of LINES) logger.info(line);
  await vi.waitFor(() => {
    expect(sink.events).toHaveLength(LINES.length);
  });
  expect(new Set(sink.events.map(({ line }) => line))).toEqual(new Set(LINES));
  expect(sink.events[0]?.labels).toEqual({
    app: 'checkout',
    level: 'info',
    service_name: 'checkout',
  });
  expect(errors).toEqual([]);
  expect(new Set(statuses)).toEqual(new Set([204]));
});

test('pino-loki delivers and is content', async () => {
  const stream = pinoLoki({
    host: url,
    labels: { app: 'cart' },
    batching: false,
    structuredMetaKey: 'meta',
  });
  const line = { level: 50, time: 1_763_632_800_123, msg: LINES.join(), meta: { trace_id: 'ab' } };
  stream.write(`${JSON.stringify(line)}\n`);
  await vi.waitFor(() => {
    expect(sink.events).toHaveLength(1);
  });
  stream.end();
  const [event] = sink.events;
  expect(JSON.parse(event?.line ?? '')).toMatchObject({ msg: LINES.join() });
  expect(event?.time).toBe('1763632800.123000000');
  expect(event?.columns).toMatchObject({ service: 'cart', severity: 17, trace_id: 'ab' });
  expect(event?.metadata).toEqual({ trace_id: 'ab' });
  expect(statuses).toEqual([204]);
});
