import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { must } from '../model/errors.ts';
import { LIMITS, overrideLimits } from '../model/limits.ts';
import { systemClock } from '../platform/clock.ts';
import { startTestEngine, type TestEngine } from '../storage/engine/testing.ts';
import { ALL_OF_TENANT, type AccessFilter } from './access-filter.ts';
import { labelsKey } from './labels.ts';
import { LogqlError } from './logql/errors.ts';
import { quote } from './logql/quote.ts';
import { parseLogql } from './logql/parser.ts';
import { runLogPlan } from './log-query.ts';
import { runRange } from './metric-query.ts';
import { compilePredicate } from './predicate.ts';
import type { Row } from './row.ts';
import { QuerySession } from './session.ts';
import { LABELS, piece, record, T0, text, value } from './stored-arbitrary.ts';
import { testBatch, testRows } from './testing.ts';

/**
 * The law of the two evaluators: what SQL finds is what the predicate lets through, over records of
 * every kind and hostile lines.
 */

const S = 1_000_000_000n;
const OPTIONS = { discoverLogLevels: true };

const seed = Number(process.env['MESHTRAIL_FUZZ_SEED'] ?? 7);
const records = fc.sample(record, { numRuns: 500, seed });
const rows = testRows(records, OPTIONS, { lane: 't/default/test', seq: 0 });

const op = fc.constantFrom('=', '!=', '=~', '!~');
const REGEXES = [
  '.*',
  '.+',
  'a|b',
  'shop|pay|',
  '[a-z]+',
  '(?i)A',
  '',
  'a\\.b',
  'line.break',
  '^a$',
  'é',
];
const matcher = fc
  .record({
    name: fc.constantFrom(...LABELS, 'mesh', 'kind', 'gone'),
    op,
    value,
    regex: fc.constantFrom(...REGEXES),
  })
  .map((one) => `${one.name}${one.op}${quote(one.op.includes('~') ? one.regex : one.value)}`);
const filterName = fc.constantFrom(...LABELS, 'k8s_pod', '_9lives', 'app_extracted', 'gone');
const labelFilter = fc
  .record({ name: filterName, op, value, regex: fc.constantFrom(...REGEXES) })
  .map((one) => `| ${one.name}${one.op}${quote(one.op.includes('~') ? one.regex : one.value)}`);

/** Expressions from pieces, escaped or not; those that RE2 refuses are left out below. */
const regex = fc
  .array(
    fc.oneof(
      piece.map((one) => one.replaceAll(/[\\^$.|?*+()[\]{}]/g, '\\$&')),
      fc.constantFrom(
        '.',
        '.*',
        '.+',
        'x?',
        '(?i)',
        '(?s)',
        '(?m)',
        '^',
        '$',
        '\\b',
        '\\s',
        '\\S+',
        '\\d',
        '\\w+',
        '[^a]',
        '[a-zé]',
        '(?:a|b)',
        '|',
        '\\pL',
        '\\x{212a}',
        '\\n',
        '(?-s:.)',
        'a{2,3}',
        '\\z',
        '\\A',
        '\\B',
      ),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((parts) => parts.join('').replaceAll('\0', ''));
/** Parts of the stored lines, so that needles are found: in values, literals and across seams. */
const cut = fc
  .record({
    row: fc.nat(rows.length - 1),
    from: fc.nat(200),
    size: fc.integer({ min: 1, max: 24 }),
  })
  .map(({ row, from, size }) => {
    const { line } = rows[row] as Row;
    const start = line.length === 0 ? 0 : from % line.length;
    // Not through the middle of a character, and without NUL, which LogQL has not.
    return Buffer.from(line.slice(start, start + size))
      .toString('utf8')
      .replaceAll('\0', '');
  });
/** No empty needle, no NUL: LogQL has none. */
const needle = fc.oneof(
  { weight: 3, arbitrary: cut },
  { weight: 2, arbitrary: text.map((one) => one.replaceAll('\0', '')) },
);
const lineFilter = fc.oneof(
  fc.tuple(fc.constantFrom('|=', '!='), needle).map(([how, what]) => `${how} ${quote(what)}`),
  fc.tuple(needle, needle).map(([a, b]) => `|= ${quote(a)} or ${quote(b)}`),
  fc.tuple(fc.constantFrom('|~', '!~'), regex).map(([how, what]) => `${how} ${quote(what)}`),
);

const query = fc
  .tuple(
    fc.array(matcher, { maxLength: 2 }),
    fc.array(fc.oneof(lineFilter, labelFilter), { maxLength: 3 }),
  )
  .map(
    ([matchers, stages]) =>
      `{${['gone=""', 'x!="y"', ...matchers].join(', ')}} ${stages.join(' ')}`,
  );

let directory: string;
let target: TestEngine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meshtrail-evaluators-'));
  target = await startTestEngine(directory);
  await target.store(testBatch('t', T0, records));
});

afterAll(async () => {
  await target.engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const session = (access = ALL_OF_TENANT): QuerySession =>
  new QuerySession(
    {
      reader: target.engine.reader,
      catalog: target.engine.catalog,
      flush: () => Promise.resolve(),
      labels: OPTIONS,
      clock: systemClock,
    },
    { tenant: 't', access, signal: undefined },
  );

const only = (name: string, op: '=' | '=~', wanted: string) =>
  [{ type: 'matcher' as const, name, op, value: wanted, pos: 0 }] as const;
/** What readers may see: all, some streams, one of two kinds, nothing. */
const access = fc.constantFrom<AccessFilter>(
  ALL_OF_TENANT,
  { anyOf: [only('app', '=', 'shop')] },
  { anyOf: [only('namespace', '=~', '.+'), only('service_name', '=', 'a')] },
  { anyOf: [] },
);

const TIME = { startNs: T0, endNs: T0 + 500n * S };
const RUNS = Number(process.env['MESHTRAIL_FUZZ_RUNS'] ?? 150);

/** A matcher that holds for anything makes Loki's rule of one real matcher hold. */
const parsedLog = (logql: string) => {
  const real = logql.replace('x!="y"', 'x!~"y.+"').replace('gone=""', 'receiver_never=""');
  const expr = parseLogql(real);
  if (!(expr instanceof LogqlError)) return expr.type === 'log' ? expr : undefined;
  // Loki wants one matcher that excludes the empty value; put none in its way here.
  const relaxed = parseLogql(real.replace('{', '{service_name=~".+", '));
  if (relaxed instanceof LogqlError || relaxed.type !== 'log') return undefined;
  return { ...relaxed, matchers: relaxed.matchers.slice(1) };
};

const idOf = (row: Row): string => `${row.timestampNs}/${row.seq}`;

const linesAgree = (runs: number): Promise<void> =>
  fc.assert(
    fc.asyncProperty(
      query,
      fc.constantFrom('forward', 'backward'),
      access,
      async (logql, direction, filter) => {
        const expr = parsedLog(logql);
        fc.pre(expr !== undefined);
        const predicate = compilePredicate(filter, must(expr, 'checked'));
        const expected = rows
          .flatMap((row) => predicate(row) ?? [])
          .sort((a, b) => Number(a.row.timestampNs - b.row.timestampNs) || a.row.seq - b.row.seq);
        if (direction === 'backward') expected.reverse();
        const { context, logPlan } = bound(session(filter));
        const plan = await logPlan(must(expr, 'checked'), TIME, 1_000, direction);
        const found = [];
        for await (const entry of runLogPlan(context, plan)) found.push(entry);
        expect(found.map((entry) => idOf(entry.row))).toEqual(
          expected.map((entry) => idOf(entry.row)),
        );
        expect(found.map((entry) => [labelsKey(entry.all()), entry.line, entry.bytes])).toEqual(
          expected.map((entry) => [labelsKey(entry.all()), entry.line, entry.bytes]),
        );
      },
    ),
    { numRuns: runs },
  );

test('lines', () => linesAgree(RUNS), 300_000);

test('lines of more layouts than SQL fills', async () => {
  const { layoutsInSql } = LIMITS;
  overrideLimits({ layoutsInSql: 2 });
  try {
    await linesAgree(Math.ceil(RUNS / 3));
  } finally {
    overrideLimits({ layoutsInSql });
  }
}, 300_000);

const bound = (one: QuerySession) => ({
  context: one.context,
  logPlan: one.logPlan.bind(one),
  metricPlan: one.metricPlan.bind(one),
});

test('metrics counted by the engine are those of sampled rows', async () => {
  const around = fc.constantFrom(
    (inner: string) => inner,
    (inner: string) => `sum(${inner})`,
    (inner: string) => `sum by (app, detected_level) (${inner})`,
    (inner: string) => `sum without (trace_id) (${inner})`,
    (inner: string) => `max by (k8s_pod) (${inner})`,
    (inner: string) => `sum by (app_extracted) (${inner})`,
  );
  const aggregation = fc.constantFrom('count_over_time', 'rate', 'bytes_over_time', 'bytes_rate');
  const seconds = fc.integer({ min: 1, max: 120 });
  await fc.assert(
    fc.asyncProperty(
      query,
      around,
      aggregation,
      seconds,
      seconds,
      fc.integer({ min: -20, max: 20 }),
      async (logql, wrap, how, range, step, offset) => {
        const log = parsedLog(logql);
        fc.pre(log !== undefined);
        const ask = async (stages: string) => {
          const outer = parseLogql(wrap(`${how}({a="b"} ${stages} [${range}s] offset ${offset}s)`));
          if (outer instanceof LogqlError || outer.type === 'log') throw new Error('no metric');
          const expr = withLog(outer, must(log, 'checked'));
          const { context, metricPlan } = bound(session());
          const plan = metricPlan(expr, {
            startNs: T0 + 50n * S,
            endNs: T0 + 350n * S,
            stepNs: BigInt(step) * S,
          });
          const series = await runRange(context, plan);
          return series.map(({ labels, points, values }) => ({ labels, points, values }));
        };
        // Nothing has that label: the stage only keeps the engine from deciding alone.
        expect(await ask('')).toEqual(await ask('| drop no_such_label'));
      },
    ),
    { numRuns: Math.ceil(RUNS / 3) },
  );
}, 300_000);

/** The expression with its selector and filters replaced; stages that it had stay behind them. */
const withLog = <T>(expr: T, log: { matchers: unknown; stages: readonly unknown[] }): T =>
  JSON.parse(
    JSON.stringify(expr, (key, held: unknown) => {
      if (typeof held === 'bigint') return `bigint:${held}`;
      if (key !== 'log') return held;
      const { stages } = held as { stages: unknown[] };
      return { ...(held as object), matchers: log.matchers, stages: [...log.stages, ...stages] };
    }),
    (_, held: unknown) =>
      typeof held === 'string' && held.startsWith('bigint:') ? BigInt(held.slice(7)) : held,
  ) as T;
