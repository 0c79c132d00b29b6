import { createSocket } from 'node:dgram';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { FluentClient } from '@fluent-org/logger';
import { casesOf, type GrpcHead, type HttpHead } from '../fixtures/decode/cases.ts';
import { json, windowOf } from '../fixtures/decode/lumberjack-frames.ts';
import { encodeLines } from '../src/app/cli/otlp-lines.ts';
import type { PortName } from '../src/app/configuration.ts';
import { eventually, find, linesOf, Raw, type RunningServer } from './running-server.ts';
import { traceOnce } from './traces.ts';

/**
 * One good record over each native port, sent and then found by a query: what must still work after
 * whatever else happened to the server. Fixtures stand for the protocols that have no sender here.
 */
export interface GoodSender {
  readonly port: PortName;
  readonly transport: 'http' | 'tcp' | 'udp' | 'grpc';
  /** Sends a record; resolves when it was found, rejects where it was not. */
  send(server: RunningServer, service: string): Promise<void>;
}

const portOf = (server: RunningServer, name: PortName): number => server.ports[name] ?? 0;

const LINE = 'a good line';

const findLine = async (server: RunningServer, service: string): Promise<void> => {
  const lines = await eventually(
    () => linesOf(server, `{service_name="${service}"}`),
    ({ length }) => length > 0,
  );
  if (lines.length !== 1 || lines[0] !== LINE)
    throw new Error(`${service}: found ${JSON.stringify(lines)}`);
};

/** What a case's outcome says of its first span. */
const firstTrace = (name: string): string => {
  const [one] = casesOf<unknown>(name);
  return (one?.expected as { spans: { traceId: string }[] }).spans[0]?.traceId ?? '';
};

const findTrace = async (server: RunningServer, id: string): Promise<void> => {
  const spans = await traceOnce(server, id, 1);
  if (spans.length === 0) throw new Error(`no trace ${id}`);
};

const over = (
  port: PortName,
  path: string,
  type: string,
  body: (service: string) => string | Uint8Array,
): GoodSender => ({
  port,
  transport: 'http',
  send: async (server, service) => {
    const answer = await fetch(`http://127.0.0.1:${portOf(server, port)}${path}`, {
      method: 'POST',
      headers: { ...server.headers, 'content-type': type },
      body: body(service) as string,
    });
    if (!answer.ok) throw new Error(`${port}: ${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
    await findLine(server, service);
  },
});

const stream = (port: PortName, bytes: (service: string) => string | Uint8Array): GoodSender => ({
  port,
  transport: 'tcp',
  send: async (server, service) => {
    const raw = new Raw(portOf(server, port));
    await raw.write(bytes(service));
    await findLine(server, service);
    raw.socket.destroy();
  },
});

const datagram = async (port: number, bytes: string | Uint8Array): Promise<void> => {
  const socket = createSocket('udp4');
  await new Promise((done) => socket.send(bytes, port, '127.0.0.1', done));
  socket.close();
};

const datagrams = (port: PortName, bytes: (service: string) => string): GoodSender => ({
  port,
  transport: 'udp',
  send: async (server, service) => {
    await datagram(portOf(server, port), bytes(service));
    await findLine(server, service);
  },
});

const asBytes = (bytes: Buffer): Buffer => bytes;

export const metadataOf = (values: Readonly<Record<string, string>>): Metadata => {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(values)) metadata.set(name, value);
  return metadata;
};

/** One message to a method that takes one or a stream of them. */
export const callGrpc = async (
  port: number,
  path: string,
  message: Uint8Array,
  headers: Readonly<Record<string, string>>,
  isStream = false,
): Promise<void> => {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    await new Promise<void>((resolve, reject) => {
      const done = (error: Error | null): void => (error === null ? resolve() : reject(error));
      const metadata = metadataOf(headers);
      const bytes = Buffer.from(message);
      if (!isStream) {
        client.makeUnaryRequest(path, asBytes, asBytes, bytes, metadata, done);
        return;
      }
      const call = client.makeClientStreamRequest(path, asBytes, asBytes, metadata, done);
      call.write(bytes);
      call.end();
    });
  } finally {
    client.close();
  }
};

export const OTLP_LOGS = '/opentelemetry.proto.collector.logs.v1.LogsService/Export';

/** The first message of the first case, without its frame. */
const firstMessage = (name: string): { path: string; message: Uint8Array } => {
  const [one] = casesOf<GrpcHead>(name);
  const input = Buffer.from(one?.input ?? []);
  return { path: one?.head.path ?? '', message: input.subarray(5, 5 + input.readUInt32BE(1)) };
};

const grpc: readonly GoodSender[] = [
  {
    port: 'otlp-grpc',
    transport: 'grpc',
    send: async (server, service) => {
      const message = encodeLines({ 'service.name': service }, [Buffer.from(LINE)]);
      await callGrpc(portOf(server, 'otlp-grpc'), OTLP_LOGS, message, server.headers);
      await findLine(server, service);
    },
  },
  {
    port: 'jaeger-grpc',
    transport: 'grpc',
    send: async (server) => {
      const { path, message } = firstMessage('jaeger-grpc');
      await callGrpc(portOf(server, 'jaeger-grpc'), path, message, server.headers);
      await findTrace(server, firstTrace('jaeger-grpc'));
    },
  },
  {
    port: 'als',
    transport: 'grpc',
    send: async (server) => {
      const { path, message } = firstMessage('als');
      await callGrpc(portOf(server, 'als'), path, message, server.headers, true);
      const [one] = casesOf<unknown>('als');
      const { events } = one?.expected as { events: { line: string; time: string }[] };
      const second = Number.parseInt(events[0]?.time ?? '', 10);
      const range = { start: String(second - 60), end: String(second + 60) };
      const found = await eventually(
        () => find(server, '{service_name="reviews"}', range),
        ({ length }) => length > 0,
      );
      const lines = found.flatMap(({ values }) => values.map((value) => value[1]));
      if (!lines.includes(events[0]?.line ?? '')) throw new Error('no entry of Envoy');
    },
  },
];

const spans: readonly GoodSender[] = [
  {
    port: 'zipkin',
    transport: 'http',
    send: async (server) => {
      const id = '0af7651916cd43dd8448eb211c80319c';
      const timestamp = Date.now() * 1_000;
      const body = JSON.stringify([
        { traceId: id, id: 'b7ad6b7169203331', name: 'get', timestamp },
      ]);
      const headers = { ...server.headers, 'content-type': 'application/json' };
      const url = `http://127.0.0.1:${portOf(server, 'zipkin')}/api/v2/spans`;
      const { status } = await fetch(url, { method: 'POST', headers, body });
      if (status !== 202) throw new Error(`zipkin: ${status}`);
      await findTrace(server, id);
    },
  },
  {
    port: 'jaeger-http',
    transport: 'http',
    send: async (server) => {
      const [one] = casesOf<HttpHead>('jaeger-http');
      const headers = { ...server.headers, 'content-type': 'application/x-thrift' };
      const url = `http://127.0.0.1:${portOf(server, 'jaeger-http')}/api/traces`;
      const body = Buffer.from(one?.input ?? []);
      const { status } = await fetch(url, { method: 'POST', headers, body });
      if (status !== 202) throw new Error(`jaeger-http: ${status}`);
      await findTrace(server, firstTrace('jaeger-http'));
    },
  },
  ...(['jaeger-compact', 'jaeger-binary'] as const).map((port): GoodSender => ({
    port,
    transport: 'udp',
    send: async (server) => {
      const [one] = casesOf<unknown>(port);
      await datagram(portOf(server, port), one?.input ?? '');
      await findTrace(server, firstTrace(port));
    },
  })),
];

const syslog = (service: string): string =>
  `<14>1 ${new Date().toISOString()} h ${service} - - - ${LINE}`;
const gelf = (service: string): string =>
  JSON.stringify({ version: '1.1', host: 'h', short_message: LINE, _service: service });
const relpFrame = (number: number, command: string, data: string): string =>
  `${number} ${command} ${data.length} ${data}\n`;
const document = (service: string): string =>
  JSON.stringify({ message: LINE, service: { name: service } });
const nowNs = (): string => String(BigInt(Date.now()) * 1_000_000n);

/** Raw lines know no service: the line is looked for among all. */
const rawLine = (transport: 'tcp' | 'udp'): GoodSender => ({
  port: 'raw',
  transport,
  send: async (server, service) => {
    const line = `{"service":"${service}","msg":"${LINE}"}`;
    const port = portOf(server, 'raw');
    if (transport === 'udp') await datagram(port, line);
    else {
      const raw = new Raw(port);
      await raw.write(`${line}\n`);
      raw.socket.end();
    }
    const lines = await eventually(
      () => linesOf(server, `{service_name="${service}"}`),
      ({ length }) => length > 0,
    );
    if (lines[0] !== line) throw new Error(`${service}: found ${JSON.stringify(lines)}`);
  },
});

const forward: GoodSender = {
  port: 'forward',
  transport: 'tcp',
  send: async (server, service) => {
    const sharedKey = (server.headers['authorization'] ?? '').slice('Bearer '.length);
    const client = new FluentClient('app', {
      socket: { host: '127.0.0.1', port: portOf(server, 'forward') },
      security: { clientHostname: 'client.example', sharedKey },
      ack: { ackTimeout: 15_000 },
    });
    await client.emit('web', { log: LINE, service });
    await client.shutdown();
    await findLine(server, service);
  },
};

export const GOOD_SENDERS: readonly GoodSender[] = [
  over('elasticsearch', '/_bulk', 'application/x-ndjson', (service) => {
    return `{"create":{"_index":"x"}}\n${document(service)}\n`;
  }),
  over('loki', '/loki/api/v1/push', 'application/json', (service) => {
    const values = [[nowNs(), LINE]];
    return JSON.stringify({ streams: [{ stream: { service_name: service }, values }] });
  }),
  over('otlp-http', '/v1/logs', 'application/x-protobuf', (service) =>
    encodeLines({ 'service.name': service }, [Buffer.from(LINE)]),
  ),
  over('hec', '/services/collector/event', 'application/json', (service) =>
    JSON.stringify({ event: LINE, fields: { service } }),
  ),
  over('datadog', '/api/v2/logs', 'application/json', (service) =>
    JSON.stringify([{ message: LINE, service }]),
  ),
  over('journald', '/upload', 'application/vnd.fdo.journal', (service) => {
    const cursor = `s=${service}`;
    const time = `${Date.now()}000`;
    return `__CURSOR=${cursor}\n__REALTIME_TIMESTAMP=${time}\nSYSLOG_IDENTIFIER=${service}\nMESSAGE=${LINE}\n\n`;
  }),
  forward,
  stream('lumberjack', (service) =>
    Buffer.concat([windowOf(1), json(1, { message: LINE, service: { name: service } })]),
  ),
  stream('syslog', (service) => `${syslog(service)}\n`),
  stream('gelf', (service) => `${gelf(service)}\0`),
  stream(
    'relp',
    (service) =>
      relpFrame(1, 'open', 'relp_version=0\ncommands=syslog') +
      relpFrame(2, 'syslog', syslog(service)),
  ),
  rawLine('tcp'),
  rawLine('udp'),
  datagrams('syslog', syslog),
  datagrams('gelf', gelf),
  ...grpc,
  ...spans,
];
