import { median } from './figures.ts';
import { DAY } from './ingest.ts';
import { queryInstant, queryRange } from './logql.ts';
import type { Data, Shape } from './payloads.ts';
import { NEEDLE } from './records.ts';
import type { Report, Target } from './report.ts';
import type { BenchServer } from './server.ts';

/** What people ask, in LogQL over HTTP, on the data of one shape; medians. */
export interface Question {
  readonly name: string;
  /** Asks once; the result is how many lines, points or series came. */
  readonly ask: (url: string) => Promise<number>;
  readonly target?: Target;
}

const RUNS = 11;
/** A slow question is asked fewer times, ms. */
const BUDGET_MS = 15_000;
const ALL = '{service_name=~".+"}';
const RARE_WORD = NEEDLE.split(' ')[1] as string;
const LATE_NS = 60_000_000_000n;

const lines =
  (query: string, limit = 100) =>
  async (url: string): Promise<number> =>
    (await queryRange(url, query, DAY, { limit })).length;

const vector =
  (query: string) =>
  async (url: string): Promise<number> =>
    (await queryInstant(url, query, DAY.endNs + LATE_NS)).length;

const matrix =
  (query: string) =>
  async (url: string): Promise<number> =>
    (await queryRange(url, query, DAY)).length;

const NEWEST = { most: 10 };
const NEEDLES = { most: 15 };
/** VictoriaLogs' times on 2 M records of the same kind. */
const HISTOGRAM = { most: 65 };
const TOP_PATHS = { most: 132 };
const P99 = { most: 101 };

export const questionsOf = (data: Data, shape: Shape): Question[] => {
  const level = shape === 'loki' ? 'detected_level' : 'severity_text';
  const errors = shape === 'loki' ? '| detected_level="error"' : '| record | severity_text="error"';
  return [
    { name: 'trace id', ask: lines(`${ALL} |= "${data.needleTrace}"`), target: NEEDLES },
    { name: 'rare word', ask: lines(`${ALL} |= "${RARE_WORD}"`), target: NEEDLES },
    { name: 'a word that is nowhere', ask: lines(`${ALL} |= "nowhere-to-be-found"`) },
    {
      name: 'one service, errors, newest 100',
      ask: lines(`{service_name="checkout"} ${errors}`),
      target: NEWEST,
    },
    { name: 'the same by | json', ask: lines('{service_name="checkout"} | json | level="error"') },
    { name: 'newest 100 of everything', ask: lines(ALL), target: NEWEST },
    {
      name: 'count of 503 by service, by substring',
      ask: vector(
        `sum by (service_name) (count_over_time(${ALL} |= "\\"response_code\\":503" [25h]))`,
      ),
    },
    {
      name: 'count of 503 by service, by | record',
      ask: vector(
        `sum by (service_name) (count_over_time({container="istio-proxy"} | record | status=503 [25h]))`,
      ),
    },
    {
      name: 'histogram, minute x service',
      ask: matrix(`sum by (service_name) (count_over_time(${ALL}[1m]))`),
    },
    {
      name: 'histogram, minute x level',
      ask: matrix(
        `sum by (${level}) (count_over_time(${ALL}${shape === 'loki' ? '' : ' | record'} [1m]))`,
      ),
      target: HISTOGRAM,
    },
    ...recordQuestions(data),
  ];
};

/** What `| record` gives. */
const recordQuestions = (data: Data): Question[] => [
  {
    name: 'top paths',
    ask: vector(`topk(10, sum by (path) (count_over_time(${ALL} | record | path!="" [25h])))`),
    target: TOP_PATHS,
  },
  {
    name: 'p99 by service',
    ask: vector(
      `quantile_over_time(0.99, ${ALL} | record | unwrap duration_ns [25h]) by (service)`,
    ),
    target: P99,
  },
  {
    name: 'trace id, by | record',
    ask: lines(`${ALL} | record | trace_id="${data.needleTrace}"`),
    target: NEEDLES,
  },
  {
    name: 'request id that is nowhere, by | record',
    ask: lines(`${ALL} | record | request_id="00000000-0000-4000-8000-000000000000"`),
    target: NEEDLES,
  },
  {
    name: 'rare word, by | record',
    ask: lines(`${ALL} |= "${RARE_WORD}" | record`),
    target: NEEDLES,
  },
  {
    name: 'status 500 and above, by | record, newest 100',
    ask: lines(`${ALL} | record | status >= 500`),
  },
  {
    name: 'mean duration by service, by | record',
    ask: vector(`avg_over_time(${ALL} | record | unwrap duration_ns [25h]) by (service)`),
  },
];

export const timed = async (ask: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await ask();
  return performance.now() - from;
};

export const runQueries = async (
  report: Report,
  server: BenchServer,
  data: Data,
  shape: Shape,
  samples: number,
): Promise<void> => {
  const runsMost = Math.min(RUNS, samples);
  for (const { name, ask, target } of questionsOf(data, shape)) {
    let found = 0;
    try {
      found = await ask(server.url);
    } catch (error) {
      report.line(name, Number.NaN, 'ms', target);
      report.note(`refused: ${error instanceof Error ? error.message.slice(0, 200) : ''}`);
      continue;
    }
    const times: number[] = [];
    const deadline = performance.now() + BUDGET_MS;
    const before = server.cpuMs();
    while (times.length < runsMost && (times.length === 0 || performance.now() < deadline)) {
      times.push(await timed(() => ask(server.url)));
    }
    const after = server.cpuMs();
    const each = (from: number, to: number): string => ((to - from) / times.length).toFixed(0);
    const cpu = `${each(before.server, after.server)} + ${each(before.engine, after.engine)} CPU-ms`;
    report.line(`${name} (${found})`, median(times), 'ms', target, cpu);
  }
};
