import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DecodeRequest, HttpDecoder } from '../ingest/decode/decode.ts';
import { createLoki } from '../ingest/decode/loki.ts';
import { createNdjson } from '../ingest/decode/ndjson.ts';
import { createNormalize } from '../ingest/normalize/recognise.ts';
import { MeshtrailError } from '../model/errors.ts';
import { systemClock } from '../platform/clock.ts';
import { ALL_OF_TENANT } from '../query/access-filter.ts';
import { labelsKey } from '../query/labels.ts';
import { runLogPlan } from '../query/log-query.ts';
import { LogqlError } from '../query/logql/errors.ts';
import { parseLogql } from '../query/logql/parser.ts';
import { quote } from '../query/logql/quote.ts';
import { runRange } from '../query/metric-query.ts';
import { QuerySession } from '../query/session.ts';
import { startTestEngine, type TestEngine } from '../storage/engine/testing.ts';
import { Pipeline } from './pipeline.ts';

/**
 * The law of `| json` over layouts: what SQL tells of labels from the layouts that ingest found is
 * what parsing the lines gives. Behind `| drop no_such_label` all runs in process.
 */

const S = 1_000_000_000n;
const T0 = 1_763_600_000n * S;
const RUNS = Number(process.env['MESHTRAIL_FUZZ_RUNS'] ?? 40);
const TENANTS = ['clean', 'hostile', 'loki'] as const;

const WORDS = ['error', 'info', 'a b', '5', 'GET', '/x', '1.5', '100ms', '5KB'];
const HOSTILE = ['', 'a"b', 'back\\slash', 'é', '\ufffd', '\n', '<', '{', 'null', '[1]'];
const NUMBERS = ['0', '5', '-1', '1.5', '1.50', '1e3', '503', '9007199254740993', '-0'];

/** JSON texts of values, as senders write them. */
const value = (hostile: boolean): fc.Arbitrary<string> => {
  const words = hostile ? [...WORDS, ...HOSTILE] : WORDS;
  const leaf = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...words).map((word) => JSON.stringify(word)) },
    { weight: 3, arbitrary: fc.constantFrom(...NUMBERS) },
    fc.constantFrom('true', 'false', 'null', '[]', '["a",{"b":1}]'),
  );
  const nested = fc
    .array(fc.tuple(fc.constantFrom('id', 'b', 'a.b', '9x'), leaf), { maxLength: 2 })
    .map(objectOf);
  return fc.oneof({ weight: 5, arbitrary: leaf }, nested);
};
const objectOf = (members: readonly (readonly [string, string])[]): string =>
  `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;

const KEYS = ['level', 'msg', 'status', 'user', 'user_id', 'user.id', 'path', 'trace_id', 'took'];
const line = (hostile: boolean): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.integer({ min: 0, max: 100 }),
      fc.uniqueArray(fc.tuple(fc.constantFrom(...KEYS), value(hostile)), {
        maxLength: 5,
        selector: ([key]) => key,
      }),
      fc.constantFrom('a', 'b'),
    )
    .map(([second, members, service]) => {
      const time = new Date(Number(T0 / 1_000_000n) + second * 1_000).toISOString();
      const own: [string, string][] = [
        ['ts', JSON.stringify(time)],
        ['service', JSON.stringify(service)],
      ];
      return objectOf([...own, ...members]);
    });

interface Sent {
  readonly decoder: HttpDecoder;
  readonly request: DecodeRequest;
}

const sent = (decoder: HttpDecoder, path: string, type: string, body: string): Sent => ({
  decoder,
  request: {
    method: 'POST',
    path,
    query: '',
    headers: { 'content-type': type },
    body: Buffer.from(body),
  },
});

const ndjson = (lines: readonly string[]): Sent =>
  sent(createNdjson(), '/v1/ndjson', 'application/x-ndjson', lines.join('\n'));

/** Streams with labels that hide fields; lines that are no objects, or lie whole in the table. */
const lokiPush = (lines: readonly string[]): Sent => {
  const odd = ['', 'plain words', '{"level":"error"', '{"level":"a","level":"b"}', ' {"status":5}'];
  const values = [...lines, ...odd].map((text, i) => [String(T0 + BigInt(i % 90) * S), text]);
  const streams = [
    { stream: { service_name: 'a', level: 'info' }, values: values.filter((_, i) => i % 3 === 0) },
    { stream: { service_name: 'b' }, values: values.filter((_, i) => i % 3 !== 0) },
  ];
  const decoder = createLoki({ discoverServiceName: true });
  return sent(decoder, '/loki/api/v1/push', 'application/json', JSON.stringify({ streams }));
};

let directory: string;
let target: TestEngine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meshtrail-parsed-'));
  target = await startTestEngine(directory);
  const seed = Number(process.env['MESHTRAIL_FUZZ_SEED'] ?? 7);
  for (const tenant of TENANTS) {
    const lines = fc.sample(line(tenant !== 'clean'), { numRuns: 300, seed });
    const pipeline = new Pipeline(createNormalize({}), () => undefined);
    pipeline.from(tenant, 'ndjson', '127.0.0.1', systemClock.observedNs());
    const one = tenant === 'loki' ? lokiPush(lines) : ndjson(lines);
    one.decoder.decode(one.request, pipeline);
    pipeline.close();
    for (const batch of pipeline.batches.splice(0)) await target.store(batch);
  }
}, 60_000);

afterAll(async () => {
  await target.engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const session = (tenant: string): QuerySession =>
  new QuerySession(
    {
      reader: target.engine.reader,
      catalog: target.engine.catalog,
      flush: () => Promise.resolve(),
      labels: { discoverLogLevels: true },
      clock: systemClock,
    },
    { tenant, access: ALL_OF_TENANT, signal: undefined },
  );

const NAMES = [
  'level',
  'status',
  'user',
  'user_id',
  'user_b',
  'user_9x',
  'path',
  'took',
  'service',
];
const name = fc.constantFrom(...NAMES, 'service_name', 'msg', 'user_id_id', 'gone', 'level_id');
const condition = fc.oneof(
  fc
    .tuple(name, fc.constantFrom('=', '!='), fc.constantFrom(...WORDS, ...HOSTILE, ...NUMBERS))
    .map(([label, op, text]) => `${label}${op}${quote(text)}`),
  fc
    .tuple(
      name,
      fc.constantFrom('=~', '!~'),
      fc.constantFrom('error|info', '5.*', '.+', '.*', 'a.b'),
    )
    .map(([label, op, text]) => `${label}${op}${quote(text)}`),
  fc
    .tuple(
      name,
      fc.constantFrom('==', '!=', '>', '<='),
      fc.constantFrom('5', '1.5', '503', '1s', '1KB'),
    )
    .map(([label, op, text]) => `${label} ${op} ${text}`),
);
const stages = fc
  .tuple(fc.array(condition, { maxLength: 2 }), fc.constantFrom('', '', '| __error__=""'))
  .map(([conditions, error]) => `| json ${conditions.map((one) => `| ${one}`).join(' ')} ${error}`);
const tenant = fc.constantFrom(...TENANTS);
const selector = fc.constantFrom('{service_name="a"}', '{service_name=~".+"}');
const IN_PROCESS = '| drop no_such_label';

const linesOf = async (who: string, query: string): Promise<unknown> => {
  const expr = parseLogql(query);
  if (expr instanceof LogqlError || expr.type !== 'log') throw new Error(`no lines: ${query}`);
  const one = session(who);
  const plan = await one.logPlan(expr, { startNs: T0, endNs: T0 + 500n * S }, 1_000, 'backward');
  const found: unknown[] = [];
  for await (const entry of runLogPlan(one.context, plan)) {
    found.push([entry.row.seq, entry.line, labelsKey(entry.all())]);
  }
  return found;
};

test('filters behind | json keep what they keep of parsed lines', async () => {
  expect(await linesOf('clean', '{service_name=~".+"}')).toHaveLength(300);
  await fc.assert(
    fc.asyncProperty(tenant, selector, stages, async (who, streams, behind) => {
      expect(await linesOf(who, `${streams} ${behind}`)).toEqual(
        await linesOf(who, `${streams} ${IN_PROCESS} ${behind}`),
      );
    }),
    { numRuns: 2 * RUNS },
  );
}, 300_000);

const seriesOf = async (who: string, query: string, stepS: number): Promise<unknown> => {
  const expr = parseLogql(query);
  if (expr instanceof LogqlError || expr.type === 'log') throw new Error(`no samples: ${query}`);
  const one = session(who);
  const times = { startNs: T0 + 110n * S, endNs: T0 + 110n * S, stepNs: 0n };
  const steps = { ...times, startNs: T0 + 20n * S, stepNs: BigInt(stepS) * S };
  try {
    const series = await runRange(one.context, one.metricPlan(expr, stepS === 0 ? times : steps));
    return series.map(({ labels, points, values }) => ({ labels, points, values }));
  } catch (error) {
    if (!(error instanceof MeshtrailError)) throw error;
    return { error: error.message };
  }
};

const metric = fc.oneof(
  fc
    .tuple(fc.constantFrom('level', 'status', 'user_b', 'path', 'service', 'took, level'), stages)
    .map(
      ([by, behind]) =>
        (streams: string, before: string) =>
          `sum by (${by}) (count_over_time(${streams} ${before} ${behind} [200s]))`,
    ),
  fc
    .tuple(
      fc.constantFrom('status', 'took', 'user_id'),
      fc.constantFrom('level', 'service'),
      stages,
    )
    .map(
      ([label, by, behind]) =>
        (streams: string, before: string) =>
          `quantile_over_time(0.9, ${streams} ${before} ${behind} | unwrap ${label} | __error__="" [200s]) by (${by})`,
    ),
);

test('metrics behind | json are those of parsed lines', async () => {
  await fc.assert(
    fc.asyncProperty(
      tenant,
      selector,
      metric,
      fc.constantFrom(0, 30),
      async (who, streams, query, stepS) => {
        expect(await seriesOf(who, query(streams, ''), stepS)).toEqual(
          await seriesOf(who, query(streams, IN_PROCESS), stepS),
        );
      },
    ),
    { numRuns: 2 * RUNS },
  );
}, 300_000);
