import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MeshtrailError } from '../model/errors.ts';
import { systemClock } from '../platform/clock.ts';
import { startTestEngine, type TestEngine } from '../storage/engine/testing.ts';
import { ALL_OF_TENANT } from './access-filter.ts';
import { labelsKey } from './labels.ts';
import { runLogPlan } from './log-query.ts';
import { LogqlError } from './logql/errors.ts';
import { parseLogql } from './logql/parser.ts';
import { quote } from './logql/quote.ts';
import { runRange } from './metric-query.ts';
import { QuerySession } from './session.ts';
import { testBatch, type TestRecord } from './testing.ts';

/**
 * The law of `| record` in SQL: label filters, groupings and unwraps behind it give what they give
 * in process. Behind a stage that SQL does not know (`| drop no_such_label`) all runs in process.
 */

const S = 1_000_000_000n;
const T0 = 1_793_700_000n * S;
const OPTIONS = { discoverLogLevels: true };
const RUNS = Number(process.env['MESHTRAIL_FUZZ_RUNS'] ?? 40);

const NUMBERS = [
  '0',
  '5',
  '-1',
  '1.5',
  '0.1',
  '-0.5',
  '007',
  '1e3',
  'NaN',
  '500',
  '12345678901234',
];
const DURATIONS = ['100ms', '1.5s', '1m2s', '250µs', '3h', '0', '12.000000001s', '99999999ns'];
const SIZES = ['5KB', '1.5MiB', '10 kb', '7b', '1,000', '3 GB', '1234567'];
const WORDS = ['', 'a', 'b', '/a', '/b', 'x y', 'é', '\ufffd'];
const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 3, arbitrary: fc.constantFrom(...NUMBERS) },
  fc.constantFrom(...DURATIONS),
  fc.constantFrom(...SIZES),
);
const raw = fc.oneof(
  { weight: 9, arbitrary: text },
  fc.constantFrom<Uint8Array>(Buffer.from('\xff', 'latin1'), Buffer.from('a\xe9b', 'latin1')),
);
const map = <T>(
  names: readonly string[],
  values: fc.Arbitrary<T>,
): fc.Arbitrary<Record<string, T>> =>
  fc.dictionary(fc.constantFrom(...names), values, { maxKeys: 3 });

/** Records of which some are in doubt with nearly every query, and records with plain values. */
const records = (hostile: boolean): fc.Arbitrary<TestRecord> =>
  record(hostile ? text : fc.constantFrom('', '5', '12', '1.5', '0.25', '700', '1000000'), hostile);

const record = (texts: fc.Arbitrary<string>, hostile: boolean): fc.Arbitrary<TestRecord> =>
  fc
    .record({
      second: fc.integer({ min: 0, max: 100 }),
      loki: fc.boolean(),
      columns: fc.record(
        {
          path: hostile ? raw : fc.constantFrom('/a', '/b', ''),
          method: fc.constantFrom('GET', 'PUT', ''),
          trace_id: fc.constantFrom('a', 'b', ''),
          container: fc.constantFrom('a', 'proxy', ''),
          service: fc.constantFrom('', 'all', 'all', 'all'),
          severity_text: fc.constantFrom('error', 'info', ''),
        },
        { requiredKeys: [] },
      ),
      numbers: fc.record(
        {
          status: fc.constantFrom(0, 200, 500, 503),
          duration_ns: fc.constantFrom(0, 1, 1_500_000_000, 2 ** 53 - 1),
          bytes_in: fc.constantFrom(0, 7, 5_000, 123_456),
        },
        { requiredKeys: [] },
      ),
      severity: fc.constantFrom(0, 9, 17),
      labels: map(['app', 'path', 'status', 'trace_id', 'user_id', 'container'], texts),
      metadata: map(
        ['path', 'status', 'user.id', 'duration_ns', 'took', 'container', 'service_name'],
        texts,
      ),
      attributes: map(
        ['user', 'user.id', 'user_id', 'user-id', 'status', 'took', 'size', '9x', 'path'],
        hostile ? raw : texts,
      ),
    })
    .map(({ second, loki, columns, ...rest }) => ({
      ...rest,
      timestampNs: T0 + BigInt(second) * S,
      line: 'a line',
      columns: { receiver: loki ? 'loki' : 'otlp', service: 'all', ...columns },
      labels: loki ? { ...rest.labels, service_name: 'all' } : rest.labels,
    }));

const TEXT_NAMES = ['path', 'method', 'trace_id', 'user', 'user_id', '_9x', 'severity_text', 'app'];
const NUMBER_NAMES = ['status', 'duration_ns', 'bytes_in', 'user_id', 'took', 'size', 'severity'];
const MESH_NAMES = ['service_name', 'container', 'service'];
const name = fc.constantFrom(
  ...TEXT_NAMES,
  ...MESH_NAMES,
  ...NUMBER_NAMES,
  'seq',
  'detected_level',
  'gone',
);
const number = fc.constantFrom('0', '5', '0.1', '200', '500', '1.5', '1e3', '12345678901234');
const compare = fc.constantFrom('==', '!=', '>', '>=', '<', '<=');
const condition: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(name, fc.constantFrom('=', '!='), fc.oneof(text, fc.constantFrom('GET', '503')))
      .map(([label, op, value]) => `${label}${op}${quote(value)}`),
  },
  fc
    .tuple(name, fc.constantFrom('=~', '!~'), fc.constantFrom('a|b', '/.*', '5.+', '.*', 'a|', '.'))
    .map(([label, op, value]) => `${label}${op}${quote(value)}`),
  {
    weight: 3,
    arbitrary: fc
      .tuple(name, compare, number)
      .map(([label, op, value]) => `${label} ${op} ${value}`),
  },
  fc
    .tuple(name, compare, fc.constantFrom('100ms', '1s', '62s', '3h', '99ms', '12.000000001s'))
    .map(([label, op, value]) => `${label} ${op} ${value}`),
  fc
    .tuple(name, compare, fc.constantFrom('5KB', '7B', '1MiB', '1000B', '3GB'))
    .map(([label, op, value]) => `${label} ${op} ${value}`),
);
const filter = fc.oneof(
  { weight: 3, arbitrary: condition.map((one) => `| ${one}`) },
  fc
    .tuple(condition, fc.constantFrom('and', 'or'), condition)
    .map(([left, join, right]) => `| (${left}) ${join} (${right})`),
  fc.constant('| __error__=""'),
);
const stages = fc
  .tuple(fc.array(filter, { maxLength: 1 }), fc.boolean(), fc.array(filter, { maxLength: 3 }))
  .map(([before, asks, behind]) => [...before, ...(asks ? ['| record'] : []), ...behind].join(' '));

let directory: string;
let target: TestEngine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meshtrail-record-'));
  target = await startTestEngine(directory);
  const seed = Number(process.env['MESHTRAIL_FUZZ_SEED'] ?? 7);
  for (const tenant of TENANTS) {
    const sample = fc.sample(records(tenant === 'hostile'), { numRuns: 300, seed });
    await target.store(testBatch(tenant, T0, sample));
  }
});

afterAll(async () => {
  await target.engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const TENANTS = ['hostile', 'plain'] as const;

const session = (tenant: string): QuerySession =>
  new QuerySession(
    {
      reader: target.engine.reader,
      catalog: target.engine.catalog,
      flush: () => Promise.resolve(),
      labels: OPTIONS,
      clock: systemClock,
    },
    { tenant, access: ALL_OF_TENANT, signal: undefined },
  );

const tenant = fc.constantFrom(...TENANTS);
const selector = fc.constantFrom('{service_name="all"}', '{container=~".+"}');
const limits = fc.constantFrom(7, 1_000);
const IN_PROCESS = '| drop no_such_label';

const linesOf = async (tenant: string, query: string, limit: number): Promise<unknown> => {
  const expr = parseLogql(query);
  if (expr instanceof LogqlError) throw expr;
  if (expr.type !== 'log') throw new Error('no lines');
  const one = session(tenant);
  const plan = await one.logPlan(expr, { startNs: T0, endNs: T0 + 500n * S }, limit, 'backward');
  const found: unknown[] = [];
  for await (const entry of runLogPlan(one.context, plan)) {
    found.push([entry.row.seq, labelsKey(entry.all())]);
  }
  return found;
};

test('filters behind | record keep what they keep in process', async () => {
  await fc.assert(
    fc.asyncProperty(tenant, selector, stages, limits, async (who, streams, behind, limit) => {
      expect(await linesOf(who, `${streams} ${behind}`, limit)).toEqual(
        await linesOf(who, `${streams} ${IN_PROCESS} ${behind}`, limit),
      );
    }),
    { numRuns: RUNS },
  );
}, 300_000);

const seriesOf = async (tenant: string, query: string, stepS: number): Promise<unknown> => {
  const expr = parseLogql(query);
  if (expr instanceof LogqlError) throw expr;
  if (expr.type === 'log') throw new Error('no samples');
  const one = session(tenant);
  const points = { startNs: T0 + 20n * S, endNs: T0 + 110n * S, stepNs: BigInt(stepS) * S };
  const plan = one.metricPlan(expr, stepS === 0 ? { ...points, endNs: points.startNs } : points);
  try {
    const series = await runRange(one.context, plan);
    return series.map(({ labels, points, values }) => ({ labels, points, values }));
  } catch (error) {
    if (!(error instanceof MeshtrailError)) throw error;
    return { error: error.message };
  }
};

const UNWRAPPED = [
  'sum_over_time',
  'rate',
  'min_over_time',
  'max_over_time',
  'avg_over_time',
  'stddev_over_time',
  'first_over_time',
  'last_over_time',
  'absent_over_time',
];
const groupings = fc.constantFrom(
  '',
  ' by (path)',
  ' by (method)',
  ' by (path, method)',
  ' by (status, app)',
  ' by (user_id)',
  ' by (severity_text)',
  ' by (service_name, container)',
  ' by (service)',
  ' by (gone)',
  ' by (app_extracted)',
  ' without (path)',
);
const conversion = fc.constantFrom('', '', 'bytes', 'duration', 'duration_seconds');
const range = fc.constantFrom(1, 7, 30, 200);
const sampled = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(...UNWRAPPED.map((op) => `${op}(`)),
      fc.constantFrom('0.99', '0.5', '0', '1', '0.33').map((q) => `quantile_over_time(${q}, `),
    ),
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('status', 'duration_ns', 'bytes_in') },
      fc.constantFrom('took', 'size', 'user_id', 'severity', 'seq'),
    ),
    conversion,
    fc.constantFrom('', '', '| __error__=""', '| status >= 500', '| status < 400 | method="GET"'),
    groupings,
  )
  .map(([op, label, convert, behind, by]) => {
    const unwrap = convert === '' ? label : `${convert}(${label})`;
    return { op, tail: `| unwrap ${unwrap} ${behind}`, by };
  });
const counted = fc
  .tuple(fc.constantFrom('count_over_time(', 'rate(', 'bytes_over_time('), groupings)
  .map(([op, by]) => ({ op: `sum${by}(${op}`, tail: '', by: ')' }));
const ranked = counted.map(({ op, ...rest }) => ({ ...rest, op: `topk(2, ${op}`, by: '))' }));

test('metrics behind | record are what they are in process', async () => {
  await fc.assert(
    fc.asyncProperty(
      tenant,
      selector,
      fc.oneof({ weight: 3, arbitrary: sampled }, counted, ranked),
      fc.oneof({ weight: 2, arbitrary: fc.constant('| record') }, stages),
      range,
      fc.constantFrom(0, 1, 7, 30),
      async (who, streams, { op, tail, by }, behind, rangeS, stepS) => {
        const query = (before: string): string =>
          `${op}${streams} ${before} ${behind} ${tail} [${rangeS}s])${by}`;
        // Loki takes groupings of some aggregations only.
        fc.pre(!(parseLogql(query('')) instanceof LogqlError));
        expect(await seriesOf(who, query(''), stepS)).toEqual(
          await seriesOf(who, query(IN_PROCESS), stepS),
        );
      },
    ),
    { numRuns: 2 * RUNS },
  );
}, 300_000);
