import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Client,
  credentials,
  Metadata,
  status,
  type ChannelCredentials,
  type ClientWritableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../../sim/certificates.ts';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import { systemSockets } from '../../platform/sockets.ts';
import { Budget } from './budget.ts';
import type { CallAnswer, GrpcFace, ReceivedCall } from './grpc-call.ts';
import { listenGrpc, type GrpcListener } from './grpc.ts';
import type { TlsFiles } from './tls.ts';

const UNARY = '/test.Service/Unary';
const STREAM = '/test.Service/Stream';
const asBytes = (bytes: Buffer): Buffer => bytes;
const before = { ...LIMITS };
const toClose: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
  overrideLimits(before);
});

/** A face that keeps what it hears; its parts can be replaced. */
interface Heard {
  readonly calls: ReceivedCall[];
  readonly messages: Buffer[];
  readonly forgotten: number[];
  readonly unread: number[];
}

const faceOf = (parts: Partial<GrpcFace> = {}): GrpcFace & Heard => {
  const heard: Heard = { calls: [], messages: [], forgotten: [], unread: [] };
  return {
    ...heard,
    methods: [
      { path: UNARY, stream: false },
      { path: STREAM, stream: true },
    ],
    admit: (call) => {
      heard.calls.push(call);
      return undefined;
    },
    message: async (call, bytes): Promise<CallAnswer | undefined> => {
      heard.messages.push(Buffer.from(bytes));
      return call.isStream ? undefined : { status: 0, message: Buffer.from('done') };
    },
    end: async () => ({ status: 0, message: Buffer.from(String(heard.messages.length)) }),
    abandoned: (call) => void heard.forgotten.push(call.id),
    unreadable: (call) => void heard.unread.push(call.id),
    refuse: (_call, why) => ({ status: status.UNAVAILABLE, text: why, details: Buffer.from(why) }),
    ...parts,
  };
};

const open = async (
  face: GrpcFace,
  budget = new Budget(1 << 28),
  tls?: TlsFiles,
): Promise<GrpcListener> => {
  const address = { host: '127.0.0.1', port: 0 };
  const listener = await listenGrpc(systemSockets, address, face, budget, tls);
  toClose.push(() => listener.close(100));
  return listener;
};

const clientOf = ({ port }: GrpcListener, how?: ChannelCredentials, options = {}): Client => {
  const client = new Client(`localhost:${port}`, how ?? credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
    ...options,
  });
  toClose.push(() => client.close());
  return client;
};

const ask = (client: Client, path: string, message: Buffer, metadata = new Metadata()) =>
  new Promise<string>((resolve, reject) => {
    client.makeUnaryRequest(path, asBytes, asBytes, message, metadata, (error, answer) => {
      if (error === null) resolve(answer?.toString() ?? '');
      else reject(error);
    });
  });

const streamOf = (client: Client): [ClientWritableStream<Buffer>, Promise<string>] => {
  let stream: ClientWritableStream<Buffer> | undefined;
  const answered = new Promise<string>((resolve, reject) => {
    stream = client.makeClientStreamRequest<Buffer, Buffer>(
      STREAM,
      asBytes,
      asBytes,
      new Metadata(),
      (error, answer) => {
        if (error === null) resolve(answer?.toString() ?? '');
        else reject(error);
      },
    );
  });
  answered.catch(() => undefined);
  return [stream as ClientWritableStream<Buffer>, answered];
};

const failureOf = (asking: Promise<unknown>): Promise<ServiceError> =>
  asking.then(
    () => expect.fail('it was answered'),
    (error: unknown) => error as ServiceError,
  );

const until = async (isSo: () => boolean): Promise<void> => {
  await expect.poll(isSo, { timeout: 10_000, interval: 10 }).toBe(true);
};

describe('unary calls', () => {
  test('are answered with what the face says, plain and compressed', async () => {
    const face = faceOf();
    const listener = await open(face);
    const metadata = new Metadata();
    metadata.set('X-Scope-OrgID', 'red');
    expect(await ask(clientOf(listener), UNARY, Buffer.from('hello'), metadata)).toBe('done');
    for (const algorithm of [1, 2]) {
      const client = clientOf(listener, undefined, {
        'grpc.default_compression_algorithm': algorithm,
      });
      expect(await ask(client, UNARY, Buffer.alloc(100_000, 'a'))).toBe('done');
    }
    expect(face.messages.map(({ length }) => length)).toEqual([5, 100_000, 100_000]);
    expect(face.unread).toEqual([]);
    expect(face.calls[0]).toMatchObject({
      path: UNARY,
      isStream: false,
      peer: { address: '127.0.0.1', encrypted: false, identity: '' },
    });
    expect(face.calls[0]?.metadata['x-scope-orgid']).toBe('red');
    expect(face.calls[0]?.metadata['user-agent']).toMatch(/grpc/);
  });

  test('are refused before a message is read', async () => {
    const face = faceOf({ admit: () => ({ status: status.UNAUTHENTICATED, text: 'no key' }) });
    const error = await failureOf(ask(clientOf(await open(face)), UNARY, Buffer.from('x')));
    expect(error).toMatchObject({ code: status.UNAUTHENTICATED, details: 'no key' });
    expect(face.messages).toEqual([]);
  });

  test('are refused where their message is too large, as sent or unpacked', async () => {
    overrideLimits({ requestBytes: 10_000 });
    const face = faceOf();
    const listener = await open(face);
    for (const algorithm of [0, 2]) {
      const client = clientOf(listener, undefined, {
        'grpc.default_compression_algorithm': algorithm,
      });
      const error = await failureOf(ask(client, UNARY, Buffer.alloc(1_000_000)));
      expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    }
    expect(face.messages).toEqual([]);
    expect(face.unread).toEqual(face.calls.map(({ id }) => id));
  });

  test('are refused with details where memory is short, and taken when it is not', async () => {
    const budget = new Budget(10_000);
    const client = clientOf(await open(faceOf(), budget));
    const error = await failureOf(ask(client, UNARY, Buffer.alloc(100_000)));
    expect(error).toMatchObject({ code: status.UNAVAILABLE, details: 'busy' });
    expect(error.metadata.get('grpc-status-details-bin')).toEqual([Buffer.from('busy')]);
    expect(await ask(client, UNARY, Buffer.alloc(1_000))).toBe('done');
    await until(() => budget.usedBytes === 0);
  });

  test('of other methods are unknown; health is always good', async () => {
    const client = clientOf(await open(faceOf()));
    const error = await failureOf(ask(client, '/test.Service/Other', Buffer.alloc(0)));
    expect(error.code).toBe(status.UNIMPLEMENTED);
    const health = await ask(client, '/grpc.health.v1.Health/Check', Buffer.alloc(0));
    expect(Buffer.from(health)).toEqual(Buffer.from([0x08, 0x01]));
  });
});

describe('streams', () => {
  test('are answered when all of their messages are durable', async () => {
    const waiting: (() => void)[] = [];
    const face = faceOf({
      message: () => new Promise((resolve) => waiting.push(() => resolve(undefined))),
      end: async () => ({ status: 0, message: Buffer.from('end') }),
    });
    const [stream, answered] = streamOf(clientOf(await open(face)));
    for (let i = 0; i < 3; i++) stream.write(Buffer.from(`message ${i}`));
    stream.end();
    await until(() => waiting.length === 3);
    let isAnswered = false;
    void answered.then(() => (isAnswered = true));
    waiting[2]?.();
    waiting[1]?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(isAnswered).toBe(false);
    waiting[0]?.();
    expect(await answered).toBe('end');
    expect(face.forgotten).toEqual([]);
  });

  test('are read only as fast as they become durable', async () => {
    overrideLimits({ streamWindowBytes: 100_000 });
    const budget = new Budget(1 << 28);
    let taken = 0;
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const face = faceOf({
      message: async () => {
        taken++;
        await gate;
        return undefined;
      },
      end: async () => ({ status: 0, message: Buffer.from(String(taken)) }),
    });
    const [stream, answered] = streamOf(clientOf(await open(face, budget)));
    for (let i = 0; i < 1_000; i++) stream.write(Buffer.alloc(10_000));
    stream.end();
    await until(() => taken >= 10);
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBeLessThan(12);
    expect(budget.usedBytes).toBeLessThan(400_000);
    go();
    expect(await answered).toBe('1000');
    await until(() => budget.usedBytes === 0);
  });

  test('of tens of thousands of empty messages are taken, few at a time', async () => {
    let taken = 0;
    let most = 0;
    let waiting = 0;
    const face = faceOf({
      message: async () => {
        taken++;
        most = Math.max(most, ++waiting);
        await new Promise((resolve) => setImmediate(resolve));
        waiting--;
        return undefined;
      },
      end: async () => ({ status: 0, message: Buffer.from(String(taken)) }),
    });
    const [stream, answered] = streamOf(clientOf(await open(face)));
    for (let i = 0; i < 20_000; i++) stream.write(Buffer.alloc(0));
    stream.end();
    expect(await answered).toBe('20000');
    expect(most).toBeLessThan(3_000);
  });

  test('that are cut off are abandoned', async () => {
    const face = faceOf();
    const { port } = await open(face);
    // Not by grpc-js, which ends a stream in good order before it resets it.
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const type = { 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ':method': 'POST', ':path': STREAM, ...type });
    stream.on('error', () => undefined);
    stream.write(Buffer.from([0, 0, 0, 0, 1, 0x61]));
    await until(() => face.messages.length === 1);
    session.destroy();
    await until(() => face.forgotten.length === 1);
    expect(face.unread).toEqual([]);
    expect(face.forgotten).toEqual([face.calls[0]?.id]);
  });

  test('are ended when the server stops, once what was read is durable', async () => {
    let isDurable = false;
    let go: (() => void) | undefined;
    const face = faceOf({
      message: async () => {
        await new Promise<void>((resolve) => (go = resolve));
        isDurable = true;
        return undefined;
      },
    });
    const listener = await open(face);
    const [stream, answered] = streamOf(clientOf(listener));
    stream.write(Buffer.from('one'));
    await until(() => go !== undefined);
    const closing = listener.close(5_000);
    go?.();
    const error = await failureOf(answered);
    expect(error).toMatchObject({ code: status.UNAVAILABLE, details: 'stopping' });
    expect(isDurable).toBe(true);
    await closing;
  });
});

describe('connections', () => {
  test('show the name of a certificate that the client CA signed, and only then', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'meshtrail-grpc-'));
    toClose.push(() => rmSync(directory, { recursive: true, force: true }));
    makeCertificates(directory);
    const pem = (name: string): Buffer => readFileSync(join(directory, name));
    const face = faceOf();
    const tls = { cert: String(pem('server.pem')), key: String(pem('server.key')) };
    const listener = await open(face, undefined, { ...tls, clientCa: String(pem('ca.pem')) });
    for (const name of ['client', 'rogue', undefined]) {
      const [key, cert] = name === undefined ? [null, null] : [`${name}.key`, `${name}.pem`];
      const how = credentials.createSsl(
        pem('ca.pem'),
        key === null ? null : pem(key),
        cert === null ? null : pem(cert),
      );
      expect(await ask(clientOf(listener, how), UNARY, Buffer.from('x'))).toBe('done');
    }
    expect(face.calls.map(({ peer }) => peer.identity)).toEqual(['client', '', '']);
    expect(face.calls.every(({ peer }) => peer.encrypted)).toBe(true);
  });

  test('that speak something else harm nobody', async () => {
    const listener = await open(faceOf());
    for (const words of ['GET / HTTP/1.1\r\nhost: a\r\n\r\n', '\0\0\0', '\u0016\u0003\u0001']) {
      await new Promise<void>((resolve) => {
        const socket = connect(listener.port, '127.0.0.1', () => socket.end(words));
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
        socket.resume();
      });
    }
    expect(await ask(clientOf(listener), UNARY, Buffer.from('x'))).toBe('done');
  });
});
