import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { runAgent } from './agent.ts';
import { runBuckets } from './buckets.ts';
import { runCeiling, type Reached } from './ceiling.ts';
import { reportDisk } from './disk.ts';
import { mbPerSecond, MB } from './figures.ts';
import { parseMs, runIngest, type Ingested } from './ingest.ts';
import { runLatency } from './latency.ts';
import { runNaive } from './naive.ts';
import type { Options } from './options.ts';
import { makeData, makePayloads, type Data, type Payloads, type Shape } from './payloads.ts';
import { residentBytesOf } from './processes.ts';
import { runProtocols } from './protocols.ts';
import { runQueries } from './queries.ts';
import { Report } from './report.ts';
import { BenchServer } from './server.ts';

/** Everything in order, in one temporary directory. */

const loads = (): string =>
  loadavg()
    .map((load) => load.toFixed(2))
    .join(' ');

/** Records of the protocols section, at most. */
const PROTOCOL_RECORDS = 50_000;

class Bench {
  readonly report: Report;
  private readonly options: Options;
  private readonly directory: string;
  private readonly data: Data;
  private readonly parseRate: number;
  private readonly ingested = new Map<Shape, Ingested>();

  constructor(report: Report, options: Options, directory: string) {
    this.report = report;
    this.options = options;
    this.directory = directory;
    report.begin('data');
    this.data = makeData(directory, options.records);
    const { records, rawBytes, zstdBytes } = this.data;
    report.line('records', records, '');
    report.line('raw', rawBytes / MB, 'MB');
    report.line('zstd -3 of it', zstdBytes / MB, 'MB');
    this.parseRate = mbPerSecond(rawBytes, parseMs(this.data));
    report.line('bare JSON.parse per line', this.parseRate, 'MB/CPU-s');
  }

  private has(section: Parameters<Options['sections']['has']>[0]): boolean {
    return this.options.sections.has(section);
  }

  async run(): Promise<void> {
    for (const shape of this.options.shapes) {
      if (this.needsServer(shape)) await this.runShape(shape);
    }
    if (this.has('naive') || this.has('ceiling')) await this.runBeside();
    if (this.has('protocols')) await this.runProtocols();
    if (this.has('agent')) {
      this.report.begin('agent', `load average ${loads()}`);
      await runAgent(this.report, this.directory, this.data);
    }
    if (this.has('buckets')) {
      this.report.begin('buckets', `load average ${loads()}`);
      await runBuckets(this.report, this.directory, this.options);
    }
  }

  /** Fewer records: each protocol has a server of its own. */
  private async runProtocols(): Promise<void> {
    const { report, options } = this;
    report.begin('protocols', `load average ${loads()}`);
    const directory = mkdtempSync(join(this.directory, 'protocols-'));
    const data = makeData(directory, Math.min(options.records, PROTOCOL_RECORDS));
    const { restMs, protocols } = options;
    await runProtocols(report, this.directory, data, { restMs, names: protocols });
  }

  private needsServer(shape: Shape): boolean {
    const first = shape === this.options.shapes[0];
    return this.has('ingest') || this.has('queries') || (this.has('latency') && first);
  }

  private payloadsOf(shape: Shape): Payloads {
    return makePayloads(this.data, shape);
  }

  private async runShape(shape: Shape): Promise<void> {
    const { report, data, options } = this;
    const payloads = this.payloadsOf(shape);
    const server = await BenchServer.start(this.directory, options.profile);
    try {
      report.begin(`ingest ${shape}`, `load average ${loads()}`);
      await server.cpuMsAtRest(options.restMs);
      report.line('idle memory of the server', residentBytesOf(server.pid) / MB, 'MB');
      const idle = residentBytesOf(server.enginePid) / MB;
      report.line('idle memory of the engine', idle, 'MB', { most: 250 });
      const took = await runIngest(report, server, data, payloads, {
        ...options,
        parseRate: this.parseRate,
      });
      this.ingested.set(shape, took);
      if (this.has('queries')) {
        report.begin(`queries on ${shape}`, `load average ${loads()}`);
        await runQueries(report, server, data, shape, options.samples);
      }
      if (this.has('latency') && shape === options.shapes[0]) {
        report.begin('latency', `load average ${loads()}`);
        const sent = shape === 'ndjson' ? payloads : this.payloadsOf('ndjson');
        await runLatency(report, server, { data, payloads: sent, ingested: took, ...options });
        if (sent !== payloads) sent.close();
      }
    } catch (error) {
      const state = server.running ? 'still runs' : 'has ended';
      const message = `the server ${state}, and said:\n${server.output.slice(-5_000)}`;
      throw new Error(message, { cause: error });
    } finally {
      payloads.close();
      await server.stop();
    }
  }

  /** The ceiling and the naive path, and how we stand between them. */
  private async runBeside(): Promise<void> {
    const { restMs } = this.options;
    const payloads = this.payloadsOf('ndjson');
    const sides: [string, 'naive' | 'ceiling', typeof runNaive][] = [
      ['JSON.parse -> JSONEachRow', 'naive', runNaive],
      ['engine-only Native ceiling', 'ceiling', runCeiling],
    ];
    const rates = new Map<string, number>();
    for (const [title, section, run] of sides) {
      if (!this.has(section)) continue;
      this.report.begin(title, `load average ${loads()}`);
      const reached = await run(this.directory, payloads, restMs);
      rates.set(section, this.tell(reached));
      if (reached.owners === undefined) continue;
      this.report.begin('disk by column and index, all in one part');
      reportDisk(this.report, reached.owners, this.data);
    }
    payloads.close();
    this.report.begin('end to end, compared');
    for (const [shape, { serverMs, engineMs }] of this.ingested) {
      const rate = mbPerSecond(this.data.rawBytes, serverMs + engineMs);
      const naive = rates.get('naive');
      const ceiling = rates.get('ceiling');
      if (naive !== undefined) {
        this.report.line(`${shape} / JSON.parse -> JSONEachRow`, rate / naive, 'x', { least: 1.8 });
      }
      if (ceiling !== undefined) {
        this.report.line(`${shape} / ceiling`, rate / ceiling, 'x', { least: 0.6 });
      }
    }
  }

  private tell({ nodeMs, engineMs, wallMs, diskBytes, rows }: Reached): number {
    const { report, data } = this;
    const rate = mbPerSecond(data.rawBytes, nodeMs + engineMs);
    report.line('raw MB per CPU-s', rate, 'MB/CPU-s');
    if (nodeMs > 0) report.line('CPU of Node', nodeMs / 1000, 's');
    report.line('CPU of the engine', engineMs / 1000, 's');
    report.line('stored, raw MB/s', mbPerSecond(data.rawBytes, wallMs), 'MB/s');
    report.line('disk / zstd -3 of the input', diskBytes / data.zstdBytes, 'x');
    report.line('records stored', rows, '', { least: data.records, most: data.records });
    return rate;
  }
}

export const runBench = async (
  options: Options,
  write: (text: string) => void,
): Promise<Report> => {
  const report = new Report(write);
  const directory = mkdtempSync(join(tmpdir(), 'meshtrail-bench-'));
  const cpu = cpus()[0]?.model ?? 'unknown';
  const memory = /MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'latin1'))?.[1];
  const facts = {
    node: process.version,
    cpu,
    cores: availableParallelism(),
    memoryGib: Math.round(Number(memory) / 2 ** 20),
    loadBefore: loads(),
  };
  write(
    `${Object.entries(facts)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}\n`,
  );
  const interrupted = (): void => {
    BenchServer.killAll();
    rmSync(directory, { recursive: true, force: true });
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    await new Bench(report, options, directory).run();
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    rmSync(directory, { recursive: true, force: true });
  }
  report.end();
  write(`load average ${loads()}\n`);
  if (options.json !== undefined) report.save(options.json, { ...facts, loadAfter: loads() });
  return report;
};
