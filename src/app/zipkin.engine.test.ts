import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { ZipkinExporter } from '@opentelemetry/exporter-zipkin';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../../sim/peers.ts';
import { endServer, metric, post, runServer } from '../../sim/running-server.ts';
import type { RunningServer } from '../../sim/running-server.ts';
import { sendByZipkinJs, thriftSpans } from '../../sim/span-senders.ts';
import { named, traceOf } from '../../sim/traces.ts';

/** Zipkin's real tracers against a real server: every span arrives once, with all that it says. */
const run = promisify(execFile);
const script = fileURLToPath(
  new URL('../../fixtures/peers/python/zipkin-sender.py', import.meta.url),
);
let server: RunningServer;
let native = '';

beforeAll(async () => {
  server = await runServer({ ports: ['zipkin'] });
  native = `http://127.0.0.1:${server.ports['zipkin'] ?? 0}`;
});

afterAll(() => endServer(server));

const COUNT = 50;
const CHILDREN = Array.from({ length: COUNT - 1 }, (_, i) => `child ${i + 1}`);

/** A server's root and its clients' children, each with its own number. */
const expectFamily = async (id: string, service: string): Promise<void> => {
  const spans = await traceOf(server, id);
  expect(spans.map(({ name }) => name).sort()).toEqual([...CHILDREN, 'root'].sort());
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(COUNT);
  const root = named(spans, 'root')[0];
  expect(root).toMatchObject({ kind: 2, parentSpanId: '', resource: { 'service.name': service } });
  for (const [i, name] of CHILDREN.entries()) {
    const child = named(spans, name)[0];
    expect(child).toMatchObject({
      kind: 3,
      parentSpanId: root?.spanId,
      resource: { 'service.name': service },
      attributes: { order: String(i + 1), 'peer.service': 'ledger' },
      events: [{ name: `retry ${i + 1}`, attributes: {} }],
    });
    expect(child?.endNs).toBeGreaterThanOrEqual(child?.startNs ?? 0n);
  }
};

describe('zipkin-js', () => {
  test.each([
    ['JSON v2 on the native port', 'v2', () => native],
    ['JSON v1 on the native port', 'v1', () => native],
    ['JSON v2 on the main port', 'v2', () => `${server.url}/zipkin`],
    ['JSON v1 on the main port', 'v1', () => `${server.url}/zipkin`],
    ['JSON v2 on the main port by its short path', 'v2', () => server.url],
  ] as const)('%s', async (_name, version, url) => {
    const id = await sendByZipkinJs(url(), version, 'zipkin-js', COUNT);
    await expectFamily(id, 'zipkin-js');
    const [failed] = named(await traceOf(server, id), 'child 2');
    expect(failed).toMatchObject({ status: 2, message: 'card declined' });
  });

  test('hears of a list that is refused', async () => {
    await expect(sendByZipkinJs(`${native}/nowhere`, 'v2', 'lost', 1)).rejects.toThrow('404');
  });
});

const goSender = peer('bin/zipkin-sender');
const python = peer('venv/bin/python');

describe('zipkin-go', () => {
  test.skipIf(goSender === undefined).each(['json', 'proto'])(
    '%s: needs bin/zipkin-sender of `npm run peers`',
    async (encoding) => {
      const words = [`${native}/api/v2/spans`, encoding, 'zipkin-go', String(COUNT)];
      const { stdout } = await run(goSender ?? '', words);
      await expectFamily(stdout.trim(), 'zipkin-go');
      const [failed] = named(await traceOf(server, stdout.trim()), 'child 2');
      expect(failed).toMatchObject({
        status: 2,
        message: 'card declined',
        attributes: {
          'network.local.address': '192.0.2.7',
          'network.local.port': { intValue: '8080' },
          'network.peer.address': '2001:db8::5',
          'network.peer.port': { intValue: '5432' },
        },
      });
    },
  );
});

describe('py_zipkin', () => {
  test.skipIf(python === undefined).each([
    ['v1json', '/api/v1/spans'],
    ['v2json', '/api/v2/spans'],
    ['proto', '/api/v2/spans'],
  ])('%s: needs venv/bin/python of `npm run peers`', async (encoding, path) => {
    const words = [script, `${server.url}/zipkin${path}`, encoding, 'py-zipkin', String(COUNT)];
    const { stdout } = await run(python ?? '', words);
    await expectFamily(stdout.trim(), 'py-zipkin');
  });
});

test('@opentelemetry/exporter-zipkin: resource, scope of attributes, status and events', async () => {
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'otel', 'k8s.pod.name': 'otel-1' }),
    spanProcessors: [new BatchSpanProcessor(new ZipkinExporter({ url: `${native}/api/v2/spans` }))],
  });
  const tracer = provider.getTracer('test');
  const ids: string[] = [];
  for (let n = 0; n < COUNT; n++) {
    const span = tracer.startSpan(`span ${n}`, {
      kind: SpanKind.PRODUCER,
      attributes: { order: n, tags: ['a', 'b'] },
    });
    span.addEvent('sent');
    span.setStatus({ code: SpanStatusCode.ERROR, message: `why ${n}` });
    ids.push(span.spanContext().traceId);
    span.end();
  }
  await provider.forceFlush();
  await provider.shutdown();
  for (const [n, id] of ids.entries()) {
    expect(await traceOf(server, id)).toMatchObject([
      {
        name: `span ${n}`,
        kind: 4,
        status: 2,
        message: `why ${n}`,
        attributes: { order: String(n), tags: 'a,b' },
        resource: { 'service.name': 'otel', 'k8s.pod.name': 'otel-1' },
        events: [{ name: 'sent' }],
      },
    ]);
  }
});

const int64 = (value: bigint): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};

test('thriftrw with zipkincore.thrift: both halves of one span', async () => {
  const at = BigInt(Date.now()) * 1_000n;
  const note = (value: string, after: bigint, service_name: string): object => ({
    timestamp: int64(at + after),
    value,
    host: { ipv4: 0x0a000001, port: -1, service_name },
  });
  const span = {
    trace_id: int64(-77n),
    id: int64(-1n),
    name: 'shared',
    annotations: [note('cs', 0n, 'web'), note('sr', 5n, 'shop'), note('ss', 7n, 'shop')],
    binary_annotations: [],
  };
  const body = thriftSpans([span]);
  const answer = await post(server, '/zipkin/api/v1/spans', 'application/x-thrift', body);
  expect([answer.status, answer.text]).toEqual([202, '']);
  const spans = await traceOf(server, 'ffffffffffffffb3');
  expect(spans).toMatchObject([
    { name: 'shared', kind: 3, spanId: 'f'.repeat(16), resource: { 'service.name': 'web' } },
    {
      kind: 2,
      spanId: 'f'.repeat(16),
      startNs: (at + 5n) * 1_000n,
      endNs: (at + 7n) * 1_000n,
      resource: { 'service.name': 'shop' },
      attributes: { 'zipkin.shared': { boolValue: true } },
    },
  ]);
});

const reject = (reason: string): Promise<number> =>
  metric(server, 'meshtrail_rejected_records_total', { protocol: 'zipkin', reason });

describe('what is bad', () => {
  const good = (id: string): object => ({ traceId: 'abad1dea', id, name: `good ${id}` });

  test('a bad span costs itself alone, and is counted', async () => {
    const before = await reject('bad_span_id');
    const list = [good('1'), { ...good('x'), name: 'bad' }, good('2')];
    const body = gzipSync(JSON.stringify(list));
    const headers = { 'content-encoding': 'gzip' };
    const answer = await post(server, '/api/v2/spans', 'application/json', body, headers);
    expect([answer.status, answer.text]).toEqual([202, '']);
    const names = (await traceOf(server, 'abad1dea'.padStart(16, '0'))).map(({ name }) => name);
    expect(names.sort()).toEqual(['good 1', 'good 2']);
    expect(await reject('bad_span_id')).toBe(before + 1);
  });

  test.each([
    ['a list that is cut', 'application/json', '[{"traceId":"dead","id":"1"},', 'Malformed'],
    ['no list', 'application/json', 'hello', 'Expected a JSON_V2 encoded list'],
    ['another codec', 'application/x-protobuf', '[]', 'Expected a PROTO3 encoded list'],
  ])('%s is 400, and nothing of it is stored', async (_name, type, body, words) => {
    const answer = await post(server, '/zipkin/api/v2/spans', type, body);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(words);
    expect(await traceOf(server, '000000000000dead')).toEqual([]);
  });

  test('health and info are told', async () => {
    const health = await fetch(`${native}/health`);
    expect([health.status, await health.json()]).toMatchObject([200, { status: 'UP' }]);
    expect((await fetch(`${native}/info`)).status).toBe(200);
  });
});

test('what was acknowledged outlives kill -9, once', async () => {
  const ids: string[] = [];
  for (let round = 0; round < 3; round++) {
    ids.push(await sendByZipkinJs(native, round === 1 ? 'v1' : 'v2', 'killed', COUNT));
    await server.process.kill();
    await expect(sendByZipkinJs(native, 'v2', 'killed', 1)).rejects.toThrow('Error sending');
    await server.process.start();
  }
  for (const id of ids) await expectFamily(id, 'killed');
});
