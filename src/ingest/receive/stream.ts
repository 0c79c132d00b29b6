import type { Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { LIMITS } from '../../model/limits.ts';
import { systemClock, type Timer } from '../../platform/clock.ts';
import { systemRandom } from '../../platform/random.ts';
import { isLoopback, type Sockets } from '../../platform/sockets.ts';
import { udpDrops } from '../../platform/udp-drops.ts';
import { bind } from './bind.ts';
import type { Budget } from './budget.ts';
import { certificateName, type TlsFiles } from './tls.ts';

/**
 * TCP, TLS and UDP listeners: connections, pauses, limits; no protocol. Bytes go to a `StreamFace`
 * in order; a connection is paused while too many of its bytes wait for durability, and answers go
 * back in the order of the bytes, each once everything before it is durable.
 */
export interface StreamFace {
  /** `none`: only peers on loopback or with a certificate may talk; `own`: sessions check it. */
  readonly secret: 'none' | 'own';
  /** The server speaks first: the face is given no bytes when a connection opens. */
  readonly greets: boolean;
  /** What is sent every `LIMITS.keepaliveMs` while a sender waits, by its first byte. */
  keepalive(firstByte: number): Uint8Array | undefined;
  /**
   * Handles the next bytes of a connection (or one datagram); resolves when they are durable, with
   * what to send back. `last` says that the stream ended. Never rejects.
   */
  bytes(
    connection: number,
    peer: StreamFrom,
    bytes: Uint8Array,
    last: boolean,
  ): Promise<{ readonly reply?: Uint8Array; readonly close?: boolean }>;
  /** A peer that may not talk here was turned away. */
  turnedAway(address: string): void;
  /** Datagrams or bytes that had to be thrown away, counted per source. */
  dropped(address: string, bytes: number): void;
}

/** Who sends. */
export interface StreamFrom {
  readonly address: string;
  readonly transport: 'tcp' | 'udp';
  readonly encrypted: boolean;
  /** Common name of a certificate that our client CA signed, or ''. */
  readonly identity: string;
  /** Random bytes of this connection, where the server speaks first. */
  readonly nonce?: Uint8Array;
}

export interface StreamListener {
  readonly host: string;
  readonly port: number;
  /** Datagrams that the kernel threw away since the listener was opened. */
  readonly lost?: () => number;
  close(graceMs: number): Promise<void>;
}

/** Time for connections that were cut to settle, ms. */
const SETTLE_MS = 500;

let connections = 0;

/** A number that no other stream of bytes in this process has. */
export const newConnection = (): number => ++connections;

const plain = (address: string | undefined): string =>
  address === undefined ? '' : address.startsWith('::ffff:') ? address.slice(7) : address;

/** Sends what keeps a sender waiting, as long as bytes of its connection wait. */
class Keepalive {
  private readonly socket: Socket;
  private readonly face: StreamFace;
  private timer: Timer | undefined;
  private bytes: Uint8Array | undefined;
  private isKnown = false;

  constructor(socket: Socket, face: StreamFace) {
    this.socket = socket;
    this.face = face;
  }

  /** Bytes came, and wait. */
  started(part: Uint8Array): void {
    if (!this.isKnown && part.length > 0) {
      this.isKnown = true;
      this.bytes = this.face.keepalive(part[0] as number);
    }
    if (this.bytes !== undefined) this.timer ??= this.arm(this.bytes);
  }

  /** Nothing waits any more. */
  settled(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private arm(bytes: Uint8Array): Timer {
    return systemClock.setTimer(LIMITS.keepaliveMs, () => {
      if (this.socket.writable) this.socket.write(bytes);
      this.timer = this.socket.destroyed ? undefined : this.arm(bytes);
    });
  }
}

/** Runs one connection; the result resolves when it has ended and all its bytes are settled. */
const runConnection = (
  socket: Socket,
  face: StreamFace,
  budget: Budget,
  peer: StreamFrom,
): Promise<void> => {
  const id = ++connections;
  const keepalive = new Keepalive(socket, face);
  let waiting = 0;
  let jobs = 0;
  let last: Promise<void> = Promise.resolve();
  let ended = false;
  const resume = (): void => {
    if (waiting >= LIMITS.streamWindowBytes || socket.destroyed) return;
    if (budget.full) budget.whenRoom(resume);
    else socket.resume();
  };
  const handle = async (bytes: Uint8Array, end: boolean): Promise<void> => {
    const size = bytes.length;
    waiting += size;
    jobs++;
    budget.force(size);
    if (waiting >= LIMITS.streamWindowBytes || budget.full) socket.pause();
    if (!end) keepalive.started(bytes);
    const before = last;
    const answer = await face.bytes(id, peer, bytes, end);
    // What holds no rows is settled at once: its answer must not overtake rows on their way.
    await before;
    waiting -= size;
    budget.give(size);
    if (--jobs === 0) keepalive.settled();
    if (answer.reply !== undefined && socket.writable) socket.write(answer.reply);
    if (answer.close === true) socket.end();
    resume();
  };
  return new Promise((resolve) => {
    const finish = (): void => {
      if (ended) return;
      ended = true;
      last = handle(new Uint8Array(0), true);
      void last.then(() => {
        keepalive.settled();
        resolve();
      });
    };
    socket.setTimeout(LIMITS.idleConnectionMs, () => socket.destroy());
    socket.on('data', (part: Buffer) => {
      last = handle(part, false);
    });
    socket.on('error', () => undefined);
    socket.on('end', finish);
    socket.on('close', finish);
    if (face.greets) last = handle(new Uint8Array(0), false);
  });
};

/** First byte of a TLS record that opens a handshake (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 0x16;

/**
 * Looks at a connection's first byte: TLS or not. Where the server speaks first, a peer that says
 * nothing for a moment is waiting for it and does not speak TLS.
 */
const speaksTls = (socket: Socket, mayBeSilent: boolean): Promise<boolean | undefined> =>
  new Promise((resolve) => {
    const done = (answer: boolean | undefined): void => {
      timer.cancel();
      socket.off('readable', look).off('close', gone).off('error', gone).off('end', gone);
      resolve(answer);
    };
    const look = (): void => {
      const part = socket.read() as Buffer | null;
      if (part === null) return;
      socket.unshift(part);
      done(part[0] === TLS_HANDSHAKE);
    };
    const gone = (): void => done(undefined);
    const timer = systemClock.setTimer(
      mayBeSilent ? LIMITS.silenceMs : LIMITS.idleConnectionMs,
      () => done(mayBeSilent ? false : undefined),
    );
    socket.on('readable', look).on('close', gone).on('error', gone).on('end', gone);
  });

/** How a port is guarded. */
export interface StreamTls {
  readonly files: TlsFiles;
  /** `only`: TLS from the first byte; `sniffed`: told by the first byte. */
  readonly mode: 'only' | 'sniffed';
  /** Peers beyond loopback may talk in clear. */
  readonly clearAllowed: boolean;
}

type Accept = (socket: Socket, encrypted: boolean) => void;

/** The server for a port, and the server that takes over connections that turn out to be TLS. */
const serverFor = (
  sockets: Sockets,
  face: StreamFace,
  tls: StreamTls | undefined,
  accept: Accept,
): Server => {
  if (tls === undefined) return sockets.tcpServer({}, (socket) => accept(socket, false));
  const { cert, key, clientCa } = tls.files;
  const secure = sockets.tlsServer(
    {
      cert,
      key,
      minVersion: 'TLSv1.2',
      handshakeTimeout: LIMITS.headersMs,
      ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
    },
    (socket) => accept(socket, true),
  );
  secure.on('tlsClientError', (_error, socket) => socket.destroy());
  if (tls.mode === 'only') return secure;
  return sockets.tcpServer({}, (socket) => {
    socket.on('error', () => undefined);
    const mayBeSilent =
      face.greets && (tls.clearAllowed || isLoopback(plain(socket.remoteAddress)));
    void speaksTls(socket, mayBeSilent).then((answer) => {
      if (answer === undefined) socket.destroy();
      else if (answer) secure.emit('connection', socket);
      else accept(socket, false);
    });
  });
};

export const listenTcp = async (
  sockets: Sockets,
  address: { readonly host: string; readonly port: number },
  face: StreamFace,
  budget: Budget,
  tls?: StreamTls,
): Promise<StreamListener> => {
  const open = new Map<Socket, Promise<void>>();
  const accept = (socket: Socket | TLSSocket, encrypted: boolean): void => {
    const from = plain(socket.remoteAddress);
    const identity = encrypted ? certificateName(socket as TLSSocket) : '';
    const isNear = isLoopback(from);
    const known = isNear || identity !== '';
    const inClear = encrypted || isNear || tls === undefined || tls.clearAllowed;
    if (!inClear || (face.secret === 'none' && !known)) {
      face.turnedAway(from);
      socket.destroy();
      return;
    }
    const nonce = face.greets ? { nonce: systemRandom.bytes(16) } : {};
    const peer = { address: from, transport: 'tcp', encrypted, identity, ...nonce } as const;
    const done = runConnection(socket, face, budget, peer);
    open.set(socket, done);
    void done.then(() => open.delete(socket));
  };
  const server = serverFor(sockets, face, tls, accept);
  server.maxConnections = LIMITS.connections;
  const port = await bind(server, address);
  const close = async (graceMs: number): Promise<void> => {
    server.close();
    for (const socket of open.keys()) socket.end();
    const cut = systemClock.setTimer(graceMs, () => {
      for (const socket of open.keys()) socket.destroy();
    });
    // What has arrived is read and made durable; senders notice the end and reconnect elsewhere.
    for (const socket of open.keys()) socket.destroySoon();
    // What cannot be made durable now does not keep the server from ending: it was not answered.
    const enough = new AbortController();
    const most = systemClock.sleep(graceMs + SETTLE_MS, enough.signal);
    await Promise.race([Promise.all(open.values()), most]);
    enough.abort();
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
  let closed = false;
  socket.on('message', (bytes, from) => {
    const source = plain(from.address);
    if (face.secret === 'none' && !isLoopback(source)) return face.turnedAway(source);
    if (!budget.take(bytes.length)) return face.dropped(source, bytes.length);
    const size = bytes.length;
    const peer = { address: source, transport: 'udp', encrypted: false, identity: '' } as const;
    const done = face.bytes(id, peer, bytes, false).then(({ reply }) => {
      budget.give(size);
      pending.delete(done);
      if (reply !== undefined && !closed) socket.send(reply, from.port, from.address);
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
  const { port } = socket.address();
  const before = udpDrops(port);
  return {
    host: address.host,
    port,
    lost: () => (closed ? 0 : Math.max(0, udpDrops(port) - before)),
    close: async () => {
      closed = true;
      socket.close();
      await Promise.all(pending);
    },
  };
};
