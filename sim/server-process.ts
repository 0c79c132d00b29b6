import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A real server in a process of its own, which the simulation starts, kills and starts again. */
export interface ServerOptions {
  readonly data: string;
  readonly port: number;
  /** Further flags. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const PROGRAM = fileURLToPath(new URL('../bin/meshtrail.js', import.meta.url));
const START_MS = 60_000;
const POLL_MS = 25;

export class ServerProcess {
  /** What the server printed since its last start. */
  output = '';
  private child: ChildProcess | undefined;
  private readonly options: ServerOptions;

  constructor(options: ServerOptions) {
    this.options = options;
  }

  get url(): string {
    return `http://127.0.0.1:${this.options.port}`;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get running(): boolean {
    return (
      this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null
    );
  }

  /** Starts the server and waits until it is ready. */
  async start(): Promise<void> {
    this.launch();
    await this.ready();
  }

  launch(): void {
    const { data, port, flags = [], env = {} } = this.options;
    const words = ['serve', '--data', data, '--listen', `127.0.0.1:${port}`, ...flags];
    this.output = '';
    const child = spawn(process.execPath, [PROGRAM, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const keep = (part: Buffer): void => {
      this.output = (this.output + part.toString('utf8')).slice(-200_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.child = child;
  }

  async ready(): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (performance.now() < deadline) {
      if (!this.running) throw new Error(`the server ended while it started:\n${this.output}`);
      try {
        const answer = await fetch(`${this.url}/readyz`);
        if (answer.status === 200) return;
      } catch {
        // not listening yet
      }
      await sleep(POLL_MS);
    }
    throw new Error(`the server was not ready after ${START_MS} ms:\n${this.output}`);
  }

  /** `kill -9` of the server; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  /** `kill -9` of the engine's process; false when there was none. */
  killEngine(): boolean {
    const pid = this.enginePid();
    if (pid === undefined) return false;
    try {
      process.kill(pid, 'SIGKILL');
      return true;
    } catch {
      return false;
    }
  }

  /** The server's child process, from /proc. */
  enginePid(): number | undefined {
    const parent = this.pid;
    if (parent === undefined) return undefined;
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const stat = readFileSync(join('/proc', name, 'stat'), 'latin1');
        const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (Number(ppid) === parent && state !== 'Z') return Number(name);
      } catch {
        // ended meanwhile
      }
    }
    return undefined;
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (child === undefined || !this.running) return child?.exitCode ?? null;
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    return gone;
  }
}
