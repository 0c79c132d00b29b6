import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client as ElasticClient } from '@elastic/elasticsearch';
import { Client as OpenSearchClient } from '@opensearch-project/opensearch';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { OTLPLogExporter as JsonExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtoExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchLogRecordProcessor,
  LoggerProvider,
  type LogRecordExporter,
} from '@opentelemetry/sdk-logs';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import winston from 'winston';
import LokiTransport from 'winston-loki';
import { freePort } from '../../sim/round.ts';
import { ServerProcess } from '../../sim/server-process.ts';

/** Real clients against a real server: every record arrives, and is found by LogQL at once. */
const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), 'meshtrail-clients-'));
const ports = { main: 0, elasticsearch: 0, loki: 0, otlp: 0, syslog: 0 };
let server: ServerProcess;

beforeAll(async () => {
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
  const file = join(directory, 'meshtrail.yaml');
  writeFileSync(
    file,
    `ports: {elasticsearch: ${ports.elasticsearch}, loki: ${ports.loki}, ` +
      `otlp-http: ${ports.otlp}, syslog: ${ports.syslog}}\n`,
  );
  server = new ServerProcess({
    data: join(directory, 'data'),
    port: ports.main,
    flags: ['--dev', '--config', file],
  });
  await server.start();
});

afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

interface Found {
  readonly stream: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [string, string])[];
}

const find = async (query: string, limit = 5_000): Promise<Found[]> => {
  const parameters = new URLSearchParams({
    query,
    limit: String(limit),
    start: String(BigInt(Date.now() - 3_600_000) * 1_000_000n),
    end: String(BigInt(Date.now() + 3_600_000) * 1_000_000n),
  });
  const answer = await fetch(`${server.url}/loki/api/v1/query_range?${parameters.toString()}`);
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return (JSON.parse(text) as { data: { result: Found[] } }).data.result;
};

const linesOf = async (query: string): Promise<string[]> =>
  (await find(query)).flatMap(({ values }) => values.map(([, line]) => line)).sort();

/** Waits for lines of senders that have no acknowledgement to wait for. */
const eventually = async (query: string, count: number): Promise<string[]> => {
  const deadline = performance.now() + 15_000;
  for (;;) {
    const lines = await linesOf(query);
    if (lines.length >= count || performance.now() > deadline) return lines;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const numbered = (count: number, make: (n: string) => string): string[] =>
  Array.from({ length: count }, (_, n) => make(String(n).padStart(3, '0')));

describe('Elasticsearch clients', () => {
  test.each([
    ['the native port', () => `http://127.0.0.1:${ports.elasticsearch}`, 'es-native'],
    ['the main port', () => `${server.url}/elastic`, 'es-main'],
  ])('@elastic/elasticsearch bulk helper on %s', async (_name, node, service) => {
    const client = new ElasticClient({ node: node() });
    expect((await client.info()).tagline).toBe('You Know, for Search');
    const documents = numbered(100, (n) => n).map((n) => ({
      '@timestamp': new Date().toISOString(),
      message: `document ${n} "quoted" \\ and ü`,
      service: { name: service },
      log: { level: 'warn' },
      order: { id: n },
    }));
    const stats = await client.helpers.bulk({
      datasource: documents,
      onDocument: () => ({ create: { _index: 'logs-app-default' } }),
    });
    expect(stats).toMatchObject({ total: 100, successful: 100, failed: 0 });
    const lines = await linesOf(`{service_name="${service}"}`);
    expect(lines).toEqual(documents.map(({ message }) => message));
    const [first] = await find(`{service_name="${service}"} | order_id="007"`);
    expect(first?.values).toHaveLength(1);
    await client.close();
  });

  test('update and delete are refused per item, the others are kept', async () => {
    const client = new ElasticClient({ node: `${server.url}/elastic` });
    const answer = await client.bulk({
      index: 'mixed',
      operations: [
        { index: {} },
        { message: 'kept 1', service: { name: 'es-mixed' } },
        { update: { _id: 'x' } },
        { doc: { a: 1 } },
        { delete: { _id: 'x' } },
        { create: {} },
        { message: 'kept 2', service: { name: 'es-mixed' } },
      ],
    });
    expect(answer.errors).toBe(true);
    const statuses = answer.items.map((item) => Object.values(item)[0]?.status);
    expect(statuses).toEqual([201, 400, 400, 201]);
    expect(await linesOf('{service_name="es-mixed"}')).toEqual(['kept 1', 'kept 2']);
    await client.close();
  });

  test('@opensearch-project/opensearch', async () => {
    const client = new OpenSearchClient({ node: `http://127.0.0.1:${ports.elasticsearch}` });
    const body = numbered(20, (n) => n).flatMap((n) => [
      { index: { _index: 'logs' } },
      { message: `opensearch ${n}`, service: { name: 'opensearch' } },
    ]);
    const answer = await client.bulk({ body });
    expect(answer.body.errors).toBe(false);
    expect(await linesOf('{service_name="opensearch"}')).toEqual(
      numbered(20, (n) => `opensearch ${n}`),
    );
    await client.close();
  });
});

describe('OpenTelemetry SDK', () => {
  test.each([
    [
      'http/json',
      (): LogRecordExporter => new JsonExporter({ url: `http://127.0.0.1:${ports.otlp}/v1/logs` }),
      'otel-json',
    ],
    [
      'http/protobuf',
      (): LogRecordExporter =>
        // The package does not export its CompressionAlgorithm, whose GZIP is this word.
        new ProtoExporter({ url: `${server.url}/v1/logs`, compression: 'gzip' as never }),
      'otel-proto',
    ],
  ])('%s', async (_name, exporter, service) => {
    const provider = new LoggerProvider({
      resource: resourceFromAttributes({ 'service.name': service, 'k8s.namespace.name': 'shop' }),
      processors: [new BatchLogRecordProcessor({ exporter: exporter() })],
    });
    const logger = provider.getLogger('test', '1.0');
    for (let n = 0; n < 50; n++) {
      logger.emit({
        body: `record ${String(n).padStart(3, '0')}`,
        severityNumber: SeverityNumber.ERROR,
        severityText: 'ERROR',
        attributes: { 'order.id': n },
      });
    }
    await provider.forceFlush();
    await provider.shutdown();
    const lines = await linesOf(`{service_name="${service}", namespace="shop"}`);
    expect(lines).toEqual(numbered(50, (n) => `record ${n}`));
    expect(await linesOf(`{service_name="${service}"} | order_id="7"`)).toEqual(['record 007']);
  });
});

describe('Loki clients', () => {
  test.each([
    ['JSON', true],
    ['protobuf and snappy', false],
  ])('winston-loki, %s', async (name, json) => {
    const app = `winston-${json ? 'json' : 'proto'}`;
    const transport = new LokiTransport({
      host: `http://127.0.0.1:${ports.loki}`,
      json,
      labels: { app },
      batching: false,
      gracefulShutdown: false,
    });
    // winston-loki brings types of its own for the same transport.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
    const logger = winston.createLogger({ transports: [transport] });
    for (let n = 0; n < 10; n++) logger.info(`winston ${n}`, { labels: { form: name } });
    const lines = await eventually(`{app="${app}"}`, 10);
    expect(lines).toHaveLength(10);
    for (let n = 0; n < 10; n++)
      expect(lines.some((line) => line.includes(`winston ${n}`))).toBe(true);
    const [stream] = await find(`{app="${app}"}`);
    expect(stream?.stream).toMatchObject({ app, service_name: app, level: 'info' });
    logger.close();
  });

  test('pino-loki', async () => {
    const transport = pino.transport({
      target: 'pino-loki',
      options: { batching: false, host: server.url, labels: { application: 'pino-app' } },
    });
    const logger = pino({ base: null }, transport);
    for (let n = 0; n < 10; n++) logger.warn({ n }, `pino ${n}`);
    const lines = await eventually('{application="pino-app"}', 10);
    expect(lines.filter((line) => /pino \d/.test(line))).toHaveLength(10);
    transport.end();
  });
});

describe('syslog', () => {
  const rsyslogd = ['/usr/sbin/rsyslogd', '/sbin/rsyslogd'].find((path) => existsSync(path));

  test('logger over TCP and UDP, RFC 5424 and 3164', async () => {
    const send = (...words: string[]): Promise<unknown> =>
      run('logger', [
        '--server',
        '127.0.0.1',
        '--port',
        String(ports.syslog),
        '--tag',
        'loggertest',
        ...words,
      ]);
    await send('--tcp', '--rfc5424', 'five over tcp');
    await send('--udp', '--rfc5424', 'five over udp');
    await send('--tcp', '--rfc3164', 'three over tcp');
    await send('--udp', '--rfc3164', '-p', 'local0.err', 'three over udp');
    await send('--tcp', '--octet-count', '--rfc5424', 'counted');
    const lines = await eventually('{service_name="loggertest"}', 5);
    expect(lines).toEqual([
      'counted',
      'five over tcp',
      'five over udp',
      'three over tcp',
      'three over udp',
    ]);
  });

  test.skipIf(rsyslogd === undefined)(
    'rsyslog forwards files over TCP, octet-counted and LF',
    async () => {
      for (const framing of ['octet-counted', 'traditional']) {
        const work = join(directory, `rsyslog-${framing}`);
        await run('mkdir', ['-p', work]);
        writeFileSync(
          join(work, 'in.log'),
          numbered(100, (n) => `${framing} line ${n}\n`).join(''),
        );
        writeFileSync(
          join(work, 'rsyslog.conf'),
          `module(load="imfile" mode="polling" pollingInterval="1")
global(workDirectory="${work}")
input(type="imfile" file="${work}/in.log" tag="rsys-${framing}:" severity="info")
action(type="omfwd" target="127.0.0.1" port="${ports.syslog}" protocol="tcp" TCP_Framing="${framing}"
       template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1")
`,
        );
        const daemon = spawn(rsyslogd as string, [
          '-n',
          '-f',
          join(work, 'rsyslog.conf'),
          '-i',
          join(work, 'pid'),
        ]);
        try {
          const lines = await eventually(`{service_name="rsys-${framing}"}`, 100);
          expect(lines).toEqual(numbered(100, (n) => `${framing} line ${n}`));
        } finally {
          daemon.kill('SIGKILL');
        }
      }
    },
  );
});
