import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestEngine, type TestEngine } from '../../storage/engine/testing.ts';
import { lokiRecord, testBatch, type TestRecord } from '../../query/testing.ts';
import { createLokiApi, type LokiApi } from './loki.ts';

const S = 1_000_000_000n;
/** 2026-11-03T10:00:00Z. */
const T0 = 1_793_700_000n * S;
const at = (seconds: number): bigint => T0 + BigInt(Math.round(seconds * 1e9));

const RECORDS: TestRecord[] = [
  lokiRecord(at(0), { app: 'shop', service_name: 'shop', pod: 'shop-1' }, 'first line'),
  lokiRecord(
    at(1),
    { app: 'shop', service_name: 'shop', pod: 'shop-1' },
    '{"status":200,"path":"/a"}',
    {
      structured: true,
      severity: 9,
      metadata: { trace_id: 'abc', 'k8s.node': 'n1' },
    },
  ),
  lokiRecord(
    at(2),
    { app: 'shop', service_name: 'shop', pod: 'shop-2' },
    '{"status":500,"path":"/b"}',
    {
      structured: true,
      severity: 17,
      metadata: { trace_id: 'def' },
    },
  ),
  lokiRecord(
    at(3),
    { app: 'pay', service_name: 'pay' },
    'level=info msg="paid in full" took=120ms',
  ),
  {
    timestampNs: at(4),
    line: 'an access line',
    columns: {
      receiver: 'otlp',
      service: 'cart',
      namespace: 'prod',
      pod: 'cart-1',
      kind: 'access',
      mesh: 'istio',
      path: '/cart',
    },
    attributes: { 'http.flavor': '2' },
  },
];

let directory: string;
let target: TestEngine;
let loki: LokiApi;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meshtrail-loki-'));
  target = await startTestEngine(directory);
  await target.store(testBatch('one', at(10), RECORDS));
  await target.store(
    testBatch('two', at(10), [lokiRecord(at(0), { app: 'other' }, 'of another tenant')]),
  );
  const { reader, catalog, writer } = target.engine;
  loki = createLokiApi({
    reader,
    catalog,
    flush: (tenant, startNs, endNs) => writer.flush(tenant, startNs, endNs),
    discoverLogLevels: false,
  });
});

afterAll(async () => {
  await target.engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const ask = async (
  path: string,
  parameters: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> => {
  const reply = await loki.handle({
    method: 'GET',
    path: `/loki/api/v1/${path}`,
    query: new URLSearchParams(parameters),
    headers,
    tenant: 'one',
  });
  let body = '';
  if (typeof reply.body === 'string') ({ body } = reply as { body: string });
  else for await (const piece of reply.body) body += piece;
  return { status: reply.status, body };
};

const RANGE = { start: String(at(-60)), end: String(at(60)) };

const lines = async (query: string, more: Record<string, string> = {}): Promise<string[]> => {
  const { status, body } = await ask('query_range', { query, ...RANGE, ...more });
  expect(body.startsWith('{'), body).toBe(true);
  expect(status).toBe(200);
  const { data } = JSON.parse(body) as { data: { result: { values: [string, string][] }[] } };
  return data.result
    .flatMap(({ values }) => values)
    .sort(([a], [b]) => Number(BigInt(a) - BigInt(b)))
    .map(([, line]) => line);
};

describe('lines', () => {
  test.each([
    ['{app="shop"}', 3],
    ['{app=~"shop|pay"}', 4],
    ['{app!="shop", service_name=~".+"}', 2],
    ['{service_name="cart"}', 1],
    ['{namespace="prod", app=""}', 1],
    ['{app="shop"} |= "status"', 2],
    ['{app="shop"} != "status"', 1],
    ['{app="shop"} |~ `"status":5\\d\\d`', 1],
    ['{app="shop"} | trace_id="abc"', 1],
    ['{app="shop"} | k8s_node="n1"', 1],
    ['{app="shop"} | json | status >= 500', 1],
    ['{app="pay"} | logfmt | took > 100ms', 1],
    ['{service_name="cart"} | record | path="/cart" and http_flavor="2"', 1],
    ['{app="nothing"}', 0],
  ])('%s gives %i lines', async (query, count) => {
    expect(await lines(query)).toHaveLength(count);
  });

  test('come in the direction asked for, up to the limit', async () => {
    const query = '{service_name=~".+"}';
    expect(await lines(query, { limit: '2' })).toEqual([
      'level=info msg="paid in full" took=120ms',
      'an access line',
    ]);
    expect(await lines(query, { limit: '2', direction: 'forward' })).toEqual([
      'first line',
      '{"status":200,"path":"/a"}',
    ]);
  });

  test('the end is not included, the start is', async () => {
    const exact = { start: String(at(0)), end: String(at(1)) };
    expect(await lines('{app="shop"}', exact)).toEqual(['first line']);
  });

  test('labels are categorized where asked for', async () => {
    const query = '{app="shop"} | json | status=500';
    const plain = await ask('query_range', { query, ...RANGE });
    expect(JSON.parse(plain.body)).toMatchObject({
      status: 'success',
      data: {
        resultType: 'streams',
        result: [
          {
            stream: { app: 'shop', pod: 'shop-2', path: '/b', status: '500', trace_id: 'def' },
            values: [[String(at(2)), '{"status":500,"path":"/b"}']],
          },
        ],
      },
    });
    const header = { 'x-loki-response-encoding-flags': 'categorize-labels' };
    const categorized = await ask('query_range', { query, ...RANGE }, header);
    expect(JSON.parse(categorized.body)).toMatchObject({
      data: {
        encodingFlags: ['categorize-labels'],
        result: [
          {
            stream: { app: 'shop', pod: 'shop-2', service_name: 'shop' },
            values: [
              [
                String(at(2)),
                '{"status":500,"path":"/b"}',
                { structuredMetadata: { trace_id: 'def' }, parsed: { path: '/b', status: '500' } },
              ],
            ],
          },
        ],
      },
    });
  });
});

const vector = async (query: string): Promise<[Record<string, string>, string][]> => {
  const { status, body } = await ask('query', { query, time: String(at(60)) });
  expect(status, body).toBe(200);
  const { data } = JSON.parse(body) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  return data.result.map(({ metric, value }) => [metric, value[1]]);
};

describe('metrics', () => {
  test.each<[string, [Record<string, string>, string][]]>([
    ['sum(count_over_time({service_name=~".+"}[5m]))', [[{}, '5']]],
    [
      'sum by (app) (count_over_time({app=~".+"}[5m]))',
      [
        [{ app: 'pay' }, '1'],
        [{ app: 'shop' }, '3'],
      ],
    ],
    ['sum(rate({app="shop"}[5m]))', [[{}, '0.01']]],
    ['sum(bytes_over_time({app="shop"} |= "first" [5m]))', [[{}, '10']]],
    [
      'sum by (status) (count_over_time({app="shop"} |= "{" | json [5m]))',
      [
        [{ status: '200' }, '1'],
        [{ status: '500' }, '1'],
      ],
    ],
    [
      'max_over_time({app="pay"} | logfmt | unwrap duration(took) [5m]) by (app)',
      [[{ app: 'pay' }, '0.12']],
    ],
    [
      'quantile_over_time(0.5, {app="shop"} |= "{" | json | unwrap status [5m]) by (app)',
      [[{ app: 'shop' }, '350']],
    ],
    ['topk(1, sum by (app) (count_over_time({app=~".+"}[5m])))', [[{ app: 'shop' }, '3']]],
    ['absent_over_time({app="gone"}[5m])', [[{ app: 'gone' }, '1']]],
    ['sum(count_over_time({app="shop"}[5m])) / sum(count_over_time({app="pay"}[5m]))', [[{}, '3']]],
    ['vector(1)+vector(1)', [[{}, '2']]],
    ['count_over_time({app="shop"} |= "first" [5m] offset 10m)', []],
  ])('%s', async (query, expected) => {
    expect(await vector(query)).toEqual(expected);
  });

  test('a series keeps stream labels and structured metadata', async () => {
    expect(await vector('count_over_time({app="shop", pod="shop-2"}[5m])')).toEqual([
      [{ app: 'shop', pod: 'shop-2', service_name: 'shop', trace_id: 'def' }, '1'],
    ]);
  });

  test('a range query has a point at each step, windows open at their start', async () => {
    const { body } = await ask('query_range', {
      query: 'sum(count_over_time({app="shop"}[2s]))',
      start: String(at(0)),
      end: String(at(5)),
      step: '1',
    });
    const { data } = JSON.parse(body) as { data: { result: { values: [number, string][] }[] } };
    const start = Number(T0 / S);
    expect(data.result[0]?.values).toEqual([
      [start, '1'],
      [start + 1, '2'],
      [start + 2, '2'],
      [start + 3, '1'],
    ]);
  });
});

describe('lists', () => {
  test('names, values and series of stream labels', async () => {
    const names = await ask('labels', RANGE);
    expect(JSON.parse(names.body)).toEqual({
      status: 'success',
      data: ['app', 'kind', 'mesh', 'namespace', 'pod', 'service_name'],
    });
    const values = await ask('label/service_name/values', RANGE);
    expect(JSON.parse(values.body)).toEqual({ status: 'success', data: ['cart', 'pay', 'shop'] });
    const some = await ask('label/pod/values', { ...RANGE, query: '{app="shop"}' });
    expect(JSON.parse(some.body)).toMatchObject({ data: ['shop-1', 'shop-2'] });
    const series = await ask('series', { ...RANGE, 'match[]': '{app="shop"}' });
    expect(JSON.parse(series.body)).toEqual({
      status: 'success',
      data: [
        { app: 'shop', pod: 'shop-1', service_name: 'shop' },
        { app: 'shop', pod: 'shop-2', service_name: 'shop' },
      ],
    });
    const stats = await ask('index/stats', { ...RANGE, query: '{app="shop"}' });
    expect(JSON.parse(stats.body)).toMatchObject({ streams: 2, entries: 3 });
  });
});

describe('refusals', () => {
  test.each([
    ['query_range', { query: '{app="x"' }, 400, 'parse error at line 1, col 9'],
    [
      'query_range',
      { query: '{app="x"}', limit: '9999' },
      400,
      'max entries limit per query exceeded, limit > max_entries_limit_per_query (9999 > 5000)',
    ],
    [
      'query',
      { query: '{app="x"}' },
      400,
      'log queries are not supported as an instant query type',
    ],
    [
      'query_range',
      { query: '{app="x"}', start: '5', end: '1' },
      400,
      'end timestamp must not be before or equal to start time',
    ],
    [
      'query',
      { query: 'sum(count_over_time({app="shop"} | json [5m])) by (status)', time: String(at(60)) },
      400,
      "pipeline error: 'JSONParserErr'",
    ],
    ['nothing', {}, 404, 'not found'],
  ])('%s %j is refused with %i', async (path, parameters, status, words) => {
    const reply = await ask(path, parameters);
    expect(reply.status, reply.body).toBe(status);
    expect(reply.body).toContain(words);
  });
});
