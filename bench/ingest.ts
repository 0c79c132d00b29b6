import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { mbPerSecond, MB } from './figures.ts';
import { queryInstant, queryRange } from './logql.ts';
import { eachRequest, timeNsOf, type Data, type Payloads, type Shape } from './payloads.ts';
import { diskBytesOf, ownCpuMs, peakBytesOf } from './processes.ts';
import { DAY_MS, START_MS } from './records.ts';
import type { Report } from './report.ts';
import { sendAll } from './sender.ts';
import type { BenchServer } from './server.ts';

/** One shape into one fresh server, until everything is stored and merged. */
export interface Ingested {
  readonly serverMs: number;
  readonly engineMs: number;
  /** From the first request until all is durable in the engine. */
  readonly wallMs: number;
}

const AT_ONCE = 2;
const NS_PER_MS = 1_000_000n;

/** The day of the standard data, and a little room for its jitter. */
export const DAY = {
  startNs: BigInt(START_MS) * NS_PER_MS,
  endNs: BigInt(START_MS + DAY_MS) * NS_PER_MS,
};

/** From here on merges have more to do, and less is asked for. */
const LARGE_BYTES = 1_900 * MB;

/** What is to be reached: absolute, and of bare `JSON.parse`, which holds on any machine. */
const rateTarget = (shape: Shape, rawBytes: number): { rate: number; ofParse: number } =>
  shape === 'ndjson' && rawBytes < LARGE_BYTES
    ? { rate: 75, ofParse: 0.185 }
    : { rate: 65, ofParse: 0.16 };

/** CPU of bare `JSON.parse` per line, ms; the lines are strings already. */
export const parseMs = (data: Data): number => {
  const handle = openSync(data.file, 'r');
  const chunk = Buffer.alloc(8 * MB);
  let rest = '';
  let spentMs = 0;
  let kept = 0;
  for (;;) {
    const read = readSync(handle, chunk, 0, chunk.length, null);
    if (read === 0) break;
    const lines = (rest + chunk.toString('latin1', 0, read)).split('\n');
    rest = lines.pop() ?? '';
    const before = ownCpuMs();
    for (const line of lines) if (JSON.parse(line) !== null) kept++;
    spentMs += ownCpuMs() - before;
  }
  closeSync(handle);
  if (kept !== data.records) throw new Error(`parsed ${kept} of ${data.records} lines`);
  return spentMs;
};

export interface IngestOptions {
  readonly restMs: number;
  /** Lines that are read back. */
  readonly samples: number;
  /** Bare JSON.parse in this run, raw MB per CPU-second. */
  readonly parseRate: number;
}

export const runIngest = async (
  report: Report,
  server: BenchServer,
  data: Data,
  payloads: Payloads,
  { restMs, samples, parseRate }: IngestOptions,
): Promise<Ingested> => {
  const { pid, enginePid } = server;
  await server.metrics();
  const before = server.cpuMs();
  const from = performance.now();
  const { records, refused } = await sendAll(server.url, payloads, AT_ONCE);
  const sentMs = performance.now() - from;
  const loopMs = (await server.metrics()).sum('event_loop_p99_ms');
  await server.stored(records);
  const wallMs = performance.now() - from;
  const after = await server.cpuMsAtRest(restMs);
  if (server.enginePid !== enginePid) throw new Error('the engine was restarted meanwhile');
  const serverMs = after.server - before.server;
  const engineMs = after.engine - before.engine;
  const rate = mbPerSecond(data.rawBytes, serverMs + engineMs);
  const metrics = await server.metrics();
  const target = rateTarget(payloads.shape, data.rawBytes);
  report.line('raw MB per CPU-s', rate, 'MB/CPU-s', { least: target.rate });
  report.line('of bare JSON.parse', rate / parseRate, 'x', { least: target.ofParse });
  report.line('CPU of the server (TypeScript)', serverMs / 1000, 's');
  report.line('CPU of the engine', engineMs / 1000, 's');
  const share = (100 * serverMs) / (serverMs + engineMs);
  report.line('TypeScript share of the CPU', share, '%', { most: 40 });
  report.line('acknowledged, raw MB/s', mbPerSecond(data.rawBytes, sentMs), 'MB/s');
  report.line('stored, raw MB/s', mbPerSecond(data.rawBytes, wallMs), 'MB/s');
  report.line('event loop p99 while ingesting', loopMs, 'ms', { most: 10 });
  report.line('peak memory of the server', peakBytesOf(pid) / MB, 'MB', { most: 300 });
  report.line('peak memory of the engine', peakBytesOf(enginePid) / MB, 'MB', { most: 700 });
  const disk = diskBytesOf(join(server.directory, 'engine'));
  report.line('disk / zstd -3 of the input', disk / data.zstdBytes, 'x', { most: 0.77 });
  const structured = metrics.sum('lines_structured_total');
  const whole = metrics.sum('lines_kept_whole_total');
  report.line('lines with structure', structured, '');
  report.line('of them kept whole', (100 * whole) / Math.max(1, structured), '%', { most: 1 });
  for (const [reason, lines] of metrics.by('lines_kept_whole_total')) {
    report.line(`kept whole: ${reason}`, lines, '');
  }
  report.line('requests told to try later', refused, '');
  report.line('inserts', metrics.sum('engine_inserts_total'), '');
  report.line('records sent', records, '');
  report.line('records stored', metrics.sum('stored_records_total'), '');
  await checkBooks(report, server, data, samples);
  return { serverMs, engineMs, wallMs };
};

/** Counts by query, and looks for some lines byte for byte at their time. */
const checkBooks = async (
  report: Report,
  server: BenchServer,
  data: Data,
  count: number,
): Promise<void> => {
  const all = '{service_name=~".+"}';
  const [counted = 0] = await queryInstant(
    server.url,
    `sum(count_over_time(${all}[25h]))`,
    DAY.endNs + 60_000n * NS_PER_MS,
  );
  report.line('records counted by LogQL', counted, '', { least: data.records, most: data.records });
  const step = Math.max(1, Math.floor(data.records / count));
  const samples: string[] = [];
  let row = 0;
  eachRequest(data, (lines) => {
    for (const line of lines) if (row++ % step === 0) samples.push(line.toString('utf8'));
  });
  let given = 0;
  for (const line of samples) {
    const startNs = timeNsOf(line);
    const range = { startNs, endNs: startNs + 1n };
    if ((await queryRange(server.url, all, range)).includes(line)) given++;
  }
  const shareGiven = (100 * given) / samples.length;
  report.line(`of ${samples.length} lines, given back byte for byte`, shareGiven, '%', {
    least: 100,
  });
};
