import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../../sim/certificates.ts';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import { systemSockets } from '../../platform/sockets.ts';
import { Budget } from './budget.ts';
import {
  listenTcp,
  listenUdp,
  type StreamFace,
  type StreamFrom,
  type StreamListener,
  type StreamTls,
} from './stream.ts';
import type { TlsFiles } from './tls.ts';

const directory = mkdtempSync(join(tmpdir(), 'meshtrail-stream-'));
const pem = (name: string): string => readFileSync(join(directory, name), 'utf8');
const address = { host: '127.0.0.1', port: 0 };
const limits = { ...LIMITS };
let files: TlsFiles;
let listener: StreamListener;
const sockets: Socket[] = [];
/** What the faces were given: a listener closes once all of it is settled. */
const unsettled: (() => void)[] = [];

beforeAll(() => {
  makeCertificates(directory);
  files = { cert: pem('server.pem'), key: pem('server.key'), clientCa: pem('ca.pem') };
});

afterEach(async () => {
  overrideLimits(limits);
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const settle of unsettled.splice(0)) settle();
  await listener.close(0);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Piece {
  readonly text: string;
  readonly from: StreamFrom;
  /** Says that the piece is durable, with what is answered. */
  settle(reply?: string): void;
}

/** A face that answers when the test says so. */
const faceOf = (over: Partial<StreamFace> = {}): { face: StreamFace; pieces: Piece[] } => {
  const pieces: Piece[] = [];
  const face: StreamFace = {
    secret: 'none',
    greets: false,
    keepalive: () => undefined,
    bytes: (_connection, from, bytes, last) =>
      new Promise((resolve) => {
        const settle = (reply?: string): void =>
          resolve(reply === undefined ? {} : { reply: Buffer.from(reply) });
        const text = Buffer.from(bytes).toString('latin1');
        if (last) settle();
        else pieces.push({ text, from, settle });
        unsettled.push(settle);
      }),
    turnedAway: () => pieces.push({ text: 'turned away' } as Piece),
    dropped: () => undefined,
    ...over,
  };
  return { face, pieces };
};

const open = async (face: StreamFace, tls?: StreamTls): Promise<void> => {
  listener = await listenTcp(systemSockets, address, face, new Budget(1_000_000), tls);
};

/** Connects, and keeps what comes back in `received`. */
const dial = (make: () => Socket): { socket: Socket; received: () => string } => {
  const socket = make();
  sockets.push(socket);
  let received = '';
  socket.on('data', (part: Buffer) => (received += part.toString('latin1')));
  socket.on('error', () => undefined);
  return { socket, received: () => received };
};

const dialPlain = (): ReturnType<typeof dial> => dial(() => connect(listener.port, '127.0.0.1'));
const dialTls = (client?: string): ReturnType<typeof dial> =>
  dial(() =>
    connectTls({
      port: listener.port,
      host: '127.0.0.1',
      ca: pem('ca.pem'),
      ...(client !== undefined && { cert: pem(`${client}.pem`), key: pem(`${client}.key`) }),
    }),
  );

const until = (condition: () => boolean): Promise<void> =>
  expect.poll(condition, { timeout: 10_000, interval: 5 }).toBe(true);

test('answers go back in the order of the bytes, each after all before it is durable', async () => {
  const { face, pieces } = faceOf();
  await open(face);
  const { socket, received } = dialPlain();
  socket.write('first');
  await until(() => pieces.length === 1);
  socket.write('second');
  await until(() => pieces.length === 2);
  pieces[1]?.settle('ack 2;');
  // The second is settled and its answer waits: nothing may be seen of it before the first's.
  await new Promise((resolve) => setImmediate(resolve));
  expect(received()).toBe('');
  pieces[0]?.settle('ack 1;');
  await until(() => received() === 'ack 1;ack 2;');
});

test('a server that speaks first does, before any byte comes', async () => {
  const { face, pieces } = faceOf({ greets: true });
  await open(face);
  const { received } = dialPlain();
  await until(() => pieces.length === 1);
  expect(pieces[0]?.text).toBe('');
  expect(pieces[0]?.from.nonce).toHaveLength(16);
  pieces[0]?.settle('hello');
  await until(() => received() === 'hello');
});

test('a sender that waits hears that we live, and no more once it has its answer', async () => {
  overrideLimits({ keepaliveMs: 20 });
  const { face, pieces } = faceOf({
    keepalive: (first) => (first === 0x32 ? Buffer.from('.') : undefined),
  });
  await open(face);
  const { socket, received } = dialPlain();
  socket.write('2W');
  await until(() => received().length >= 3);
  pieces[0]?.settle('A');
  await until(() => received().endsWith('A'));
  const other = dialPlain();
  other.socket.write('x');
  await until(() => pieces.length === 2);
  pieces[1]?.settle('B');
  await until(() => other.received() === 'B');
  expect(received()).toMatch(/^\.+A$/);
});

describe('one port takes TLS and clear text, told by the first byte', () => {
  const tls = (clearAllowed: boolean): StreamTls => ({ files, mode: 'sniffed', clearAllowed });

  test('both, from loopback', async () => {
    const { face, pieces } = faceOf();
    await open(face, tls(false));
    dialPlain().socket.write('clear');
    await until(() => pieces.length === 1);
    dialTls().socket.write('secret');
    await until(() => pieces.length === 2);
    dialTls('client').socket.write('signed');
    await until(() => pieces.length === 3);
    expect(pieces.map(({ text, from }) => [text, from.encrypted, from.identity])).toEqual([
      ['clear', false, ''],
      ['secret', true, ''],
      ['signed', true, 'client'],
    ]);
  });

  test('where the server speaks first, a client that is silent speaks no TLS', async () => {
    overrideLimits({ silenceMs: 100 });
    const { face, pieces } = faceOf({ greets: true, secret: 'own' });
    await open(face, tls(false));
    const silent = dialPlain();
    await until(() => pieces.length === 1);
    pieces[0]?.settle('HELO');
    await until(() => silent.received() === 'HELO');
    const secure = dialTls();
    await until(() => pieces.length === 2);
    pieces[1]?.settle('HELO');
    await until(() => secure.received() === 'HELO');
    expect(pieces.map(({ from }) => from.encrypted)).toEqual([false, true]);
  });

  test('a handshake that is never finished is cut off', async () => {
    overrideLimits({ headersMs: 100 });
    const { face, pieces } = faceOf();
    await open(face, tls(false));
    const { socket } = dialPlain();
    let closed = false;
    socket.on('close', () => (closed = true));
    socket.write(Buffer.from('16030100', 'hex'));
    await until(() => closed);
    expect(pieces).toEqual([]);
  });

  test('a client certificate that nobody signed proves nothing', async () => {
    const { face, pieces } = faceOf();
    await open(face, tls(false));
    dialTls('rogue').socket.write('rogue');
    await until(() => pieces.length === 1);
    expect(pieces[0]?.from.identity).toBe('');
  });
});

test('5,000 idle connections cost little, and who talks among them is heard', async () => {
  const { face, pieces } = faceOf();
  await open(face);
  const before = process.memoryUsage().rss;
  const idle = LIMITS.connections - 1;
  let connected = 0;
  for (let i = 0; i < idle; i++) {
    dialPlain().socket.on('connect', () => connected++);
    if (i % 250 === 249) await until(() => connected === i + 1);
  }
  await until(() => connected === idle);
  dialPlain().socket.write('heard');
  await until(() => pieces.some(({ text }) => text === 'heard'));
  // One more than the limit is closed by the server, not kept waiting.
  let closed = false;
  dialPlain().socket.on('close', () => (closed = true));
  await until(() => closed);
  expect(process.memoryUsage().rss - before).toBeLessThan(400_000_000);
}, 60_000);

test('a datagram is answered where it came from', async () => {
  const { face, pieces } = faceOf();
  listener = await listenUdp(systemSockets, address, face, new Budget(1_000_000));
  const client = createSocket('udp4');
  let received = '';
  client.on('message', (bytes) => (received = bytes.toString()));
  client.send('ping', listener.port, '127.0.0.1');
  await until(() => pieces.length === 1);
  pieces[0]?.settle('pong');
  await until(() => received === 'pong');
  expect(pieces[0]?.from).toMatchObject({ address: '127.0.0.1', transport: 'udp' });
  client.close();
});
