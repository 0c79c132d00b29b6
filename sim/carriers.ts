import { createSocket } from 'node:dgram';
import { compress } from 'snappyjs';
import { Bytes } from '../src/model/bytes.ts';
import { encodeLines } from '../src/app/cli/otlp-lines.ts';
import { post, Raw, type Answer, type RunningServer } from './running-server.ts';

/**
 * The ways in which tests send lines: made by hand, each in its protocol, so that any byte goes.
 */
export interface Carrier {
  readonly name: string;
  /** The `protocol` label of the counters. */
  readonly protocol: string;
  /** Whether bytes that are no UTF-8 can be sent. */
  readonly anyBytes: boolean;
  /** Sends lines of one service; resolves with the answer where the protocol has one. */
  send(server: RunningServer, service: string, lines: readonly Buffer[]): Promise<Answer>;
}

const NONE: Answer = {
  status: 0,
  headers: new Headers(),
  text: '',
  bytes: Buffer.alloc(0),
};

const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n;

const field = (out: Bytes, number: number, bytes: Uint8Array): void => {
  out.varint(number * 8 + 2);
  out.string(bytes, 0, bytes.length);
};

/** Loki's `PushRequest` with one stream, before snappy. */
export const lokiProtobuf = (
  labels: string,
  entries: readonly { readonly timeNs: bigint; readonly line: Uint8Array }[],
): Uint8Array => {
  const stream = new Bytes(1_024);
  field(stream, 1, Buffer.from(labels));
  for (const { timeNs, line } of entries) {
    const time = new Bytes(32);
    time.varint(8);
    time.varint(Number(timeNs / 1_000_000_000n));
    time.varint(16);
    time.varint(Number(timeNs % 1_000_000_000n));
    const entry = new Bytes(line.length + 64);
    field(entry, 1, time.take());
    field(entry, 2, line);
    field(stream, 2, entry.take());
  }
  const request = new Bytes(1_024);
  field(request, 1, stream.take());
  return request.take();
};

export const snappy = (bytes: Uint8Array): Uint8Array => compress(bytes);

const syslogFrame = (service: string, line: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`<14>1 ${new Date().toISOString()} host ${service} - - - `), line]);

const CARRIERS: readonly Carrier[] = [
  {
    name: 'Loki JSON',
    protocol: 'loki',
    anyBytes: false,
    send: (server, service, lines) => {
      const values = lines.map((line, n) => [String(nowNs() + BigInt(n)), line.toString('utf8')]);
      const streams = [{ stream: { service_name: service }, values }];
      const body = JSON.stringify({ streams });
      return post(server, '/loki/api/v1/push', 'application/json', body);
    },
  },
  {
    name: 'Loki protobuf',
    protocol: 'loki',
    anyBytes: true,
    send: (server, service, lines) => {
      const entries = lines.map((line, n) => ({ timeNs: nowNs() + BigInt(n), line }));
      const body = snappy(lokiProtobuf(`{service_name="${service}"}`, entries));
      return post(server, '/loki/api/v1/push', 'application/x-protobuf', body);
    },
  },
  {
    name: 'OTLP JSON',
    protocol: 'otlp',
    anyBytes: false,
    send: (server, service, lines) => {
      const logRecords = lines.map((line) => ({ body: { stringValue: line.toString('utf8') } }));
      const attributes = [{ key: 'service.name', value: { stringValue: service } }];
      const body = { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] };
      return post(server, '/v1/logs', 'application/json', JSON.stringify(body));
    },
  },
  {
    name: 'OTLP protobuf',
    protocol: 'otlp',
    anyBytes: true,
    send: (server, service, lines) => {
      const body = encodeLines({ 'service.name': service }, lines);
      return post(server, '/v1/logs', 'application/x-protobuf', body);
    },
  },
  {
    name: 'bulk',
    protocol: 'elasticsearch',
    anyBytes: false,
    send: (server, service, lines) => {
      const body = lines.map((line) => {
        const document = { message: line.toString('utf8'), service: { name: service } };
        return `{"create":{"_index":"logs"}}\n${JSON.stringify(document)}\n`;
      });
      return post(server, '/elastic/_bulk', 'application/x-ndjson', body.join(''));
    },
  },
  {
    name: 'syslog TCP',
    protocol: 'syslog',
    anyBytes: true,
    send: async (server, service, lines) => {
      const raw = new Raw(server.syslogPort);
      for (const line of lines) {
        const frame = syslogFrame(service, line);
        await raw.write(Buffer.concat([Buffer.from(`${frame.length} `), frame]));
      }
      raw.socket.end();
      await raw.end();
      return NONE;
    },
  },
  {
    name: 'syslog UDP',
    protocol: 'syslog',
    anyBytes: true,
    send: async (server, service, lines) => {
      const socket = createSocket('udp4');
      for (const line of lines) {
        const frame = syslogFrame(service, line);
        await new Promise((done) => socket.send(frame, server.syslogPort, '127.0.0.1', done));
      }
      socket.close();
      return NONE;
    },
  },
];

export const carriers = (fits: (carrier: Carrier) => boolean = () => true): Carrier[] =>
  CARRIERS.filter(fits);

/** Whole NDJSON objects: there the line is the object. */
export const sendNdjson = (
  server: RunningServer,
  lines: readonly (string | Buffer)[],
): Promise<Answer> => {
  const parts = lines.flatMap((line) => [Buffer.from(line as string), Buffer.from('\n')]);
  return post(server, '/v1/ndjson', 'application/x-ndjson', Buffer.concat(parts));
};
