import { join } from 'node:path';
import { MeshtrailError } from '../../model/errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Disk } from '../../platform/disk.ts';
import type { Sockets } from '../../platform/sockets.ts';
import { parseListen } from '../configuration.ts';
import { startServer, type Server } from '../server.ts';
import { Play } from './play.ts';
import { offersOf, type Offer } from './queries.ts';
import { Courier } from './send/courier.ts';

export interface DemoOptions {
  /** Kept when given; else a directory of its own below `temporary`, removed at the end. */
  readonly data: string | undefined;
  readonly temporary: { readonly parent: string; readonly name: string };
  /** `HOST:PORT`; undefined: 127.0.0.1:7280 or the next port that is free. */
  readonly listen: string | undefined;
  readonly nativePorts: boolean;
  /** The server's configuration file. */
  readonly config: string | undefined;
  readonly seed: number;
  /** Requests per second at the busiest hour. */
  readonly rate: number;
  /** Length of the history. */
  readonly minutes: number;
  readonly sockets: Sockets;
  readonly clock: Clock;
  readonly disk: Disk;
}

const FIRST_PORT = 7280;
/** Ports tried before giving up. */
const PORTS_TRIED = 20;

/** Whether a port can be listened on now. */
const isFree = (sockets: Sockets, host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = sockets.tcpServer({}, (socket) => socket.destroy());
    server.once('error', () => resolve(false));
    server.listen({ host, port }, () => server.close(() => resolve(true)));
  });

const chooseListen = async (sockets: Sockets): Promise<string> => {
  const host = '127.0.0.1';
  for (let port = FIRST_PORT; port < FIRST_PORT + PORTS_TRIED; port++) {
    if (await isFree(sockets, host, port)) return `${host}:${port}`;
  }
  throw new MeshtrailError(
    'listen_failed',
    `the ports ${FIRST_PORT} to ${FIRST_PORT + PORTS_TRIED - 1} of ${host} are all taken`,
    'choose another with --listen HOST:PORT',
  );
};

/** A server with a shop that logs into it. */
export class Demo {
  readonly server: Server;
  readonly url: string;
  readonly courier: Courier;
  /** Set where syslog's port is not open, and why its lines are left out. */
  readonly notice: string | undefined;
  private readonly options: DemoOptions;
  private readonly remove: string | undefined;
  private readonly stopping = new AbortController();
  private readonly play: Play;
  private playing: Promise<void> = Promise.resolve();

  private constructor(
    options: DemoOptions,
    server: Server,
    host: string,
    remove: string | undefined,
    onHistory: (share: number, demo: Demo) => void,
  ) {
    const { sockets, clock, seed, rate, minutes } = options;
    const { signal } = this.stopping;
    this.options = options;
    this.server = server;
    this.remove = remove;
    const authority = host.includes(':') ? `[${host}]` : host;
    this.url = `http://${authority}:${server.listeners.mainPort}`;
    const syslog = server.listeners.opened.find(({ name }) => name === 'syslog');
    if (syslog === undefined) {
      this.notice = 'the syslog port is not open: the lines of the virtual machines are left out';
    }
    this.courier = new Courier({ url: this.url, syslog, sockets, clock, signal });
    this.play = new Play({
      shop: { seed, rate },
      minutes,
      courier: this.courier,
      clock,
      signal,
      onHistory: (share) => onHistory(share, this),
    });
  }

  /** Starts the server; nothing is sent yet. Throws MeshtrailError where it cannot start. */
  static async start(
    options: DemoOptions,
    onHistory: (share: number, demo: Demo) => void = () => {},
  ): Promise<Demo> {
    const { sockets, disk, temporary, nativePorts } = options;
    const listen = options.listen ?? (await chooseListen(sockets));
    const { host } = parseListen(listen);
    const own = join(temporary.parent, temporary.name);
    const data = options.data ?? own;
    const remove = options.data === undefined ? own : undefined;
    const native = nativePorts ? 'on' : 'off';
    try {
      const config = options.config === undefined ? {} : { config: options.config };
      const server = await startServer({ data, listen, dev: true, nativePorts: native, ...config });
      return new Demo(options, server, host, remove, onHistory);
    } catch (error) {
      if (remove !== undefined) await disk.removeTree(remove);
      throw error;
    }
  }

  /** Plays the history; resolves when the server has acknowledged it, or the demo is stopped. */
  async history(): Promise<void> {
    this.playing = this.play.history();
    await this.playing;
  }

  /** Goes on live until it is stopped. */
  async live(): Promise<void> {
    this.playing = this.play.live();
    await this.playing;
  }

  /** The queries to try, after the history. */
  offers(): Offer[] {
    const trail = this.play.trail;
    return trail === undefined ? [] : offersOf(trail, this.options.minutes);
  }

  /** A trace to look at, after the history: the path of our own endpoint. */
  trace(): string | undefined {
    const trail = this.play.trail;
    return trail === undefined ? undefined : `/api/v1/traces/${trail.traceId}`;
  }

  get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Stops the shop, then the server, and removes the data where it is the demo's own. */
  async stop(): Promise<void> {
    if (this.isStopping) return;
    this.stopping.abort();
    await this.playing.catch(() => {});
    await this.courier.close();
    await this.server.stop();
    if (this.remove !== undefined) await this.options.disk.removeTree(this.remove);
  }
}
