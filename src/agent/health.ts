import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from '../platform/log.ts';
import type { Sockets } from '../platform/sockets.ts';

/** What /metrics and /healthz show. */
export interface HealthView {
  metrics(): string;
  /** What keeps logs from arriving, in words; empty when all is well. */
  troubles(): readonly string[];
}

/** The agent's own small port, on loopback: it has no key and takes nothing. */
export class Health {
  readonly address: string;
  private readonly server: Server;

  private constructor(server: Server) {
    const { address, port } = server.address() as AddressInfo;
    this.server = server;
    this.address = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  }

  /** Undefined where the port is taken: that is no reason not to collect logs. */
  static async open(
    at: { readonly host: string; readonly port: number },
    sockets: Sockets,
    log: Log,
    view: () => HealthView,
  ): Promise<Health | undefined> {
    const server = sockets.httpServer({ requestTimeout: 5_000 });
    server.on('request', (request, response) => answer(request.url ?? '', response, view()));
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(at.port, at.host, resolve);
      });
    } catch (error) {
      log.warn('/metrics and /healthz are not served', { ...at, error });
      return undefined;
    }
    return new Health(server);
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

const answer = (path: string, response: ServerResponse, view: HealthView): void => {
  const say = (status: number, text: string): void => {
    response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(text);
  };
  if (path === '/metrics') say(200, view.metrics());
  else if (path === '/healthz') {
    const troubles = view.troubles();
    if (troubles.length === 0) say(200, 'ok\n');
    else say(503, `${troubles.join('\n')}\n`);
  } else say(404, 'here are /metrics and /healthz\n');
};
