import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PORTS, type PortName } from '../src/app/configuration.ts';
import { ServerProcess } from '../sim/server-process.ts';
import { cpuMsOf, untilRest } from './processes.ts';

/** A real server over a fresh directory, and what its metrics say. */

const POLL_MS = 50;
const STORED_LIMIT_MS = 900_000;

export class Metrics {
  private readonly values = new Map<string, number>();
  private readonly series = new Map<string, number>();

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const space = line.lastIndexOf(' ');
      if (line === '' || line.startsWith('#') || space < 0) continue;
      const name = line.slice(0, space).replace(/\{.*/s, '');
      const value = Number(line.slice(space + 1));
      this.values.set(name, (this.values.get(name) ?? 0) + value);
      this.series.set(line.slice(0, space), value);
    }
  }

  /** A metric's value, summed over its labels. */
  sum(name: string): number {
    return this.values.get(`meshtrail_${name}`) ?? 0;
  }

  /** A metric's values by its only label. */
  by(name: string): [label: string, value: number][] {
    const found: [string, number][] = [];
    for (const [key, value] of this.series) {
      const label = new RegExp(`^meshtrail_${name}\\{\\w+="([^"]*)"\\}$`).exec(key)?.[1];
      if (label !== undefined) found.push([label, value]);
    }
    return found;
  }
}

const running = new Set<BenchServer>();

export interface CpuMs {
  readonly server: number;
  readonly engine: number;
}

export class BenchServer {
  readonly directory: string;
  private readonly process: ServerProcess;
  private readonly temporary: string;

  private readonly ports: ReadonlyMap<PortName, number>;

  private constructor(
    temporary: string,
    port: number,
    profile: string | undefined,
    ports: ReadonlyMap<PortName, number>,
  ) {
    this.temporary = temporary;
    this.directory = join(temporary, 'data');
    this.ports = ports;
    const file = join(temporary, 'meshtrail.yaml');
    const wanted = Object.keys(PORTS).map(
      (name) => `${name}: ${ports.get(name as PortName) ?? 'off'}`,
    );
    writeFileSync(file, `ports: {${wanted.join(', ')}}\n`);
    this.process = new ServerProcess({
      data: this.directory,
      port,
      flags: ['--dev', '--config', file],
      ...(profile !== undefined && {
        env: { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(profile)}` },
      }),
    });
  }

  /** Starts a server on a free port, its data in a directory of its own below `directory`. */
  static async start(
    directory: string,
    profile?: string,
    names: readonly PortName[] = [],
  ): Promise<BenchServer> {
    const temporary = mkdtempSync(join(directory, 'server-'));
    const ports = new Map<PortName, number>();
    for (const name of names) ports.set(name, await freePort());
    const server = new BenchServer(temporary, await freePort(), profile, ports);
    running.add(server);
    await server.process.start();
    return server;
  }

  /** Number of a native port that was asked for. */
  portOf(name: PortName): number {
    return this.ports.get(name) ?? 0;
  }

  get url(): string {
    return this.process.url;
  }

  get pid(): number {
    if (!this.process.running) throw new Error(`the server ended:\n${this.process.output}`);
    return this.process.pid as number;
  }

  get enginePid(): number {
    const pid = this.process.enginePid();
    if (pid === undefined) throw new Error(`the engine is not running:\n${this.process.output}`);
    return pid;
  }

  get running(): boolean {
    return this.process.running;
  }

  /** What the server printed. */
  get output(): string {
    return this.process.output;
  }

  cpuMs(): CpuMs {
    return { server: cpuMsOf(this.pid), engine: cpuMsOf(this.enginePid) };
  }

  /** What was used when the engine came to rest for `restMs`. */
  async cpuMsAtRest(restMs: number): Promise<CpuMs> {
    const { engine, others } = await untilRest(this.enginePid, [this.pid], restMs);
    return { server: others[0] as number, engine };
  }

  /** Reading them starts the event loop's measurement anew. */
  async metrics(): Promise<Metrics> {
    const answer = await fetch(`${this.url}/metrics`);
    return new Metrics(await answer.text());
  }

  /** Waits until the engine holds `records` durably. */
  async stored(records: number): Promise<void> {
    const deadline = performance.now() + STORED_LIMIT_MS;
    for (;;) {
      const have = (await this.metrics()).sum('stored_records_total');
      if (have >= records) return;
      if (performance.now() > deadline) throw new Error(`stored ${have} of ${records} records`);
      await sleep(POLL_MS);
    }
  }

  /** Ends it at once, for a benchmark that is interrupted. */
  static killAll(): void {
    for (const server of running) void server.process.kill();
  }

  async stop(): Promise<void> {
    await this.process.stop();
    running.delete(this);
    rmSync(this.temporary, { recursive: true, force: true });
  }
}

const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  return port;
};
