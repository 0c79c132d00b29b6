import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, errors, HttpConnection } from '@elastic/elasticsearch';
import { Client as OpenSearch } from '@opensearch-project/opensearch';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CapturedSink } from './captured-sink.ts';
import { createElasticsearch } from './elasticsearch.ts';

/** The decoder behind a bare server, and the official clients against it. */
let server: Server;
let node: string;
let sink = new CapturedSink();

const START = {
  '@timestamp': '2025-11-20T10:00:00.000Z',
  message: 'order 4711 accepted',
  service: { name: 'checkout' },
};
const WHOLE = { time: '2025-11-20T10:00:01.000Z', level: 'error', msg: 'card refused' };

beforeAll(async () => {
  const decoder = createElasticsearch();
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      const body = Buffer.concat(parts);
      const method = request.method ?? 'GET';
      const reply = decoder.decode({ method, path, query, headers, body }, sink);
      response.writeHead(reply.status, reply.headers).end(reply.body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  node = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  sink = new CapturedSink();
});

test.each([
  ['plain', {}],
  ['gzip', { compression: true }],
  ['over node:http', { Connection: HttpConnection }],
])('@elastic/elasticsearch, %s', async (_name, options) => {
  const client = new Client({ node, ...options });
  expect(await client.ping()).toBe(true);
  const info = await client.info();
  expect(info.tagline).toBe('You Know, for Search');
  expect(Number(info.version.number.split('.')[0])).toBe(9);

  const reply = await client.bulk({
    index: 'mesh-logs',
    refresh: true,
    operations: [
      { index: {} },
      START,
      { create: { _index: 'logs-shop-prod', _id: 'a"1' } },
      WHOLE,
      { update: { _id: 'x' } },
      { doc: { a: 1 } },
      { delete: { _id: 'x' } },
      { index: {} },
      START,
    ],
  });
  expect(reply.errors).toBe(true);
  expect(reply.items.map((item) => Object.values(item)[0]?.status)).toEqual([
    201, 201, 400, 400, 201,
  ]);
  expect(reply.items[1]?.create).toMatchObject({ _index: 'logs-shop-prod', _id: 'a"1' });
  expect(reply.items[2]?.update?.error?.reason).toMatch(/append-only/);
  expect(sink.events).toHaveLength(3);
  expect(sink.events[0]).toEqual({
    line: 'order 4711 accepted',
    time: '1763632800.000000000',
    columns: { service: 'checkout' },
    metadata: { _index: 'mesh-logs' },
  });
  expect(sink.events[1]).toMatchObject({
    line: JSON.stringify(WHOLE),
    metadata: {
      _index: 'logs-shop-prod',
      _id: 'a"1',
      'data_stream.type': 'logs',
      'data_stream.dataset': 'shop',
      'data_stream.namespace': 'prod',
    },
  });
  await client.close();
});

test('@elastic/elasticsearch: helper, single documents, set-up, errors', async () => {
  const client = new Client({ node });
  const outcome = await client.helpers.bulk({
    datasource: Array.from({ length: 500 }, (_, i) => ({ message: `line ${i}` })),
    onDocument: () => ({ create: { _index: 'logs-app-default' } }),
    flushBytes: 5_000,
    concurrency: 1,
  });
  expect(outcome).toMatchObject({ total: 500, successful: 500, failed: 0 });
  expect(sink.events.map(({ line }) => line)).toEqual(
    Array.from({ length: 500 }, (_, i) => `line ${i}`),
  );

  const single = await client.index({ index: 'mesh-logs', document: WHOLE });
  expect(single.result).toBe('created');
  expect(single._id).toMatch(/^[\w-]{20}$/);
  const named = await client.create({ index: 'mesh-logs', id: 'a/b 1', document: WHOLE });
  expect(named._id).toBe('a/b 1');
  expect(sink.events.at(-1)?.metadata).toEqual({ _index: 'mesh-logs', _id: 'a/b 1' });

  expect(await client.indices.exists({ index: 'mesh-logs' })).toBe(false);
  expect((await client.indices.create({ index: 'mesh-logs' })).acknowledged).toBe(true);
  const template = { name: 't', index_patterns: ['mesh-*'], data_stream: {} };
  expect(await client.indices.existsIndexTemplate({ name: 't' })).toBe(false);
  expect((await client.indices.putIndexTemplate(template)).acknowledged).toBe(true);
  const policy = { name: 'p', policy: { phases: {} } };
  await expect(client.ilm.getLifecycle({ name: 'p' })).rejects.toThrow(errors.ResponseError);
  expect((await client.ilm.putLifecycle(policy)).acknowledged).toBe(true);
  expect((await client.license.get()).license.status).toBe('active');
  expect((await client.cluster.health()).status).toBe('green');
  expect(await client.cat.health()).toMatch(/ green /);
  const nodes = await client.nodes.info({ metric: 'http' });
  const { publish_address } = Object.values(nodes.nodes)[0]?.http ?? {};
  expect(`http://${publish_address ?? ''}`).toBe(node);

  const before = sink.events.length;
  await expect(
    client.transport.request({ method: 'POST', path: '/_bulk', bulkBody: 'nonsense\n' }),
  ).rejects.toThrow(/Malformed action\/metadata line \[1\]/);
  await expect(client.search({ index: 'mesh-logs' })).rejects.toThrow(errors.ResponseError);
  expect(sink.events).toHaveLength(before);
  await client.close();
});

test('a client that sniffs stays connected', async () => {
  const client = new Client({ node, sniffOnStart: true });
  await new Promise((resolve) => {
    client.diagnostic.once('sniff', resolve);
  });
  expect(await client.ping()).toBe(true);
  expect(client.connectionPool.connections.length).toBeGreaterThan(0);
  await client.close();
});

test('@opensearch-project/opensearch', async () => {
  const client = new OpenSearch({ node });
  expect((await client.info()).body.tagline).toBe('You Know, for Search');
  const reply = await client.bulk({
    index: 'mesh-logs',
    body: [{ index: {} }, START, { index: {} }, WHOLE],
  });
  expect(reply.body.errors).toBe(false);
  const outcome = await client.helpers.bulk({
    datasource: [START, WHOLE],
    onDocument: () => ({ index: { _index: 'mesh-logs' } }),
  });
  expect(outcome).toMatchObject({ successful: 2, failed: 0 });
  const single = await client.index({ index: 'mesh-logs', body: START });
  expect(single.body.result).toBe('created');
  expect(sink.events.map(({ line }) => line)).toEqual([
    START.message,
    JSON.stringify(WHOLE),
    START.message,
    JSON.stringify(WHOLE),
    START.message,
  ]);
  await client.close();
});
