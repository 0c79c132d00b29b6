import { deflateSync, gzipSync } from 'node:zlib';
import { encode, ExtData } from '@msgpack/msgpack';
import { Bytes } from '../src/model/bytes.ts';
import { timeNsOf } from './payloads.ts';

/** The standard lines as each protocol's senders put them on the wire. */
export type Encode = (lines: readonly Buffer[], request: number) => Buffer;

const text = (line: Buffer): string => line.toString('utf8');
const secondsOf = (line: string): number => Number(timeNsOf(line) / 1_000_000n) / 1_000;

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** PackedForward with a chunk id, EventTime, gzip. */
export const forward: Encode = (lines, request) => {
  const entries = lines.map((line) => {
    const said = text(line);
    const ns = timeNsOf(said);
    const time = Buffer.concat([
      u32(Number(ns / 1_000_000_000n)),
      u32(Number(ns % 1_000_000_000n)),
    ]);
    return encode([new ExtData(0, time), { log: said, stream: 'stdout' }]);
  });
  const option = { chunk: `bench ${request}`, size: lines.length, compressed: 'gzip' };
  return Buffer.from(encode(['kube.app', gzipSync(Buffer.concat(entries)), option]));
};

/** One window of protocol v2, compressed, as Filebeat fills it. */
export const lumberjack: Encode = (lines) => {
  const frames = lines.map((line, index) => {
    const event = {
      '@timestamp': new Date(secondsOf(text(line)) * 1_000).toISOString(),
      '@metadata': { beat: 'filebeat', type: '_doc', version: '8.19.0' },
      message: text(line),
      log: { file: { path: '/var/log/app.log' }, offset: index },
      agent: { type: 'filebeat', version: '8.19.0' },
      host: { name: 'node-1' },
    };
    const json = Buffer.from(JSON.stringify(event));
    return Buffer.concat([Buffer.from('2J'), u32(index + 1), u32(json.length), json]);
  });
  const packed = deflateSync(Buffer.concat(frames), { level: 3 });
  const head = [Buffer.from('2W'), u32(lines.length), Buffer.from('2C'), u32(packed.length)];
  return Buffer.concat([...head, packed]);
};

const syslogMessage = (line: Buffer): Buffer => {
  const said = text(line);
  const time = new Date(secondsOf(said) * 1_000).toISOString();
  return Buffer.from(`<14>1 ${time} node-1 app 1 - - ${said}`);
};

/** RFC 6587 octet counting. */
export const syslog: Encode = (lines) =>
  Buffer.concat(
    lines.flatMap((line) => {
      const message = syslogMessage(line);
      return [Buffer.from(`${message.length} `), message];
    }),
  );

/** Number of the last RELP frame of each request: they run through the session. */
export const relpLast: number[] = [];

/** One RELP session's worth; `open` stands before the first request. */
export const relp: Encode = (lines, request) => {
  const first = request === 0 ? 2 : (relpLast[request - 1] as number) + 1;
  relpLast[request] = first + lines.length - 1;
  const frames = lines.flatMap((line, index) => {
    const message = syslogMessage(line);
    const number = first + index;
    return [Buffer.from(`${number} syslog ${message.length} `), message, Buffer.from('\n')];
  });
  return Buffer.concat(frames);
};

export const raw: Encode = (lines) =>
  Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));

const gelfMessage = (line: Buffer): string => {
  const said = text(line);
  const timestamp = secondsOf(said);
  const message = { version: '1.1', host: 'node-1', short_message: said, timestamp, level: 6 };
  return JSON.stringify({ ...message, _service: 'app' });
};

export const gelf: Encode = (lines) =>
  Buffer.from(lines.map((line) => `${gelfMessage(line)}\0`).join(''));

export const datadog: Encode = (lines) =>
  Buffer.from(
    JSON.stringify(
      lines.map((line) => ({
        message: text(line),
        ddsource: 'nodejs',
        ddtags: 'env:prod,version:1.2',
        hostname: 'node-1',
        service: 'app',
        status: 'info',
        timestamp: Math.round(secondsOf(text(line)) * 1_000),
      })),
    ),
  );

export const hec: Encode = (lines) =>
  Buffer.from(
    lines
      .map((line) => {
        const said = text(line);
        const event = { time: secondsOf(said), host: 'node-1', source: 'app', event: said };
        return JSON.stringify({ ...event, fields: { env: 'prod' } });
      })
      .join(''),
  );

export const journald: Encode = (lines, request) =>
  Buffer.from(
    lines
      .map((line, index) => {
        const said = text(line);
        const micros = timeNsOf(said) / 1_000n;
        return [
          `__CURSOR=s=bench;i=${request}-${index}`,
          `__REALTIME_TIMESTAMP=${micros}`,
          'PRIORITY=6',
          'SYSLOG_IDENTIFIER=app',
          '_HOSTNAME=node-1',
          '_PID=7',
          '_SYSTEMD_UNIT=app.service',
          `MESSAGE=${said}\n\n`,
        ].join('\n');
      })
      .join(''),
  );

export const firehose: Encode = (lines, request) =>
  Buffer.from(
    JSON.stringify({
      requestId: `bench-${request}`,
      timestamp: 1_700_000_000_000,
      records: lines.map((line) => ({ data: line.toString('base64') })),
    }),
  );

export const k8sAudit: Encode = (lines, request) =>
  Buffer.from(
    JSON.stringify({
      kind: 'EventList',
      apiVersion: 'audit.k8s.io/v1',
      items: lines.map((line, index) => ({
        level: 'RequestResponse',
        auditID: `bench-${request}-${index}`,
        stage: 'ResponseComplete',
        requestURI: '/api/v1/namespaces/shop/pods',
        verb: 'list',
        user: { username: 'system:node:node-1', groups: ['system:nodes'] },
        sourceIPs: ['10.0.0.7'],
        objectRef: { resource: 'pods', namespace: 'shop', apiVersion: 'v1' },
        responseStatus: { code: 200 },
        requestReceivedTimestamp: '2026-11-01T10:00:00.123456Z',
        stageTimestamp: '2026-11-01T10:00:00.125456Z',
        responseObject: JSON.parse(text(line)) as object,
      })),
    }),
  );

/** A length-delimited protobuf field. */
export const field = (out: Bytes, number: number, part: Uint8Array): void => {
  out.varint(number * 8 + 2);
  out.string(part, 0, part.length);
};

const fixed64 = (out: Bytes, number: number, value: bigint): void => {
  out.varint(number * 8 + 1);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  out.raw(bytes, 0, 8);
};

const made = (make: (out: Bytes) => void): Uint8Array => {
  const out = new Bytes(1_024);
  make(out);
  return out.take();
};

/** `AnyValue.string_value` under a key. */
const attribute = (key: string, value: string): Uint8Array =>
  made((out) => {
    field(out, 1, Buffer.from(key));
    field(
      out,
      2,
      made((any) => field(any, 1, Buffer.from(value))),
    );
  });

const resource = made((out) => {
  field(out, 1, attribute('service.name', 'app'));
  field(out, 1, attribute('k8s.pod.name', 'app-5d4f'));
});

/** `ExportLogsServiceRequest`, bodies are the lines. */
export const otlpLogs: Encode = (lines) => {
  const scope = made((out) => {
    for (const line of lines) {
      const record = made((one) => {
        fixed64(one, 1, timeNsOf(text(line)));
        one.varint(16);
        one.varint(9);
        field(
          one,
          5,
          made((any) => field(any, 1, line)),
        );
        field(one, 6, attribute('log.iostream', 'stdout'));
      });
      field(out, 2, record);
    }
  });
  const logs = made((out) => {
    field(out, 1, resource);
    field(out, 2, scope);
  });
  return Buffer.from(made((out) => field(out, 1, logs)));
};
