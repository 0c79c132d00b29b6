import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PORTS, type PortName } from '../src/app/configuration.ts';
import { freePort } from './round.ts';
import { ServerProcess } from './server-process.ts';

/** A real server for tests: its own directory and ports, and what a user can ask it. */
export interface RunningServer {
  readonly process: ServerProcess;
  readonly directory: string;
  readonly data: string;
  readonly url: string;
  readonly syslogPort: number;
  /** The native ports that were asked for, by name. */
  readonly ports: Readonly<Record<string, number>>;
  /** Headers that every request of these functions carries. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface RunOptions {
  /** Further lines of the configuration file. */
  readonly yaml?: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly data?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Names of native ports to open besides `syslog` (`forward`, `otlp-grpc` ...). */
  readonly ports?: readonly PortName[];
}

/** Starts a server with only its main and syslog ports; `--dev` unless flags are given. */
export const runServer = async (options: RunOptions = {}): Promise<RunningServer> => {
  const directory = mkdtempSync(join(tmpdir(), 'meshtrail-app-'));
  const file = join(directory, 'meshtrail.yaml');
  const [port, syslogPort] = [await freePort(), await freePort()];
  const ports: Record<string, number> = { syslog: syslogPort };
  for (const name of options.ports ?? []) ports[name] = await freePort();
  const wanted = Object.keys(PORTS).map((name) => `${name}: ${ports[name] ?? 'off'}`);
  writeFileSync(file, `ports: {${wanted.join(', ')}}\n${options.yaml ?? ''}\n`);
  const data = options.data ?? join(directory, 'data');
  const server = new ServerProcess({
    data,
    port,
    flags: ['--config', file, ...(options.flags ?? ['--dev'])],
    ...(options.env && { env: options.env }),
  });
  try {
    await server.start();
  } catch (error) {
    await server.kill();
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  const { url } = server;
  const headers = options.headers ?? {};
  return { process: server, directory, data, url, syslogPort, ports, headers };
};

export const endServer = async (server: RunningServer | undefined): Promise<void> => {
  if (server === undefined) return;
  await server.process.kill();
  rmSync(server.directory, { recursive: true, force: true });
};

export interface Found {
  readonly stream: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [string, string])[];
}

/** Streams of a LogQL query over `hours` to either side of now, or a given range. */
export const find = async (
  server: RunningServer,
  query: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Found[]> => {
  const asked = new URLSearchParams({
    query,
    limit: '5000',
    start: String(BigInt(Date.now() - 3_600_000) * 1_000_000n),
    end: String(BigInt(Date.now() + 3_600_000) * 1_000_000n),
    ...parameters,
  });
  const answer = await fetch(`${server.url}/loki/api/v1/query_range?${asked.toString()}`, {
    headers: server.headers,
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status}: ${text}`);
  return (JSON.parse(text) as { data: { result: Found[] } }).data.result;
};

/** The lines of a query, sorted. */
export const linesOf = async (
  server: RunningServer,
  query: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<string[]> =>
  (await find(server, query, parameters)).flatMap(({ values }) => values.map((v) => v[1])).sort();

/** Polls until `look` gives something; the last value is returned in any case. */
export const eventually = async <T>(
  look: () => Promise<T> | T,
  enough: (value: T) => boolean,
  withinMs = 20_000,
): Promise<T> => {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await look();
    if (enough(value) || performance.now() > deadline) return value;
    await sleep(50);
  }
};

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly bytes: Buffer;
}

export const post = async (
  server: RunningServer,
  path: string,
  type: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => {
  const answer = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { ...server.headers, ...(type !== '' && { 'content-type': type }), ...headers },
    body: body as string,
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, headers: answer.headers, text: bytes.toString('utf8'), bytes };
};

/** The sum of a metric over the label sets that hold `labels`. */
export const metric = async (
  server: RunningServer,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> => {
  const answer = await fetch(`${server.url}/metrics`, { headers: server.headers });
  let sum = 0;
  for (const line of (await answer.text()).split('\n')) {
    if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
    const fits = Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`));
    if (fits) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
};

/** A raw connection: writes bytes, and keeps what comes back. */
export class Raw {
  received = '';
  closed = false;
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (part) => (this.received += part.toString('latin1')));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.closed = true));
  }

  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.destroyed) return resolve();
      this.socket.write(bytes, () => resolve());
    });
  }

  /** Resolves when the server has closed the connection, or rejects after `withinMs`. */
  async end(withinMs = 20_000): Promise<string> {
    await eventually(() => this.closed, Boolean, withinMs);
    if (!this.closed) throw new Error(`still open; received: ${this.received}`);
    return this.received;
  }
}

export const portOf = (server: RunningServer): number => Number(new URL(server.url).port);
