import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from './round.ts';

/** A real agent in a process of its own, over a directory that outlives it. */
export interface AgentOptions {
  /** Further lines of the configuration; `servers`, `data` and `listen` are there already. */
  readonly yaml: string;
  readonly servers: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The program; the repository's own unless given (a bundle, for example). */
  readonly program?: readonly string[];
}

const PROGRAM = fileURLToPath(new URL('../bin/meshtrail.js', import.meta.url));
const START_MS = 30_000;
const POLL_MS = 20;

export class AgentProcess {
  readonly directory = mkdtempSync(join(tmpdir(), 'meshtrail-agent-'));
  output = '';
  private readonly options: AgentOptions;
  private port = 0;
  private child: ChildProcess | undefined;

  constructor(options: AgentOptions) {
    this.options = options;
  }

  get data(): string {
    return join(this.directory, 'data');
  }

  get file(): string {
    return join(this.directory, 'agent.yaml');
  }

  get pid(): number {
    return this.child?.pid ?? -1;
  }

  get running(): boolean {
    const { child } = this;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Writes the configuration; it is read at the start and at SIGHUP. */
  async configure(yaml = this.options.yaml, servers = this.options.servers): Promise<void> {
    if (this.port === 0) this.port = await freePort();
    const head = [
      `servers: [${servers.join(', ')}]`,
      `data: ${this.data}`,
      `listen: 127.0.0.1:${this.port}`,
      'delivery: {backoff_ms: 50, backoff_max_ms: 500}',
    ];
    writeFileSync(this.file, `${head.join('\n')}\n${yaml}\n`);
  }

  /** Starts it with the configuration that stands there, and waits until it runs. */
  async start(): Promise<void> {
    if (this.port === 0) await this.configure();
    const { env = {}, program = [PROGRAM, 'agent'] } = this.options;
    this.output = '';
    const child = spawn(process.execPath, [...program, '--config', this.file], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const keep = (part: Buffer): void => {
      this.output = (this.output + part.toString('utf8')).slice(-100_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.child = child;
    await this.said('is running');
  }

  /** Waits until the agent has printed this. */
  async said(words: string): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!this.output.includes(words)) {
      if (!this.running) throw new Error(`the agent ended:\n${this.output}`);
      if (performance.now() > deadline) throw new Error(`never said ${words}:\n${this.output}`);
      await sleep(POLL_MS);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** SIGTERM; the exit code. */
  stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  async get(path: '/metrics' | '/healthz'): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`);
    return answer.text();
  }

  /** The sum of a metric (`meshtrail_agent_` is left out) over its labels. */
  async metric(name: string): Promise<number> {
    let sum = 0;
    for (const line of (await this.get('/metrics')).split('\n')) {
      if (/^meshtrail_agent_(\w+)/.exec(line)?.[1] !== name) continue;
      sum += Number(line.slice(line.lastIndexOf(' ') + 1));
    }
    return sum;
  }

  /** The most memory that it ever had, bytes, and its CPU time so far, ms. */
  usage(): { readonly peakBytes: number; readonly cpuMs: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, 'latin1');
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      peakBytes: Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1_024,
      cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
    };
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (child === undefined || !this.running) return child?.exitCode ?? null;
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    return gone;
  }
}
