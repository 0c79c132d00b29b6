import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from './figures.ts';
import type { Ingested } from './ingest.ts';
import { queryRange } from './logql.ts';
import type { Data, Payloads } from './payloads.ts';
import { questionsOf, timed } from './queries.ts';
import type { Report } from './report.ts';
import { Sender } from './sender.ts';
import type { BenchServer } from './server.ts';

/** How soon an acknowledged line is found, and how long queries take, at rest and under load. */
const SHARE_OF_FULL_LOAD = 0.5;
/** Requests of the load that may be under way; a slower server gets less load, never more. */
const LOAD_AT_ONCE = 2;
const SEARCH_LIMIT_MS = 30_000;
const NS_PER_MS = 1_000_000n;
/** A pause between lines, so that each meets the server as a first one does, ms. */
const PAUSE_MS = 40;
/** Slow queries are asked fewer times: the load would bury them in data meanwhile, ms. */
const QUERIES_MS = 20_000;
/** Questions that everybody asks all the time; slow aggregations are measured elsewhere. */
const USUAL = ['trace id', 'rare word', 'newest 100 of everything'];

interface Searched {
  readonly acknowledgedMs: number;
  readonly searchableMs: number;
  readonly polls: number;
}

const searchOne = async (server: BenchServer, sender: Sender, word: string): Promise<Searched> => {
  const nowNs = BigInt(Date.now()) * NS_PER_MS;
  const range = { startNs: nowNs - 3_600_000n * NS_PER_MS, endNs: nowNs + 3_600_000n * NS_PER_MS };
  const body = `{"service":"probe","msg":"is ${word} there"}\n`;
  const from = performance.now();
  const { status } = await sender.post(
    '/v1/ndjson',
    { 'content-type': 'application/x-ndjson' },
    body,
  );
  if (status !== 200) throw new Error(`a single line was answered ${status}`);
  const acknowledged = performance.now();
  for (let polls = 1; ; polls++) {
    const found = await queryRange(server.url, `{service_name="probe"} |= "${word}"`, range);
    const now = performance.now();
    if (found.length > 0) {
      return { acknowledgedMs: acknowledged - from, searchableMs: now - acknowledged, polls };
    }
    if (now - acknowledged > SEARCH_LIMIT_MS) throw new Error('an acknowledged line is not found');
  }
};

const searchLines = async (
  report: Report,
  server: BenchServer,
  when: 'idle' | 'loaded',
  samples: number,
): Promise<void> => {
  const sender = new Sender(server.url, 1);
  const all: Searched[] = [];
  for (let i = 0; i < samples; i++) {
    all.push(await searchOne(server, sender, `${when}word${i}x`));
    await sleep(PAUSE_MS);
  }
  sender.close();
  const acknowledged = all.map(({ acknowledgedMs }) => acknowledgedMs);
  const searchable = all.map(({ searchableMs }) => searchableMs);
  report.line(`${when}: a line acknowledged, p50`, percentile(acknowledged, 0.5), 'ms');
  report.line(`${when}: a line acknowledged, p99`, percentile(acknowledged, 0.99), 'ms');
  report.line(`${when}: acknowledged -> searchable, p50`, percentile(searchable, 0.5), 'ms');
  report.line(`${when}: acknowledged -> searchable, p99`, percentile(searchable, 0.99), 'ms', {
    most: 1_000,
  });
  report.line(
    `${when}: queries needed to find a line, most`,
    Math.max(...all.map((o) => o.polls)),
    '',
  );
};

/** Query times, p50 and p95 over the usual questions. */
const queryTimes = async (
  report: Report,
  server: BenchServer,
  data: Data,
  when: 'idle' | 'loaded',
  samples: number,
): Promise<void> => {
  const questions = questionsOf(data, 'ndjson').filter(({ name }) => USUAL.includes(name));
  const times: number[] = [];
  const deadline = performance.now() + QUERIES_MS;
  for (let i = 0; i < samples && performance.now() < deadline; i++) {
    const { ask } = questions[i % questions.length] as (typeof questions)[number];
    times.push(await timed(() => ask(server.url)));
  }
  report.line(`${when}: usual queries (${times.length}), p50`, percentile(times, 0.5), 'ms');
  report.line(`${when}: usual queries, p95`, percentile(times, 0.95), 'ms');
};

/** Sends the payloads over and over, one every `everyMs`, until it is stopped. */
class Load {
  records = 0;
  private stopped = false;
  private readonly runs: Promise<void>[];

  constructor(url: string, payloads: Payloads, everyMs: number) {
    const sender = new Sender(url, LOAD_AT_ONCE);
    let next = 0;
    const from = performance.now();
    const run = async (): Promise<void> => {
      while (!this.stopped) {
        const turn = next++;
        const index = turn % payloads.count;
        await sleep(Math.max(0, from + turn * everyMs - performance.now()));
        await sender.send(payloads, index);
        this.records += payloads.rows(index);
      }
    };
    this.runs = Array.from({ length: LOAD_AT_ONCE }, run);
    void Promise.all(this.runs).finally(() => sender.close());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.runs);
  }
}

export interface LatencyOptions {
  readonly data: Data;
  /** NDJSON requests. */
  readonly payloads: Payloads;
  /** How fast the server took the data: half of that is the load. */
  readonly ingested: Ingested;
  readonly samples: number;
}

export const runLatency = async (
  report: Report,
  server: BenchServer,
  { data, payloads, ingested, samples }: LatencyOptions,
): Promise<void> => {
  await searchLines(report, server, 'idle', samples);
  await queryTimes(report, server, data, 'idle', samples);
  const everyMs = ingested.wallMs / payloads.count / SHARE_OF_FULL_LOAD;
  const before = (await server.metrics()).sum('stored_records_total');
  const from = performance.now();
  const load = new Load(server.url, payloads, everyMs);
  await searchLines(report, server, 'loaded', samples);
  await queryTimes(report, server, data, 'loaded', samples);
  await load.stop();
  const seconds = (performance.now() - from) / 1000;
  const loopMs = (await server.metrics()).sum('event_loop_p99_ms');
  report.line('loaded: records per second meanwhile', load.records / seconds, '/s');
  report.line('loaded: event loop p99', loopMs, 'ms', { most: 10 });
  await server.stored(before + load.records + samples);
};
