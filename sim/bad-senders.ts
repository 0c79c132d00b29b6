import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2, constants } from 'node:http2';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { decode, encode } from '@msgpack/msgpack';
import type { PortName } from '../src/app/configuration.ts';
import { eventually, type Raw, type RunningServer } from './running-server.ts';

/** What hostile peers send, by protocol. */
export const MIB = 1_048_576;

export const HTTP_PORTS = [
  ['elasticsearch', '/_bulk'],
  ['loki', '/loki/api/v1/push'],
  ['otlp-http', '/v1/logs'],
  ['hec', '/services/collector/event'],
  ['datadog', '/api/v2/logs'],
  ['journald', '/upload'],
  ['zipkin', '/api/v2/spans'],
  ['jaeger-http', '/api/traces'],
] as const satisfies readonly (readonly [PortName, string])[];

export const GRPC_PORTS = ['otlp-grpc', 'jaeger-grpc', 'als'] as const;
export const UDP_PORTS = ['syslog', 'gelf', 'raw', 'jaeger-compact', 'jaeger-binary'] as const;

/** Client preface and an empty SETTINGS frame (RFC 9113, 3.4). */
const HTTP2_PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/** A valid beginning of each TCP protocol, after which nothing comes. */
export const beginnings = (key: string): Readonly<Record<string, string | Buffer>> => ({
  ...Object.fromEntries(
    HTTP_PORTS.map(([port, path]) => [
      port,
      `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\n` +
        'content-type: application/json\r\ncontent-length: 1000\r\n\r\n[{"message":"beg',
    ]),
  ),
  ...Object.fromEntries(GRPC_PORTS.map((port) => [port, HTTP2_PREFACE])),
  forward: encode(['PING', 'host', 'salt', 'digest', '', '']).subarray(0, 12) as Buffer,
  lumberjack: Buffer.from('2W\0\0\0\x0a2J\0\0\0\x01\0\0\x10\0{"message":"beg', 'latin1'),
  relp: '1 open 5000 relp_version=0\nrelp',
  syslog: '5000 <14>1 2026-11-21T10:00:00Z h beginning - - - beg',
  gelf: '{"version":"1.1","host":"h","short_message":"beg',
  raw: 'beg',
});

/** Bytes that repeat from run to run and look like noise. */
export const noise = (length: number, seed: number): Buffer => {
  let state = seed;
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
};

/** The resident memory of the server's own process, bytes. */
export const residentBytes = (server: RunningServer): number => {
  const status = readFileSync(`/proc/${String(server.process.pid)}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
};

const sha512 = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** A PING that proves `key` to whoever sent the greeting. */
export const pingFor = (greeting: Uint8Array, key: string): Buffer => {
  const [, { nonce }] = decode(greeting) as [string, { nonce: Uint8Array }];
  const digest = sha512('salt', 'client.example', nonce, key);
  return Buffer.from(encode(['PING', 'client.example', 'salt', digest, '', '']));
};

/** The server's greeting on a new connection of forward. */
export const greeted = async (raw: Raw): Promise<Buffer> => {
  await eventually(
    () => raw.received,
    (text) => text.length > 0,
  );
  return Buffer.from(raw.received, 'latin1');
};

/** What came after the greeting: whether the PING was believed. */
export const pong = async (raw: Raw, greeting: Buffer): Promise<boolean> => {
  const rest = (): string => raw.received.slice(greeting.length);
  await eventually(
    () => rest().length > 0 || raw.closed,
    (answered) => answered,
  );
  const [word, ok] = decode(Buffer.from(rest(), 'latin1')) as [string, boolean];
  return word === 'PONG' && ok;
};

/** Bodies of zeros, 256 MiB unpacked. */
export const bombs = (): Readonly<Record<'gzip' | 'deflate' | 'zstd', Buffer>> => {
  const zeros = Buffer.alloc(256 * MIB);
  return { gzip: gzipSync(zeros), deflate: deflateSync(zeros), zstd: zstdCompressSync(zeros) };
};

/** A unary gRPC call whose message is compressed as `encoding` says; gives grpc-status. */
export const compressedCall = (
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  encoding: string,
  message: Buffer,
): Promise<string> =>
  new Promise((resolve) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    let status = 'none';
    const done = (): void => {
      session.destroy();
      resolve(status);
    };
    session.on('error', done);
    const call = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-encoding': encoding,
      ...headers,
    });
    const take = (fields: Record<string, unknown>): void => {
      if (typeof fields['grpc-status'] === 'string') status = fields['grpc-status'];
    };
    call.on('response', take).on('trailers', take).on('error', done).on('close', done);
    call.resume();
    const head = Buffer.alloc(5);
    head[0] = 1;
    head.writeUInt32BE(message.length, 1);
    call.end(Buffer.concat([head, message]));
  });
