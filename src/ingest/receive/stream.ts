import type { Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { LIMITS } from '../../model/limits.ts';
import { systemClock } from '../../platform/clock.ts';
import { isLoopback, type Sockets } from '../../platform/sockets.ts';
import type { Budget } from './budget.ts';
import type { TlsFiles } from './http.ts';

/**
 * TCP, TLS and UDP listeners: connections, pauses, limits; no protocol. Bytes go to a `StreamFace`
 * in order; a connection is paused while too many of its bytes wait for durability.
 */
export interface StreamFace {
  /**
   * Handles the next bytes of a connection (or one datagram); resolves when they are durable, with
   * what to send back. `last` says that the stream ended. Never rejects.
   */
  bytes(
    connection: number,
    peer: { readonly address: string; readonly transport: 'tcp' | 'udp' },
    bytes: Uint8Array,
    last: boolean,
  ): Promise<{ readonly reply?: Uint8Array; readonly close?: boolean }>;
  /** A peer that may not talk here was turned away. */
  turnedAway(address: string): void;
  /** Datagrams or bytes that had to be thrown away, counted per source. */
  dropped(address: string, bytes: number): void;
}

export interface StreamListener {
  readonly host: string;
  readonly port: number;
  close(graceMs: number): Promise<void>;
}

let connections = 0;

const plain = (address: string | undefined): string =>
  address === undefined ? '' : address.startsWith('::ffff:') ? address.slice(7) : address;

/** Runs one connection; the result resolves when it has ended and all its bytes are settled. */
const runConnection = (socket: Socket, face: StreamFace, budget: Budget): Promise<void> => {
  const id = ++connections;
  const peer = { address: plain(socket.remoteAddress), transport: 'tcp' } as const;
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();
  let ended = false;
  const resume = (): void => {
    if (waiting >= LIMITS.streamWindowBytes || socket.destroyed) return;
    if (budget.full) budget.whenRoom(resume);
    else socket.resume();
  };
  const handle = async (bytes: Uint8Array, end: boolean): Promise<void> => {
    waiting += bytes.length;
    budget.force(bytes.length);
    if (waiting >= LIMITS.streamWindowBytes || budget.full) socket.pause();
    const size = bytes.length;
    const { reply, close } = await face.bytes(id, peer, bytes, end);
    waiting -= size;
    budget.give(size);
    if (reply !== undefined && socket.writable) socket.write(reply);
    if (close === true) socket.end();
    resume();
  };
  return new Promise((resolve) => {
    const finish = (): void => {
      if (ended) return;
      ended = true;
      last = handle(new Uint8Array(0), true);
      void last.then(resolve);
    };
    socket.setTimeout(LIMITS.idleConnectionMs, () => socket.destroy());
    socket.on('data', (part: Buffer) => void handle(part, false));
    socket.on('error', () => undefined);
    socket.on('end', finish);
    socket.on('close', finish);
  });
};

const mayTalk = (socket: Socket & { authorized?: boolean }): boolean =>
  isLoopback(plain(socket.remoteAddress)) || socket.authorized === true;

export const listenTcp = async (
  sockets: Sockets,
  address: { readonly host: string; readonly port: number },
  face: StreamFace,
  budget: Budget,
  tls?: TlsFiles,
): Promise<StreamListener> => {
  const open = new Map<Socket, Promise<void>>();
  const accept = (socket: Socket | TLSSocket): void => {
    if (!mayTalk(socket)) {
      face.turnedAway(plain(socket.remoteAddress));
      socket.destroy();
      return;
    }
    const done = runConnection(socket, face, budget);
    open.set(socket, done);
    void done.then(() => open.delete(socket));
  };
  const server: Server =
    tls === undefined
      ? sockets.tcpServer({}, accept)
      : sockets.tlsServer(
          {
            cert: tls.cert,
            key: tls.key,
            minVersion: 'TLSv1.2',
            ...(tls.clientCa !== undefined && {
              ca: tls.clientCa,
              requestCert: true,
              rejectUnauthorized: false,
            }),
          },
          accept,
        );
  server.maxConnections = LIMITS.connections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', () => undefined);
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  const close = async (graceMs: number): Promise<void> => {
    server.close();
    for (const socket of open.keys()) socket.end();
    const cut = systemClock.setTimer(graceMs, () => {
      for (const socket of open.keys()) socket.destroy();
    });
    // What has arrived is read and made durable; senders notice the end and reconnect elsewhere.
    for (const socket of open.keys()) socket.destroySoon();
    await Promise.all(open.values());
    cut.cancel();
  };
  return { host: address.host, port, close };
};

/** Kernel buffer asked for, bytes: a burst of datagrams waits here while a turn runs. */
const UDP_BUFFER_BYTES = 8 * 1_048_576;

export const listenUdp = async (
  sockets: Sockets,
  address: { readonly host: string; readonly port: number },
  face: StreamFace,
  budget: Budget,
): Promise<StreamListener> => {
  const socket: UdpSocket = sockets.udpSocket(address.host.includes(':') ? 'udp6' : 'udp4');
  const id = ++connections;
  const pending = new Set<Promise<unknown>>();
  socket.on('message', (bytes, from) => {
    const source = plain(from.address);
    if (!isLoopback(source)) return face.turnedAway(source);
    if (!budget.take(bytes.length)) return face.dropped(source, bytes.length);
    const size = bytes.length;
    const done = face.bytes(id, { address: source, transport: 'udp' }, bytes, false).then(() => {
      budget.give(size);
      pending.delete(done);
    });
    pending.add(done);
    return undefined;
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(address.port, address.host, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  socket.on('error', () => undefined);
  try {
    socket.setRecvBufferSize(UDP_BUFFER_BYTES);
  } catch {
    // The kernel's own limit is lower: its default stays.
  }
  return {
    host: address.host,
    port: socket.address().port,
    close: async () => {
      socket.close();
      await Promise.all(pending);
    },
  };
};
