import { setTimeout as sleep } from 'node:timers/promises';
import { median, MB } from './figures.ts';
import { queryRange, type Range } from './logql.ts';
import { residentBytesOf } from './processes.ts';
import { timed } from './queries.ts';
import type { Report } from './report.ts';
import { Sender } from './sender.ts';
import { BenchServer } from './server.ts';

/** Many tenants with a bucket each: what a query of one costs, and a trickle into all of them. */
export interface BucketOptions {
  readonly buckets: number;
  /** How long the trickle goes on. */
  readonly trickleS: number;
  readonly restMs: number;
}

const LINES_PER_S = 100;
const ROUNDS = 20;
const NS_PER_MS = 1_000_000n;
const MAKERS = 4;

const tenantOf = (bucket: number): string => `tenant-${bucket}`;

const sendLine = async (sender: Sender, tenant: string, n: number): Promise<void> => {
  const body = `{"service":"trickle","level":"info","msg":"line ${n} of ${tenant}","n":${n}}\n`;
  const headers = { 'content-type': 'application/x-ndjson', 'x-scope-orgid': tenant };
  for (;;) {
    const { status, body: said } = await sender.post('/v1/ndjson', headers, body);
    if (status === 200) return;
    if (status !== 429 && status !== 503) throw new Error(`answered ${status}: ${said}`);
    await sleep(100);
  }
};

const lastHour = (): Range => {
  const nowNs = BigInt(Date.now()) * NS_PER_MS;
  return { startNs: nowNs - 3_600_000n * NS_PER_MS, endNs: nowNs + 60_000n * NS_PER_MS };
};

const QUESTIONS = {
  'newest 100': '{service_name="trickle"}',
  'a word that is there': '{service_name="trickle"} |= "line 1 "',
  'a word that is nowhere': '{service_name="trickle"} |= "nowhere-to-be-found"',
} as const;

/** Median time of each question to one tenant, ms. */
const ask = async (server: BenchServer, tenant: string): Promise<Record<string, number>> => {
  const times: Record<string, number> = {};
  for (const [name, query] of Object.entries(QUESTIONS)) {
    const runs: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      runs.push(await timed(() => queryRange(server.url, query, lastHour(), { tenant })));
    }
    times[name] = median(runs);
  }
  return times;
};

/** Sends the first line of every tenant; resolves when the engine has them all. */
const makeBuckets = async (server: BenchServer, buckets: number): Promise<number> => {
  const sender = new Sender(server.url, MAKERS);
  const from = performance.now();
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < buckets) await sendLine(sender, tenantOf(next++), 0);
  };
  await Promise.all(Array.from({ length: MAKERS }, run));
  await server.stored(buckets);
  sender.close();
  return performance.now() - from;
};

/** A line to one tenant after the other at an even pace; the result is how many. */
const trickle = async (server: BenchServer, buckets: number, seconds: number): Promise<number> => {
  const sender = new Sender(server.url, 8);
  const lines = LINES_PER_S * seconds;
  const from = performance.now();
  const sent: Promise<void>[] = [];
  for (let n = 0; n < lines; n++) {
    await sleep(Math.max(0, from + (n * 1000) / LINES_PER_S - performance.now()));
    sent.push(sendLine(sender, tenantOf(n % buckets), 1 + Math.floor(n / buckets)));
  }
  await Promise.all(sent);
  sender.close();
  return lines;
};

const oneBucket = async (directory: string, rows: number): Promise<Record<string, number>> => {
  const server = await BenchServer.start(directory);
  try {
    const sender = new Sender(server.url, 1);
    for (let n = 0; n < rows; n++) await sendLine(sender, tenantOf(0), n);
    sender.close();
    await server.stored(rows);
    return await ask(server, tenantOf(0));
  } finally {
    await server.stop();
  }
};

export const runBuckets = async (
  report: Report,
  directory: string,
  { buckets, trickleS, restMs }: BucketOptions,
): Promise<void> => {
  const alone = await oneBucket(directory, 1);
  const server = await BenchServer.start(directory);
  try {
    report.line('tenants with a bucket each', buckets, '');
    report.line(
      'made by a line each, until stored',
      (await makeBuckets(server, buckets)) / 1000,
      's',
    );
    await server.cpuMsAtRest(restMs);
    const restarts = (await server.metrics()).sum('engine_restarts_total');
    report.line('restarts of the engine for more disks', restarts, '');
    report.line('memory of the server', residentBytesOf(server.pid) / MB, 'MB');
    report.line('memory of the engine', residentBytesOf(server.enginePid) / MB, 'MB');
    const among = await ask(server, tenantOf(Math.floor(buckets / 2)));
    for (const [name, ms] of Object.entries(among)) {
      const single = alone[name] as number;
      report.line(`one of ${buckets}: ${name}`, ms, 'ms');
      report.line(`one bucket alone: ${name}`, single, 'ms');
      report.line(`ratio: ${name}`, ms / single, 'x', { most: 3 });
    }
    await runTrickle(report, server, buckets, trickleS, restMs);
  } finally {
    await server.stop();
  }
};

const runTrickle = async (
  report: Report,
  server: BenchServer,
  buckets: number,
  trickleS: number,
  restMs: number,
): Promise<void> => {
  const { enginePid } = server;
  const inserts = (await server.metrics()).sum('engine_inserts_total');
  const before = server.cpuMs();
  const from = performance.now();
  const lines = await trickle(server, buckets, trickleS);
  const wallMs = performance.now() - from;
  const during = server.cpuMs();
  await server.stored(buckets + lines);
  const merged = await server.cpuMsAtRest(restMs);
  const metrics = await server.metrics();
  const cores = (to: { server: number; engine: number }): number =>
    (to.server - before.server + to.engine - before.engine) / wallMs;
  report.line('trickle: lines per second into all', (1000 * lines) / wallMs, '/s');
  report.line('trickle: server', (during.server - before.server) / wallMs, 'cores');
  report.line('trickle: engine', (during.engine - before.engine) / wallMs, 'cores');
  report.line('trickle: server and engine', cores(during), 'cores', { most: 0.5 });
  report.line('trickle: the same until merged', cores(merged), 'cores');
  report.line('trickle: inserts', metrics.sum('engine_inserts_total') - inserts, '');
  report.line('trickle: memory of the engine', residentBytesOf(enginePid) / MB, 'MB');
  report.line('trickle: records sent', buckets + lines, '');
  report.line('trickle: records stored', metrics.sum('stored_records_total'), '');
};
