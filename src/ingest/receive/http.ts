import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { LIMITS } from '../../model/limits.ts';
import { systemClock } from '../../platform/clock.ts';
import type { Sockets } from '../../platform/sockets.ts';
import { bareAnswer, readBody, readPieces, type BodyFace, type BodyProblem } from './body.ts';
import { bind } from './bind.ts';
import type { Budget } from './budget.ts';
import { certificateName, type TlsFiles } from './tls.ts';

/**
 * HTTP listeners: sockets, TLS, time limits, body limits, the memory budget. Knows no protocol:
 * what a path means is decided by the `HttpFace` that it is given.
 */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Address of the peer without port. */
  readonly peer: string;
  readonly encrypted: boolean;
  /** Common name of a certificate that our client CA signed, or ''. */
  readonly identity: string;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | AsyncIterable<string | Uint8Array>;
}

export interface HttpFace {
  /**
   * Looks at the head before the body is read: an answer ends the request there, undefined reads
   * the body and calls `answer`.
   */
  admit(request: ReceivedRequest): HttpAnswer | undefined;
  /** Says that the body of an admitted request is taken as it comes; undefined reads it whole. */
  body(request: ReceivedRequest): BodyFace | undefined;
  answer(request: ReceivedRequest, body: Uint8Array<ArrayBuffer>): Promise<HttpAnswer>;
  /** The body cannot be taken: the answer in the words of the path's protocol. */
  refuse(request: ReceivedRequest, why: BodyProblem): HttpAnswer;
  upgrade(request: ReceivedRequest, message: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export interface HttpListener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting, lets requests under way finish within `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

const headersOf = (message: IncomingMessage): Record<string, string> => {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
};

const isTls = (socket: Socket): socket is TLSSocket =>
  (socket as Partial<TLSSocket>).encrypted === true;

const describe = (message: IncomingMessage, signal: AbortSignal): ReceivedRequest => {
  const url = message.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const { socket } = message;
  const secure = isTls(socket) ? socket : undefined;
  const peer = socket.remoteAddress ?? '';
  return {
    method: message.method ?? 'GET',
    // Doubled slashes come from addresses joined carelessly; all of them mean one.
    path: path.includes('//') ? path.replace(/\/{2,}/g, '/') : path,
    query: mark < 0 ? '' : url.slice(mark + 1),
    headers: headersOf(message),
    peer: peer.startsWith('::ffff:') ? peer.slice(7) : peer,
    encrypted: secure !== undefined,
    identity: secure === undefined ? '' : certificateName(secure),
    signal,
  };
};

const send = async (response: ServerResponse, answer: HttpAnswer, head: boolean): Promise<void> => {
  const { body } = answer;
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const length = { 'content-length': String(bytes.length) };
    const bare = answer.status === 204 || answer.status === 304;
    response.writeHead(answer.status, bare ? answer.headers : { ...length, ...answer.headers });
    response.end(head || bare ? undefined : bytes);
    return;
  }
  response.writeHead(answer.status, answer.headers);
  try {
    for await (const part of body) {
      if (response.destroyed) return;
      if (!response.write(part)) await drained(response);
    }
    response.end();
  } catch {
    // The head is out: cutting the connection is the only way to say that the rest is missing.
    response.destroy();
  }
};

const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });

const serve = async (
  face: HttpFace,
  budget: Budget,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const request = describe(message, gone.signal);
  const isHead = request.method === 'HEAD';
  const early = face.admit(request);
  if (early !== undefined) return endEarly(message, response, early, isHead);
  const pieces = face.body(request);
  if (pieces !== undefined) {
    const answer = await readPieces(message, pieces, budget);
    if (answer === undefined) return void response.destroy();
    return endEarly(message, response, answer, isHead);
  }
  const body = await readBody(message, budget);
  if (body === undefined) return void response.destroy();
  if (typeof body === 'string') {
    return endEarly(message, response, face.refuse(request, body), isHead);
  }
  // The bytes move to a decoding thread: afterwards the buffer here is empty.
  const size = body.length;
  budget.force(size);
  try {
    await send(response, await face.answer(request, body), isHead);
  } finally {
    budget.give(size);
  }
};

/**
 * Answers before the body is read to its end, and closes. Most senders look for an answer only
 * when they have written their whole body, and a connection that is closed with bytes unread is
 * reset, which takes the answer with it: so the rest is read and thrown away first, within bounds.
 */
const endEarly = async (
  message: IncomingMessage,
  response: ServerResponse,
  answer: HttpAnswer,
  isHead: boolean,
): Promise<void> => {
  const { headers } = message;
  const noBody =
    headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
  if (noBody || message.complete) return send(response, answer, isHead);
  const bytes = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  if (!(bytes instanceof Uint8Array)) return send(response, answer, isHead);
  const length = { 'content-length': String(bytes.length) };
  response.writeHead(answer.status, { ...length, ...answer.headers, connection: 'close' });
  if (isHead) response.flushHeaders();
  else response.write(bytes);
  await discard(message);
  response.end();
};

/** Reads what a sender still sends, up to the bounds. */
const discard = (message: IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    let left = LIMITS.discardedBytes;
    const timer = systemClock.setTimer(LIMITS.discardMs, resolve);
    const done = (): void => {
      timer.cancel();
      resolve();
    };
    message.on('data', (part: Buffer) => {
      left -= part.length;
      if (left < 0) done();
    });
    message.on('end', done);
    message.on('close', done);
    message.on('error', done);
    message.resume();
  });

/** Nobody reads a connection that we ended: a peer that does not close in turn would keep it. */
const cutSoon = (socket: Duplex): void => {
  const cut = systemClock.setTimer(LIMITS.discardMs, () => socket.destroy());
  socket.once('close', () => cut.cancel());
};

const configure = (server: Server, face: HttpFace, budget: Budget): void => {
  server.headersTimeout = LIMITS.headersMs;
  // Node's own would cut bodies that are taken as they come; `readBody` keeps the bound of others.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 75_000;
  server.maxConnections = LIMITS.connections;
  server.on('request', (message: IncomingMessage, response: ServerResponse) => {
    response.on('error', () => undefined);
    // A server that stops says so on every answer: senders then look for another connection.
    if (!server.listening) response.shouldKeepAlive = false;
    serve(face, budget, message, response).catch(() => response.destroy());
  });
  server.on('checkContinue', (message: IncomingMessage, response: ServerResponse) => {
    const declared = Number(message.headers['content-length'] ?? 0);
    if (declared <= LIMITS.requestBytes) response.writeContinue();
    server.emit('request', message, response);
  });
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    const gone = new AbortController();
    socket.on('close', () => gone.abort());
    socket.once('finish', () => cutSoon(socket));
    face.upgrade(describe(message, gone.signal), message, socket, head);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const status =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? '408 Request Timeout'
          : '400 Bad Request';
    socket.end(bareAnswer(status));
    cutSoon(socket);
  });
};

const closeServer = (server: Server, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    const cut = systemClock.setTimer(graceMs, () => server.closeAllConnections());
    server.close(() => {
      cut.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });

/** Opens a listener; rejects when the address is taken or not ours. */
export const listenHttp = async (
  sockets: Sockets,
  address: { readonly host: string; readonly port: number },
  face: HttpFace,
  budget: Budget,
  tls?: TlsFiles,
): Promise<HttpListener> => {
  const options = {
    keepAlive: true,
    // How often slow senders are looked for: Node's 30 s would make shorter limits mean little.
    connectionsCheckingInterval: Math.max(50, Math.min(LIMITS.headersMs / 4, 5_000)),
    // RFC 9110, 7.8: an upgrade that is not served is ignored. Java's client always asks for h2c.
    shouldUpgradeCallback: (message: IncomingMessage): boolean =>
      message.headers.upgrade?.toLowerCase() === 'websocket',
  };
  const server =
    tls === undefined
      ? sockets.httpServer(options)
      : sockets.httpsServer({
          ...options,
          cert: tls.cert,
          key: tls.key,
          minVersion: 'TLSv1.2',
          handshakeTimeout: LIMITS.headersMs,
          ...(tls.clientCa !== undefined && {
            ca: tls.clientCa,
            requestCert: true,
            rejectUnauthorized: false,
          }),
        });
  configure(server, face, budget);
  // What `clientError` says to a peer without TLS waits for a handshake that never comes.
  server.on('tlsClientError', (_error: unknown, socket: Duplex) => socket.destroy());
  const port = await bind(server, address);
  return { host: address.host, port, close: (graceMs) => closeServer(server, graceMs) };
};
