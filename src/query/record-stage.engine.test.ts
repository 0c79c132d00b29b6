import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../platform/clock.ts';
import { startTestEngine, type TestEngine } from '../storage/engine/testing.ts';
import { ALL_OF_TENANT } from './access-filter.ts';
import { labelsKey } from './labels.ts';
import { runLogPlan } from './log-query.ts';
import { LogqlError } from './logql/errors.ts';
import { parseLogql } from './logql/parser.ts';
import { quote } from './logql/quote.ts';
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

const record: fc.Arbitrary<TestRecord> = fc
  .record({
    second: fc.integer({ min: 0, max: 100 }),
    loki: fc.boolean(),
    columns: fc.record(
      {
        path: raw,
        method: fc.constantFrom('GET', 'PUT', ''),
        trace_id: fc.constantFrom('a', 'b', ''),
        container: fc.constantFrom('a', 'proxy'),
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
    labels: map(['app', 'path', 'status', 'trace_id', 'user_id'], text),
    metadata: map(['path', 'status', 'user.id', 'duration_ns', 'took'], text),
    attributes: map(
      ['user', 'user.id', 'user_id', 'user-id', 'status', 'took', 'size', '9x', 'path'],
      raw,
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
const name = fc.constantFrom(...TEXT_NAMES, ...NUMBER_NAMES, 'seq', 'detected_level', 'gone');
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
  await target.store(testBatch('t', T0, fc.sample(record, { numRuns: 300, seed })));
});

afterAll(async () => {
  await target.engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const session = (): QuerySession =>
  new QuerySession(
    {
      reader: target.engine.reader,
      catalog: target.engine.catalog,
      flush: () => Promise.resolve(),
      labels: OPTIONS,
      clock: systemClock,
    },
    { tenant: 't', access: ALL_OF_TENANT, signal: undefined },
  );

const IN_PROCESS = '| drop no_such_label';

const linesOf = async (behind: string, limit: number): Promise<unknown> => {
  const expr = parseLogql(`{service_name="all"} ${behind}`);
  if (expr instanceof LogqlError) throw expr;
  if (expr.type !== 'log') throw new Error('no lines');
  const one = session();
  const plan = await one.logPlan(expr, { startNs: T0, endNs: T0 + 500n * S }, limit, 'backward');
  const found: unknown[] = [];
  for await (const entry of runLogPlan(one.context, plan)) {
    found.push([entry.row.seq, labelsKey(entry.all())]);
  }
  return found;
};

test('filters behind | record keep what they keep in process', async () => {
  await fc.assert(
    fc.asyncProperty(stages, fc.constantFrom(7, 1_000), async (behind, limit) => {
      expect(await linesOf(behind, limit)).toEqual(await linesOf(`${IN_PROCESS} ${behind}`, limit));
    }),
    { numRuns: RUNS },
  );
}, 300_000);
