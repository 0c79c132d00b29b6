import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Authenticator } from '../access/authentication.ts';
import type { Decoders } from '../ingest/decode/all.ts';
import type { Budget } from '../ingest/receive/budget.ts';
import { listenHttp, type ReceivedRequest, type TlsFiles } from '../ingest/receive/http.ts';
import { listenTcp, listenUdp } from '../ingest/receive/stream.ts';
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

/** Opens the main port, then the native ones; a native port that is taken is a warning. */
export const openListeners = async (options: ListenersOptions): Promise<Listeners> => {
  const { config, decoders, intake, api, tls, budget } = options;
  const face = (routes: readonly Route[]): RoutedFace =>
    new RoutedFace(
      new Routes(routes),
      options.authenticator,
      options.counters,
      options.log,
      (...words) => api.upgrade(...words),
    );
  const open: { name: string; listener: Closable }[] = [];
  const warnings: string[] = [];
  const mainRoutes = [
    ...api.routes,
    ...decoders.http.flatMap((decoder) => intake.routes(decoder, decoder.mount)),
  ];
  try {
    const address = { host: config.host, port: config.port };
    open.push({
      name: 'main',
      listener: await listenHttp(systemSockets, address, face(mainRoutes), budget, tls),
    });
  } catch (error) {
    throw new MeshtrailError(
      'listen_failed',
      `cannot listen on ${config.host}:${config.port}: ${reason(error)}`,
      'stop what has the port, or choose another with --listen HOST:PORT',
    );
  }
  const attempt = async (
    name: PortName,
    listen: (port: number) => Promise<Closable>,
  ): Promise<void> => {
    const port = config.ports[name];
    if (!config.nativePorts || port === 'off') return;
    try {
      open.push({ name, listener: await listen(port) });
    } catch (error) {
      warnings.push(
        `${name} port ${port} is not open: ${reason(error)}; move it with ports.${name}, or turn it off`,
      );
    }
  };
  const { host } = config;
  for (const decoder of decoders.http) {
    if (decoder.native === undefined) continue;
    const name = decoder.native as PortName;
    const routes = [...intake.routes(decoder, ''), ...api.nativeRoutes(name)];
    await attempt(name, (port) =>
      listenHttp(systemSockets, { host, port }, face(routes), budget, tls),
    );
  }
  for (const decoder of decoders.streams) {
    const name = decoder.native as PortName;
    const stream = intake.stream(decoder);
    await attempt(name, async (port) => {
      const tcp = await listenTcp(systemSockets, { host, port }, stream, budget);
      try {
        const udp = await listenUdp(systemSockets, { host, port: tcp.port }, stream, budget);
        return both(tcp, udp);
      } catch (error) {
        await tcp.close(0);
        throw error;
      }
    });
    if (tls !== undefined) {
      await attempt('syslog-tls', (port) =>
        listenTcp(systemSockets, { host, port }, stream, budget, tls),
      );
    }
  }
  return {
    mainPort: open[0]?.listener.port ?? config.port,
    opened: open.map(({ name, listener }) => ({ name, host: listener.host, port: listener.port })),
    warnings,
    close: async (graceMs) => {
      await Promise.all(open.map(({ listener }) => listener.close(graceMs)));
    },
  };
};

const both = (tcp: Closable, udp: Closable): Closable => ({
  host: tcp.host,
  port: tcp.port,
  close: async (graceMs) => {
    await Promise.all([tcp.close(graceMs), udp.close(graceMs)]);
  },
});
