import { connect, type Socket } from 'node:net';
import { credentials, makeGenericClientConstructor, type Client } from '@grpc/grpc-js';
import type { PortName } from '../src/app/configuration.ts';
import { mbPerSecond } from './figures.ts';
import { eachRequest, type Data } from './payloads.ts';
import * as lines from './protocol-lines.ts';
import * as spans from './protocol-spans.ts';
import type { Report } from './report.ts';
import { Sender } from './sender.ts';
import { BenchServer } from './server.ts';

/** What each protocol costs from the socket to the engine, beside NDJSON on the same machine. */

interface Protocol {
  readonly name: string;
  readonly encode: lines.Encode;
  readonly http?: { readonly path: string; readonly type: string };
  readonly tcp?: {
    readonly port: PortName;
    readonly open?: string;
    /** How an acknowledgement of request `index` ends; none where the protocol has none. */
    readonly ack?: (rows: number, index: number) => Buffer;
  };
  readonly grpc?: { readonly port: PortName; readonly path: string; readonly stream: boolean };
}

const PROTOBUF = 'application/x-protobuf';
const JSON_TYPE = 'application/json';

const lumberjackAck = (rows: number): Buffer => {
  const ack = Buffer.from('2A\0\0\0\0', 'latin1');
  ack.writeUInt32BE(rows, 2);
  return ack;
};

const export_ = (signal: 'logs' | 'trace'): string => {
  const service = signal === 'logs' ? 'LogsService' : 'TraceService';
  return `/opentelemetry.proto.collector.${signal}.v1.${service}/Export`;
};

/** The first is what the others are measured against. */
const PROTOCOLS: readonly Protocol[] = [
  { name: 'ndjson', encode: lines.raw, http: { path: '/v1/ndjson', type: 'application/x-ndjson' } },
  {
    name: 'forward',
    encode: lines.forward,
    tcp: { port: 'forward', ack: (_, index) => Buffer.from(`bench ${index}`) },
  },
  {
    name: 'lumberjack',
    encode: lines.lumberjack,
    tcp: { port: 'lumberjack', ack: lumberjackAck },
  },
  { name: 'syslog tcp', encode: lines.syslog, tcp: { port: 'syslog' } },
  {
    name: 'relp',
    encode: lines.relp,
    tcp: {
      port: 'relp',
      open: '1 open 46 relp_version=0\nrelp_software=b\ncommands=syslog\n',
      ack: (_, index) => Buffer.from(`${lines.relpLast[index]} rsp 6 200 OK\n`),
    },
  },
  { name: 'raw tcp', encode: lines.raw, tcp: { port: 'raw' } },
  { name: 'gelf tcp', encode: lines.gelf, tcp: { port: 'gelf' } },
  { name: 'datadog', encode: lines.datadog, http: { path: '/api/v2/logs', type: JSON_TYPE } },
  {
    name: 'hec',
    encode: lines.hec,
    http: { path: '/services/collector/event', type: JSON_TYPE },
  },
  {
    name: 'journald',
    encode: lines.journald,
    http: { path: '/journald/upload', type: 'application/vnd.fdo.journal' },
  },
  { name: 'firehose', encode: lines.firehose, http: { path: '/firehose', type: JSON_TYPE } },
  { name: 'k8s audit', encode: lines.k8sAudit, http: { path: '/k8s/audit', type: JSON_TYPE } },
  { name: 'otlp logs http', encode: lines.otlpLogs, http: { path: '/v1/logs', type: PROTOBUF } },
  {
    name: 'otlp logs grpc',
    encode: lines.otlpLogs,
    grpc: { port: 'otlp-grpc', path: export_('logs'), stream: false },
  },
  {
    name: 'otlp traces http',
    encode: spans.otlpTraces,
    http: { path: '/v1/traces', type: PROTOBUF },
  },
  {
    name: 'zipkin json',
    encode: spans.zipkinJson,
    http: { path: '/api/v2/spans', type: JSON_TYPE },
  },
  {
    name: 'jaeger thrift',
    encode: spans.jaegerThrift,
    http: { path: '/jaeger/api/traces', type: 'application/x-thrift' },
  },
  {
    name: 'envoy als',
    encode: spans.als,
    grpc: {
      port: 'als',
      path: '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs',
      stream: true,
    },
  },
];

interface Payload {
  readonly bytes: Buffer;
  readonly rows: number;
}

const connected = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
  });

const sendTcp = async (
  { tcp }: Protocol & { tcp: NonNullable<Protocol['tcp']> },
  port: number,
  payloads: readonly Payload[],
): Promise<void> => {
  const socket = await connected(port);
  let tail = Buffer.alloc(0);
  let look = (): void => undefined;
  socket.on('data', (part: Buffer) => {
    tail = Buffer.concat([tail, part]).subarray(-256);
    look();
  });
  const written = (bytes: Buffer | string): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  if (tcp.open !== undefined) await written(tcp.open);
  for (const [index, { bytes, rows }] of payloads.entries()) {
    const wanted = tcp.ack?.(rows, index);
    const acked = new Promise<void>((resolve, reject) => {
      look = () => (wanted === undefined || tail.includes(wanted) ? resolve() : undefined);
      socket.once('close', () => reject(new Error('the server closed the connection')));
      look();
    });
    await written(bytes);
    await acked;
  }
  socket.removeAllListeners('close');
  await new Promise<void>((resolve) => socket.end(() => resolve()));
};

const sendHttp = async (
  { path, type }: NonNullable<Protocol['http']>,
  url: string,
  payloads: readonly Payload[],
): Promise<void> => {
  const sender = new Sender(url, 2);
  const waiting = [...payloads];
  const run = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { status, body } = await sender.post(path, { 'content-type': type }, next.bytes);
      if (status >= 300) throw new Error(`${path} answered ${status}: ${body}`);
    }
  };
  await Promise.all([run(), run()]);
  sender.close();
};

type Call = (bytes: Buffer, done: (error: Error | null) => void) => void;
type Stream = (done: (error: Error | null) => void) => { write(b: Buffer): void; end(): void };

const sendGrpc = async (
  { path, stream }: NonNullable<Protocol['grpc']>,
  port: number,
  payloads: readonly Payload[],
): Promise<void> => {
  const same = (bytes: Buffer): Buffer => bytes;
  const Made = makeGenericClientConstructor(
    {
      call: {
        path,
        requestStream: stream,
        responseStream: false,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
    'Bench',
  );
  const client: Client = new Made(`127.0.0.1:${port}`, credentials.createInsecure());
  const { call } = client as unknown as { call: Call | Stream };
  await new Promise<void>((resolve, reject) => {
    const done = (error: Error | null): void => (error === null ? resolve() : reject(error));
    if (stream) {
      const calls = (call as Stream).call(client, done);
      for (const { bytes } of payloads) calls.write(bytes);
      calls.end();
      return;
    }
    const rest = [...payloads];
    const next = (error: Error | null): void => {
      const one = rest.shift();
      if (error !== null || one === undefined) done(error);
      else (call as Call).call(client, one.bytes, next);
    };
    next(null);
  });
  client.close();
};

/** Sends the payloads as the protocol's senders would, and waits for what it acknowledges. */
const send = async (
  protocol: Protocol,
  server: BenchServer,
  payloads: readonly Payload[],
): Promise<void> => {
  const { http, tcp, grpc } = protocol;
  if (http !== undefined) return sendHttp(http, server.url, payloads);
  if (tcp !== undefined) return sendTcp({ ...protocol, tcp }, server.portOf(tcp.port), payloads);
  if (grpc !== undefined) return sendGrpc(grpc, server.portOf(grpc.port), payloads);
};

export interface ProtocolsOptions {
  readonly restMs: number;
  /** Names to measure beside NDJSON; empty for all. */
  readonly names: readonly string[];
}

/** Records/s and raw MB per CPU-second of server and engine, a fresh server for each protocol. */
export const runProtocols = async (
  report: Report,
  directory: string,
  data: Data,
  { restMs, names }: ProtocolsOptions,
): Promise<void> => {
  let baseline = 0;
  for (const protocol of PROTOCOLS) {
    const isWanted = names.length === 0 || names.includes(protocol.name);
    if (!isWanted && protocol !== PROTOCOLS[0]) continue;
    const payloads: Payload[] = [];
    let sentBytes = 0;
    eachRequest(data, (some) => {
      payloads.push({ bytes: protocol.encode(some, payloads.length), rows: some.length });
      sentBytes += payloads.at(-1)?.bytes.length ?? 0;
    });
    // What carries the standard lines is counted by them; what carries spans, by its own bytes.
    const isSpans = Object.values(spans).some((encode) => encode === protocol.encode);
    const rawBytes = isSpans ? sentBytes : data.rawBytes;
    const ports = [protocol.tcp?.port, protocol.grpc?.port].filter((port) => port !== undefined);
    const server = await BenchServer.start(directory, undefined, ports);
    try {
      const before = await server.cpuMsAtRest(restMs);
      const from = performance.now();
      await send(protocol, server, payloads);
      await server.stored(data.records);
      const wallMs = performance.now() - from;
      const after = await server.cpuMsAtRest(restMs);
      const serverMs = after.server - before.server;
      const engineMs = after.engine - before.engine;
      const rate = mbPerSecond(rawBytes, serverMs + engineMs);
      if (protocol === PROTOCOLS[0]) baseline = rate;
      report.line(`${protocol.name}: raw MB per CPU-s`, rate, 'MB/CPU-s');
      report.line(`${protocol.name}: of NDJSON`, rate / baseline, 'x', { least: 1 / 3 });
      report.line(`${protocol.name}: records/s`, (1_000 * data.records) / wallMs, '');
      const perRecord = (1_000 * (serverMs + engineMs)) / data.records;
      report.line(`${protocol.name}: CPU a record`, perRecord, 'us');
    } finally {
      await server.stop();
    }
  }
};
