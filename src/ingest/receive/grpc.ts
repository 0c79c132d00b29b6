import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  ResponderBuilder,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { must } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { systemClock } from '../../platform/clock.ts';
import type { Sockets } from '../../platform/sockets.ts';
import { bind } from './bind.ts';
import type { Budget } from './budget.ts';
import { GrpcReceivedCall, type CallPeer, type GrpcFace } from './grpc-call.ts';
import { certificateName, type TlsFiles } from './tls.ts';

/**
 * gRPC listeners: connections, TLS, limits, health; no protocol. `@grpc/grpc-js` does the framing,
 * the compression, deadlines and keepalive; sockets are accepted here and handed to it, because its
 * own TLS server refuses clients without a certificate or never looks at one, and knows no bound on
 * connections.
 */
export interface GrpcListener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting, lets calls under way finish within `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

/** gRPC's own health checking (grpc/health/v1/health.proto): SERVING for whoever asks. */
const HEALTH = '/grpc.health.v1.Health/Check';
const SERVING = Buffer.from([0x08, 0x01]);

/** Reads and writes messages as the bytes that they are. */
const asBytes = (bytes: Buffer): Buffer => bytes;

/** The stream below a call. Typed as private; grpc.test.ts sees that it is there. */
const streamOf = (call: ServerInterceptingCallInterface): ServerHttp2Stream =>
  must((call as { stream?: ServerHttp2Stream }).stream, 'the HTTP/2 stream of a call');

const peerOf = (stream: ServerHttp2Stream): CallPeer => {
  const socket = stream.session?.socket as (Socket & Partial<TLSSocket>) | undefined;
  const address = socket?.remoteAddress ?? '';
  const encrypted = socket?.encrypted === true;
  return {
    address: address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address,
    transport: 'tcp',
    encrypted,
    identity: encrypted ? certificateName(socket as TLSSocket) : '',
  };
};

/** Takes calls over from grpc-js below its handlers, where reading can be held back exactly. */
const takeOver =
  (face: GrpcFace, budget: Budget, open: Set<GrpcReceivedCall>): ServerInterceptor =>
  (method, call) => {
    const stream = streamOf(call);
    const { path, requestStream } = method;
    const received = new GrpcReceivedCall(call, stream, face, budget, {
      path,
      isStream: requestStream,
      peer: peerOf(stream),
    });
    open.add(received);
    void received.settled.then(() => open.delete(received));
    const responder = new ResponderBuilder().withStart((next) => next(received.listener)).build();
    return new ServerInterceptingCall(call, responder);
  };

const serverFor = (face: GrpcFace, budget: Budget, open: Set<GrpcReceivedCall>): Server => {
  const intercept = takeOver(face, budget, open);
  const server = new Server({
    interceptors: [
      (method, call) =>
        method.path === HEALTH ? new ServerInterceptingCall(call) : intercept(method, call),
    ],
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': LIMITS.requestBytes,
    'grpc.max_concurrent_streams': LIMITS.grpcCalls,
    'grpc.max_connection_idle_ms': LIMITS.idleConnectionMs,
    'grpc.keepalive_time_ms': LIMITS.grpcPingMs,
  });
  for (const { path, stream } of face.methods) {
    // The handler is never called: the interceptor has the call.
    const type = stream ? 'clientStream' : 'unary';
    server.register(path, () => undefined, asBytes, asBytes, type);
  }
  server.register(
    HEALTH,
    (_call: unknown, answer: (error: null, value: Buffer) => void) => answer(null, SERVING),
    asBytes,
    asBytes,
    'unary',
  );
  return server;
};

export const listenGrpc = async (
  sockets: Sockets,
  address: { readonly host: string; readonly port: number },
  face: GrpcFace,
  budget: Budget,
  tls?: TlsFiles,
): Promise<GrpcListener> => {
  const calls = new Set<GrpcReceivedCall>();
  const connections = new Set<Socket>();
  const grpc = serverFor(face, budget, calls);
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const accept = (socket: Socket): void => {
    connections.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => connections.delete(socket));
    injector.injectConnection(socket);
  };
  const server =
    tls === undefined
      ? sockets.tcpServer({}, accept)
      : sockets.tlsServer(
          {
            cert: tls.cert,
            key: tls.key,
            minVersion: 'TLSv1.2',
            ALPNProtocols: ['h2'],
            handshakeTimeout: LIMITS.headersMs,
            ...(tls.clientCa !== undefined && {
              ca: tls.clientCa,
              requestCert: true,
              rejectUnauthorized: false,
            }),
          },
          accept,
        );
  server.on('tlsClientError', (_error: unknown, socket: Socket) => socket.destroy());
  server.maxConnections = LIMITS.connections;
  const port = await bind(server, address);
  const close = async (graceMs: number): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    const cut = systemClock.setTimer(graceMs, () => {
      for (const socket of connections) socket.destroy();
    });
    // Connections hear that no new call is taken; streams, which would never end, are ended.
    injector.drain(graceMs);
    for (const call of calls) call.stop();
    await Promise.all([...calls].map((call) => call.settled));
    await closed;
    cut.cancel();
    grpc.forceShutdown();
  };
  return { host: address.host, port, close };
};
