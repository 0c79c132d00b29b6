import type { Command } from 'commander';
import { MeshtrailError } from '../../model/errors.ts';
import { systemClock } from '../../platform/clock.ts';
import { systemOutput } from '../../platform/output.ts';
import {
  addTargetOptions,
  ask,
  formatTime,
  parseSpan,
  parseTime,
  targetOf,
  type TargetFlags,
} from './client.ts';
import { printTable } from './table.ts';

interface QueryFlags extends TargetFlags {
  readonly since: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit: string;
  readonly step?: string;
  readonly output: string;
  readonly forward?: boolean;
  readonly explain?: boolean;
}

/** The answer under `X-Meshtrail-Plan: explain` (docs/protocols.md). */
interface Plan {
  readonly engine: readonly string[];
  readonly process: readonly string[];
  readonly filters: readonly { readonly filter: string; readonly case: string }[];
  readonly tables: number;
  readonly layouts: number;
}

interface StreamResult {
  readonly stream: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [string, string])[];
}

interface SeriesResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly values?: readonly (readonly [number, string])[];
  readonly value?: readonly [number, string];
}

interface QueryData {
  readonly resultType: 'streams' | 'matrix' | 'vector' | 'scalar';
  readonly result: readonly unknown[];
}

const OUTPUTS = ['raw', 'json', 'table'];

export const addQuery = (program: Command): void => {
  const command = program
    .command('query <logql>')
    .description('ask with LogQL and print lines or samples')
    .option('--since <span>', 'how far back (30m, 6h, 7d)', '1h')
    .option('--from <time>', 'start: RFC 3339 or epoch (instead of --since)')
    .option('--to <time>', 'end: RFC 3339 or epoch (default: now)')
    .option('--limit <n>', 'lines at most', '100')
    .option('--step <span>', 'distance of samples of a metric query (15s, 1m)')
    .option(
      '--output <form>',
      'raw (the lines as they came), json (one object a line), table',
      'raw',
    )
    .option('--forward', 'oldest first (default: newest last, the newest N)')
    .option('--explain', 'run nothing: say what would run in the engine and what in process');
  addTargetOptions(command)
    .addHelpText(
      'after',
      `
The key is taken from MESHTRAIL_KEY.

Examples:
  meshtrail query '{service_name="checkout"}'
  meshtrail query '{namespace="shop"} |= "timeout"' --since 6h --limit 1000 --output json
  meshtrail query '{namespace="shop"} |~ "time(d )?out" | json' --explain
  meshtrail query 'sum by (service_name) (rate({kind="access"}[5m]))' --output table`,
    )
    .action(run);
};

const limitOf = (text: string): number => {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1) {
    throw new MeshtrailError(
      'limit_invalid',
      `--limit '${text}' is not a positive number`,
      'for example --limit 1000',
    );
  }
  return limit;
};

const run = async (logql: string, flags: QueryFlags): Promise<void> => {
  if (!OUTPUTS.includes(flags.output)) {
    throw new MeshtrailError(
      'output_invalid',
      `--output '${flags.output}' is unknown`,
      `use ${OUTPUTS.join(', ')}`,
    );
  }
  const target = targetOf(flags);
  const limit = limitOf(flags.limit);
  const end = flags.to === undefined ? systemClock.nowNs() + 1n : parseTime(flags.to);
  const start = flags.from === undefined ? end - parseSpan(flags.since) : parseTime(flags.from);
  const parameters = new URLSearchParams({
    query: logql,
    start: String(start),
    end: String(end),
    limit: String(limit),
    direction: flags.forward === true ? 'forward' : 'backward',
  });
  if (flags.step !== undefined) parameters.set('step', `${Number(parseSpan(flags.step)) / 1e9}`);
  const path = `/loki/api/v1/query_range?${parameters.toString()}`;
  if (flags.explain === true) {
    const plan = await ask(target, path, { headers: { 'x-meshtrail-plan': 'explain' } });
    return printPlan((await plan.json()) as Plan);
  }
  const response = await ask(target, path);
  const { data } = (await response.json()) as { data: QueryData };
  if (data.resultType === 'streams') await printStreams(data.result as StreamResult[], flags);
  else await printSeries(data.result as SeriesResult[], flags.output);
};

const printPlan = async (plan: Plan): Promise<void> => {
  const list = (stages: readonly string[]): string => stages.join('; ') || 'nothing';
  const rows = [
    ['engine', list(plan.engine)],
    ['process', list(plan.process)],
    ...plan.filters.map((one) => ['filter', `${one.filter}: ${one.case}`]),
    ['reads', `${plan.tables} tables, lines of ${plan.layouts} layouts`],
  ];
  for (const [name = '', text = ''] of rows) {
    await systemOutput.write(`${name.padEnd(8)} ${text}\n`);
  }
};

const printStreams = async (streams: readonly StreamResult[], flags: QueryFlags): Promise<void> => {
  const lines = streams.flatMap(({ stream, values }) =>
    values.map(([time, line]) => ({ time: BigInt(time), line, stream })),
  );
  lines.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  if (flags.output === 'table') {
    const rows = lines.map(({ time, stream, line }) => [
      formatTime(time),
      stream['service_name'] ?? '',
      stream['detected_level'] ?? '',
      line,
    ]);
    return printTable(['time', 'service', 'level', 'line'], rows);
  }
  for (const { time, line, stream } of lines) {
    await systemOutput.write(
      flags.output === 'raw'
        ? `${line}\n`
        : `${JSON.stringify({ timestamp: formatTime(time), labels: stream, line })}\n`,
    );
  }
};

const nameOf = (metric: Readonly<Record<string, string>>): string =>
  `{${Object.entries(metric)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(', ')}}`;

const printSeries = async (series: readonly SeriesResult[], output: string): Promise<void> => {
  const rows: string[][] = [];
  for (const { metric, values, value } of series) {
    for (const [time, sample] of values ?? (value ? [value] : [])) {
      const at = formatTime(BigInt(Math.round(time * 1000)) * 1_000_000n);
      if (output === 'json') {
        await systemOutput.write(
          `${JSON.stringify({ timestamp: at, labels: metric, value: sample })}\n`,
        );
      } else rows.push([at, nameOf(metric), sample]);
    }
  }
  if (output === 'table') return printTable(['time', 'labels', 'value'], rows);
  for (const row of rows) await systemOutput.write(`${row.join('  ')}\n`);
};
