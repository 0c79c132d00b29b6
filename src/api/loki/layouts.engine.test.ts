import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { must } from '../../model/errors.ts';
import { parseLayout } from '../../model/layout.ts';
import { laidOut, testBatch, type TestRecord } from '../../query/testing.ts';
import { startTestEngine, type TestEngine } from '../../storage/engine/testing.ts';
import { createLokiApi, type LokiApi } from './loki.ts';

/**
 * Records of before layouts (lines whole), of today (layouts and values) and both in one table give
 * the same answers.
 */

const S = 1_000_000_000n;
/** 2026-11-03T10:00:00Z. */
const T0 = 1_793_700_000n * S;

const layoutOf = (text: string) => must(parseLayout(text), text);
const APP = layoutOf(
  '{"ts":"<timestamp:time T.3Z>","level":"<severity_text>","msg":"<body>","order":"<attributes.order>"}',
);
const ESCAPED = layoutOf('{"level":"<severity_text>","msg":"<body:json.h>","n":1}');
const ACCESS = layoutOf(
  '[<timestamp:time T.3Z>] "<method> <path> <protocol:dash>" <status:number> <duration_ns:ms> "<user_agent:dash>"',
);

const RECORDS: readonly TestRecord[] = Array.from({ length: 60 }, (_, i) => {
  const at = { timestampNs: T0 + BigInt(i) * S + 7_000_000n, line: '' };
  const app = { receiver: 'otlp', service: 'shop', severity_text: i % 4 === 0 ? 'error' : 'info' };
  if (i % 3 === 0) {
    const columns = { ...app, body: `order ${i} declined` };
    return laidOut({ ...at, columns, attributes: { order: `o-${500 + i}` } }, APP);
  }
  if (i % 3 === 1) {
    return laidOut({ ...at, columns: { ...app, body: `said "no" <${i}>\n\u0001end` } }, ESCAPED);
  }
  const columns = {
    receiver: 'otlp',
    service: 'proxy',
    method: 'GET',
    path: `/items/${i}`,
    user_agent: i % 2 === 0 ? 'curl/8' : '',
  };
  const numbers = { status: i % 5 === 0 ? 503 : 200, duration_ns: 1_500_000 * i };
  return laidOut({ ...at, columns, numbers }, ACCESS);
});

/** As the first release stored it. */
const whole = ({ layout, ...one }: TestRecord): TestRecord => ({
  ...one,
  structured: layout !== undefined,
});

const TENANTS = {
  new: RECORDS,
  old: RECORDS.map(whole),
  both: RECORDS.map((one, i) => (i % 7 < 3 ? whole(one) : one)),
};

let directory: string;
let target: TestEngine;
let loki: LokiApi;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meshtrail-layouts-'));
  target = await startTestEngine(directory);
  for (const [tenant, records] of Object.entries(TENANTS)) {
    await target.store(testBatch(tenant, T0 + 100n * S, records));
  }
  await target.store({ ...testBatch('untold', T0 + 100n * S, RECORDS), layouts: [] });
  const { reader, catalog } = target.engine;
  const flush = () => Promise.resolve();
  loki = createLokiApi({ reader, catalog, flush, discoverLogLevels: false });
});

afterAll(async () => {
  await target.engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const ask = async (
  tenant: string,
  path: string,
  parameters: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<unknown> => {
  const range = { start: String(T0), end: String(T0 + 60n * S), time: String(T0 + 60n * S) };
  const reply = await loki.handle({
    method: 'GET',
    path: `/loki/api/v1/${path}`,
    query: new URLSearchParams({ ...range, limit: '200', ...parameters }),
    headers,
    tenant,
  });
  let body = '';
  if (typeof reply.body === 'string') ({ body } = reply as { body: string });
  else for await (const piece of reply.body) body += piece;
  expect(reply.status, body).toBe(200);
  return JSON.parse(body);
};

interface Answer {
  readonly data: { readonly result: readonly { readonly values?: readonly unknown[] }[] };
}

const result = async (
  tenant: string,
  path: string,
  query: string,
): Promise<Answer['data']['result']> =>
  ((await ask(tenant, path, { query })) as Answer).data.result;

const ANY = '{service_name=~".+"}';

test.each<[string, number]>([
  [ANY, 60],
  ['{service_name="shop"}', 40],
  [`${ANY} |= "declined"`, 20],
  [`${ANY} != "declined"`, 40],
  [`${ANY} |= "\\"level\\":\\"error\\""`, 10],
  [`${ANY} |= "info\\",\\"msg\\":\\"order"`, 15],
  [`${ANY} |= "503"`, 5],
  [`${ANY} |= "\\" 503 "`, 4],
  [`${ANY} |= "\\\\\\"no\\\\\\""`, 20],
  [`${ANY} |= "\\\\n\\\\u0001end"`, 20],
  [`${ANY} |= "\\\\u003c1"`, 5],
  [`${ANY} |= "\\n"`, 0],
  [`${ANY} |= "10:00:05.007Z"`, 1],
  [`${ANY} |= " - "`, 0],
  [`${ANY} |= "-\\" 503"`, 4],
  [`${ANY} |= "\\"n\\":1"`, 20],
  [`${ANY} |~ "order \\\\d+ decl"`, 20],
  [`${ANY} !~ "GET|declined"`, 20],
  [`${ANY} |~ "(?i)CURL"`, 10],
  [`${ANY} |> "<_>GET <_>"`, 20],
  [`{service_name="shop"} | json | level="error" |= "order"`, 5],
  [`${ANY} |= "items" |= "curl" != "503"`, 8],
])('%s gives %i lines, however they are stored', async (query, count) => {
  const found = await result('old', 'query_range', query);
  expect(found.reduce((sum, { values }) => sum + (values?.length ?? 0), 0)).toBe(count);
  expect(await result('new', 'query_range', query)).toEqual(found);
  expect(await result('both', 'query_range', query)).toEqual(found);
});

test.each([
  `sum(count_over_time(${ANY} |= "order" [1m]))`,
  `sum by (service_name) (bytes_over_time(${ANY}[1m]))`,
  `sum(bytes_over_time(${ANY} !~ "GET" | json | level="error" [1m]))`,
])('%s', async (query) => {
  const found = await result('old', 'query', query);
  expect(found).not.toEqual([]);
  expect(await result('new', 'query', query)).toEqual(found);
  expect(await result('both', 'query', query)).toEqual(found);
});

test('the size of lines', async () => {
  const bytes = TENANTS.new.reduce((sum, { line }) => sum + line.length, 0);
  for (const tenant of Object.keys(TENANTS)) {
    expect(await ask(tenant, 'index/stats', { query: ANY })).toMatchObject({ entries: 60, bytes });
  }
});

test('lines of layouts that the catalog did not tell of', async () => {
  const found = await result('old', 'query_range', ANY);
  expect(await result('untold', 'query_range', ANY)).toEqual(found);
  const parsed = `${ANY} | json | level="error"`;
  const errors = await result('old', 'query_range', parsed);
  expect(await result('untold', 'query_range', parsed)).toEqual(errors);
});

test('the plan says which case applies', async () => {
  const explain = (tenant: string, query: string): Promise<unknown> =>
    ask(tenant, 'query_range', { query }, { 'x-meshtrail-plan': 'explain' });
  expect(
    await explain(
      'new',
      `{service_name="shop"} |= "declined" |= "\\"n\\":1" |~ "o.*1" |> "<_>x" | regexp "(?P<x>.)" | pod="a"`,
    ),
  ).toEqual({
    engine: ['|= "declined"', '|= "\\"n\\":1"', '|~ "o.*1"', 'newest first in growing windows'],
    process: ['|> "<_>x"', '| regexp "(?P<x>.)"', '| pod="a"'],
    filters: [
      { filter: '|= "declined"', case: 'columns', layouts: 2 },
      { filter: '|= "\\"n\\":1"', case: 'columns', layouts: 2 },
      { filter: '|~ "o.*1"', case: 'filled', layouts: 2 },
      { filter: '|> "<_>x"', case: 'in process', layouts: 2 },
      { filter: '| pod="a"', case: 'in process', layouts: 0 },
    ],
    tables: 1,
    layouts: 2,
  });
  expect(await explain('old', `${ANY} |~ "ord.r"`)).toMatchObject({
    filters: [{ case: 'line', layouts: 0 }],
    layouts: 0,
  });
  expect(await explain('new', `sum(count_over_time(${ANY} |~ "order [0-9]+" [1m]))`)).toEqual({
    engine: ['|~ "order [0-9]+"', 'count_over_time'],
    process: [],
    filters: [{ filter: '|~ "order [0-9]+"', case: 'pre-filter, filled', layouts: 3 }],
    tables: 1,
    layouts: 3,
  });
});
