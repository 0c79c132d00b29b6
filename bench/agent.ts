import { copyFileSync, mkdirSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentProcess } from '../sim/agent-process.ts';
import { buildAgent } from '../tools/build-agent.ts';
import { mbPerSecond, MB } from './figures.ts';
import type { Data } from './payloads.ts';
import type { Report } from './report.ts';
import { BenchServer } from './server.ts';

/**
 * What the agent costs its host: the bundled program alone, from the file to batches that a real
 * server has acknowledged, everything on as it is by default (stack traces joined, encrypted
 * buffer, zstd); then at rest with many files.
 */
const FILES = 500;
const IDLE_MS = 20_000;
/** Until files that are new are found and read. */
const SETTLE_MS = 8_000;
/** Asking costs the agent too. */
const POLL_MS = 250;
const LIMIT_MS = 600_000;

export const runAgent = async (report: Report, directory: string, data: Data): Promise<void> => {
  const folder = mkdtempSync(join(directory, 'agent-'));
  const { file: program, sizeBytes } = await buildAgent(join(folder, 'meshtrail-agent.js'));
  report.line('the bundle', sizeBytes / MB, 'MB');
  const server = await BenchServer.start(directory);
  try {
    await measureDelivery(report, { server, folder, program, data });
    await measureIdle(report, { server, folder, program });
  } finally {
    await server.stop();
  }
};

interface Parts {
  readonly server: BenchServer;
  readonly folder: string;
  readonly program: string;
}

const agentOver = ({ server, program }: Parts, logs: string): AgentProcess => {
  mkdirSync(logs);
  return new AgentProcess({
    servers: [server.url],
    yaml: `inputs: [{kind: file, include: ['${logs}/*.log'], service: bench}]`,
    program: [program],
  });
};

const measureDelivery = async (
  report: Report,
  parts: Parts & { readonly data: Data },
): Promise<void> => {
  const { data, folder } = parts;
  const logs = join(folder, 'delivery');
  const agent = agentOver(parts, logs);
  try {
    await agent.start();
    const before = agent.usage().cpuMs;
    copyFileSync(data.file, join(folder, 'records'));
    const from = performance.now();
    renameSync(join(folder, 'records'), join(logs, 'records.log'));
    const deadline = from + LIMIT_MS;
    while ((await agent.metric('delivered_raw_bytes_total')) < data.rawBytes) {
      if (performance.now() > deadline) throw new Error(`not delivered:\n${agent.output}`);
      await sleep(POLL_MS);
    }
    const wallMs = performance.now() - from;
    const { cpuMs, peakBytes } = agent.usage();
    report.line('CPU of the start', before / 1000, 's');
    const rate = mbPerSecond(data.rawBytes, cpuMs - before);
    report.line('file to acknowledged, raw MB per CPU-s', rate, 'MB/CPU-s', { least: 110 });
    report.line('file to acknowledged, raw MB/s', mbPerSecond(data.rawBytes, wallMs), 'MB/s');
    report.line('peak memory of the agent', peakBytes / MB, 'MB', { most: 120 });
    const sent = await agent.metric('delivered_bytes_total');
    report.line('bytes sent / zstd -3 of the input', sent / data.zstdBytes, 'x');
    const events = await agent.metric('delivered_events_total');
    report.line('events delivered', events, '', { least: data.records, most: data.records });
  } finally {
    await agent.remove();
  }
};

const measureIdle = async (report: Report, parts: Parts): Promise<void> => {
  const logs = join(parts.folder, 'idle');
  const agent = agentOver(parts, logs);
  try {
    for (let i = 0; i < FILES; i++) writeFileSync(join(logs, `${i}.log`), `line of file ${i}\n`);
    await agent.start();
    await sleep(SETTLE_MS);
    const before = agent.usage().cpuMs;
    await sleep(IDLE_MS);
    const { cpuMs, peakBytes } = agent.usage();
    const share = (100 * (cpuMs - before)) / IDLE_MS;
    report.line(`at rest with ${FILES} files, of a core`, share, '%', { most: 2 });
    report.line(`memory with ${FILES} files`, peakBytes / MB, 'MB', { most: 120 });
  } finally {
    await agent.remove();
  }
};
