import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../platform/clock.ts';
import { lokiRecord, testBatch } from '../query/testing.ts';
import { startTestEngine, type TestEngine } from '../storage/engine/testing.ts';
import { createRecordsApi, type RecordsApi } from './records.ts';

const T0 = 1_793_700_000_000_000_000n;

let directory: string;
let target: TestEngine;
let api: RecordsApi;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meshtrail-records-'));
  target = await startTestEngine(directory);
  const records = Array.from({ length: 25 }, (_, i) =>
    // Five records share each time, so that a cursor must tell them apart.
    lokiRecord(T0 + BigInt(i - (i % 5)), { app: 'shop' }, `line ${i}`, {
      metadata: { n: String(i) },
    }),
  );
  records.push({
    timestampNs: T0 + 1_000_000_123n,
    line: Uint8Array.from([0x7b, 0xff, 0x7d]),
    structured: true,
    severity: 17,
    columns: { receiver: 'otlp', service: 'cart', body: 'message', method: 'GET' },
    attributes: { 'a.b': 'c' },
  });
  await target.store(testBatch('one', T0 + 5_000_000_000n, records));
  const { reader, catalog, writer } = target.engine;
  api = createRecordsApi({
    reader,
    catalog,
    flush: (tenant, startNs, endNs) => writer.flush(tenant, startNs, endNs),
    labels: { discoverLogLevels: false },
    clock: systemClock,
  });
});

afterAll(async () => {
  await target.engine.stop();
  await rm(directory, { recursive: true, force: true });
});

type Json = Record<string, unknown>;

const get = async (path: string, parameters: Record<string, string> = {}, tenant = 'one') => {
  const query = new URLSearchParams(parameters);
  const reply = await api.handle({ method: 'GET', path, query, headers: {}, tenant });
  let body = '';
  if (typeof reply.body === 'string') ({ body } = reply);
  else for await (const piece of reply.body) body += piece;
  return body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Json);
};

const RANGE = { start: String(T0), end: String(T0 + 2_000_000_000n) };

test.each(['forward', 'backward'])(
  'a cursor goes on behind the last record, %s',
  async (direction) => {
    const seen: unknown[] = [];
    let cursor: string | null = '';
    for (let page = 0; page < 20 && cursor !== null; page++) {
      const parameters = { query: '{app="shop"}', limit: '4', direction, ...RANGE };
      const records = await get('/api/v1/query', {
        ...parameters,
        ...(cursor !== '' && { cursor }),
      });
      cursor = records.at(-1)?.['cursor'] as string | null;
      seen.push(...records.slice(0, -1).map(({ line }) => line));
    }
    const all = Array.from({ length: 25 }, (_, i) => `line ${i}`);
    expect(seen).toEqual(direction === 'forward' ? all : all.reverse());
  },
);

test('a record has every field, the line to the byte, and can be had by its id', async () => {
  const [found, end] = await get('/api/v1/query', { query: '{service_name="cart"}', ...RANGE });
  expect(found).toMatchObject({
    timestamp: '2026-11-03T10:00:01.000000123Z',
    lane: 'one/default/test',
    seq: 25,
    receiver: 'otlp',
    service: 'cart',
    severity: 17,
    body: 'message',
    method: 'GET',
    line: '{\ufffd}',
    line_base64: 'e/99',
    attributes: { 'a.b': 'c' },
    labels: {},
    metadata: {},
  });
  expect(end).toMatchObject({
    stats: { rows_read: 1, partial: false, limits_hit: [] },
    cursor: null,
  });
  const [again] = await get(`/api/v1/records/${String(found?.['id'])}`);
  expect(again).toEqual(found);
});

test('a record of another tenant is not found', async () => {
  const [found] = await get('/api/v1/query', { query: '{service_name="cart"}', ...RANGE });
  const path = `/api/v1/records/${String(found?.['id'])}`;
  await expect(get(path, {}, 'two')).rejects.toMatchObject({ code: 'record_not_found' });
  await expect(get('/api/v1/records/nonsense')).rejects.toMatchObject({ code: 'record_not_found' });
});

test.each([
  [{ lang: 'kql', query: 'x' }, 'not_supported'],
  [{ query: '{a=' }, 'logql_invalid'],
  [{ query: 'rate({a="b"}[1m])' }, 'query_parameter'],
  [{ query: '{a="b"}', cursor: '???' }, 'query_cursor'],
])('%j is refused', async (parameters, code) => {
  await expect(
    get('/api/v1/query', parameters as unknown as Record<string, string>),
  ).rejects.toMatchObject({ code });
});
