import { LOKI_OTLP_PATH } from '../ingest/decode/loki-otlp.ts';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Authenticator } from '../access/authentication.ts';
import type { Decoders } from '../ingest/decode/all.ts';
import type { GrpcDecoder, StreamDecoder } from '../ingest/decode/decode.ts';
import type { Budget } from '../ingest/receive/budget.ts';
import { listenGrpc } from '../ingest/receive/grpc.ts';
import { listenHttp, type ReceivedRequest } from '../ingest/receive/http.ts';
import {
  listenTcp,
  listenUdp,
  type StreamFace,
  type StreamListener,
  type StreamTls,
} from '../ingest/receive/stream.ts';
import type { TlsFiles } from '../ingest/receive/tls.ts';
import { MeshtrailError } from '../model/errors.ts';
import type { Log } from '../platform/log.ts';
import { systemSockets } from '../platform/sockets.ts';
import type { Configuration, PortName } from './configuration.ts';
import type { Counters } from './counters.ts';
import { RoutedFace } from './http-face.ts';
import type { Intake } from './intake.ts';
import { Routes, type Route } from './routes.ts';

interface Closable {
  readonly host: string;
  readonly port: number;
  close(graceMs: number): Promise<void>;
}

export interface Opened {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export interface Listeners {
  readonly mainPort: number;
  /** Every open port, the main one first. */
  readonly opened: readonly Opened[];
  readonly warnings: readonly string[];
  close(graceMs: number): Promise<void>;
}

/** Our own endpoints, and those that answer queries. */
export interface Api {
  /** Routes of the main port. */
  readonly routes: readonly Route[];
  /** Routes that a native port serves beside its decoder's (queries on Loki's port). */
  nativeRoutes(name: PortName): readonly Route[];
  upgrade(
    request: ReceivedRequest,
    message: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): boolean;
  stop(): void;
}

export interface ListenersOptions {
  readonly config: Configuration;
  readonly tls: TlsFiles | undefined;
  readonly decoders: Decoders;
  readonly intake: Intake;
  readonly api: Api;
  readonly authenticator: Authenticator;
  readonly budget: Budget;
  readonly counters: Counters;
  readonly log: Log;
}

const reason = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return 'another program has it';
  if (code === 'EACCES') return 'this user may not open it';
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address';
  return error instanceof Error ? error.message : String(error);
};

/** Opens the native ports one by one; one that is taken is a warning. */
class NativePorts {
  readonly open: { name: string; listener: Closable }[] = [];
  readonly warnings: string[] = [];
  private readonly config: Configuration;

  constructor(config: Configuration) {
    this.config = config;
  }

  async attempt(name: PortName, listen: (port: number) => Promise<Closable>): Promise<void> {
    const port = this.config.ports[name];
    if (!this.config.nativePorts || port === 'off') return;
    try {
      this.open.push({ name, listener: await listen(port) });
    } catch (error) {
      this.warnings.push(
        `${name} port ${port} is not open: ${reason(error)}; ` +
          `move it with ports.${name}, or turn it off`,
      );
    }
  }
}

/** What a decoder's native port takes, over the transports that it speaks. */
const listenStream = async (
  { config, budget, counters }: ListenersOptions,
  port: number,
  decoder: StreamDecoder,
  face: StreamFace,
  tls: StreamTls | undefined,
): Promise<Closable> => {
  const { host } = config;
  const opened: Closable[] = [];
  try {
    for (const transport of decoder.transports) {
      const at = { host, port: opened[0]?.port ?? port };
      if (transport === 'tcp') {
        opened.push(await listenTcp(systemSockets, at, face, budget, tls));
        continue;
      }
      const udp = await listenUdp(systemSockets, at, face, budget);
      countLost(counters, decoder.name, udp);
      opened.push(udp);
    }
  } catch (error) {
    await Promise.all(opened.map((one) => one.close(0)));
    throw error;
  }
  return allOf(opened);
};

/** Datagrams that never reached us are drops too. */
const countLost = (counters: Counters, protocol: string, { lost }: StreamListener): void => {
  let before = 0;
  counters.onRead(() => {
    const now = lost?.() ?? 0;
    if (now <= before) return;
    counters.add('meshtrail_dropped_records_total', now - before, { protocol });
    before = now;
  });
};

const openStreams = async (options: ListenersOptions, native: NativePorts): Promise<void> => {
  const { config, decoders, intake, budget, tls: files } = options;
  const { host } = config;
  const clearAllowed = files === undefined || config.insecureListen;
  for (const decoder of decoders.streams) {
    const face = intake.stream(decoder);
    const { nativeTls } = decoder;
    const sniffed =
      files === undefined || nativeTls !== undefined
        ? undefined
        : ({ files, mode: 'sniffed', clearAllowed } as const);
    await native.attempt(decoder.native as PortName, (port) =>
      listenStream(options, port, decoder, face, sniffed),
    );
    if (files === undefined || nativeTls === undefined) continue;
    await native.attempt(nativeTls as PortName, (port) =>
      listenTcp(systemSockets, { host, port }, face, budget, { files, mode: 'only', clearAllowed }),
    );
  }
};

/** Decoders of one native port share a listener. */
const openGrpc = async (options: ListenersOptions, native: NativePorts): Promise<void> => {
  const { config, decoders, intake, authenticator, budget, tls } = options;
  const { host } = config;
  const ports = new Map<string, GrpcDecoder[]>();
  for (const decoder of decoders.grpc) {
    ports.set(decoder.native, [...(ports.get(decoder.native) ?? []), decoder]);
  }
  for (const [name, sharing] of ports) {
    const face = intake.grpc(sharing, authenticator);
    await native.attempt(name as PortName, (port) =>
      listenGrpc(systemSockets, { host, port }, face, budget, tls),
    );
  }
};

const openMain = async (
  { config, tls, budget }: ListenersOptions,
  face: RoutedFace,
): Promise<Closable> => {
  const { host, port } = config;
  try {
    return await listenHttp(systemSockets, { host, port }, face, budget, tls);
  } catch (error) {
    throw new MeshtrailError(
      'listen_failed',
      `cannot listen on ${host}:${port}: ${reason(error)}`,
      'stop what has the port, or choose another with --listen HOST:PORT',
    );
  }
};

/** Opens the main port, then the native ones; a native port that is taken is a warning. */
export const openListeners = async (options: ListenersOptions): Promise<Listeners> => {
  const { config, decoders, intake, api, tls, budget } = options;
  const { host } = config;
  const face = (routes: readonly Route[]): RoutedFace =>
    new RoutedFace(
      new Routes(routes),
      options.authenticator,
      options.counters,
      options.log,
      (...words) => api.upgrade(...words),
    );
  const decoderRoutes = decoders.http.flatMap((decoder) => intake.routes(decoder, decoder.mount));
  const main = await openMain(options, face([...api.routes, ...decoderRoutes]));
  const native = new NativePorts(config);
  for (const decoder of decoders.http) {
    if (decoder.native === undefined) continue;
    const name = decoder.native as PortName;
    // Loki takes OTLP on its own port too.
    const guests = decoders.http.filter((other) => name === 'loki' && other.name === 'otlp');
    const shared = guests.flatMap((other) =>
      intake.routes(other, '').filter(({ path }) => path === LOKI_OTLP_PATH),
    );
    const routes = [...intake.routes(decoder, ''), ...shared, ...api.nativeRoutes(name)];
    await native.attempt(name, (port) =>
      listenHttp(systemSockets, { host, port }, face(routes), budget, tls),
    );
  }
  await openStreams(options, native);
  await openGrpc(options, native);
  const open = [{ name: 'main', listener: main }, ...native.open];
  return {
    mainPort: main.port,
    opened: open.map(({ name, listener }) => ({
      name,
      host: listener.host,
      port: listener.port,
    })),
    warnings: native.warnings,
    close: async (graceMs) => {
      await Promise.all(open.map(({ listener }) => listener.close(graceMs)));
    },
  };
};

/** One thing to close, at the address of the first. */
const allOf = (opened: readonly Closable[]): Closable => ({
  host: opened[0]?.host ?? '',
  port: opened[0]?.port ?? 0,
  close: async (graceMs) => {
    await Promise.all(opened.map((one) => one.close(graceMs)));
  },
});
