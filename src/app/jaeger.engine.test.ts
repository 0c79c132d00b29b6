import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../../sim/peers.ts';
import { endServer, eventually, metric, post, runServer } from '../../sim/running-server.ts';
import type { RunningServer } from '../../sim/running-server.ts';
import { jaegerExporter, sendByJaegerClient } from '../../sim/span-senders.ts';
import { named, traceOnce, type FoundSpan } from '../../sim/traces.ts';

/** Jaeger's real tracers against a real server: every span arrives once, with all that it says. */
const run = promisify(execFile);
let server: RunningServer;
const portOf = (name: string): number => server.ports[name] ?? 0;
const collector = (): string => `http://127.0.0.1:${portOf('jaeger-http')}/api/traces`;

beforeAll(async () => {
  server = await runServer({
    ports: ['jaeger-http', 'jaeger-compact', 'jaeger-binary', 'jaeger-grpc'],
  });
});

afterAll(() => endServer(server));

const COUNT = 50;
const CHILDREN = Array.from({ length: COUNT - 1 }, (_, i) => `child ${i + 1}`);

/** A root and its clients' children, each with its own number; gives the children. */
const expectFamily = async (id: string, service: string): Promise<FoundSpan[]> => {
  const spans = await traceOnce(server, id, COUNT);
  expect(spans.map(({ name }) => name).sort()).toEqual([...CHILDREN, 'root'].sort());
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(COUNT);
  const root = named(spans, 'root')[0];
  expect(root).toMatchObject({ parentSpanId: '', resource: { 'service.name': service } });
  return CHILDREN.map((name, i) => {
    const child = named(spans, name)[0] as FoundSpan;
    expect(child).toMatchObject({
      kind: 3,
      status: (i + 1) % 2 === 0 ? 2 : 0,
      parentSpanId: root?.spanId,
      resource: { 'service.name': service },
      events: [{ name: 'retry' }, ...child.events.slice(1)],
    });
    return child;
  });
};

describe('jaeger-client', () => {
  test.each([
    ['HTTP on the native port', () => ({ collectorEndpoint: collector() })],
    ['HTTP on the main port', () => ({ collectorEndpoint: `${server.url}/jaeger/api/traces` })],
    ['UDP', () => ({ agentHost: '127.0.0.1', agentPort: portOf('jaeger-binary') })],
  ])('%s', async (_name, reporter) => {
    const id = await sendByJaegerClient(reporter(), 'jaeger-client', COUNT);
    const children = await expectFamily(id.padStart(16, '0'), 'jaeger-client');
    for (const [i, child] of children.entries()) {
      expect(child).toMatchObject({
        attributes: {
          order: { doubleValue: i + 1 },
          retried: { boolValue: true },
          name: 'caf\u00e9',
        },
        events: [{ attributes: { attempt: { doubleValue: i + 1 } } }],
        resource: { region: 'eu', 'jaeger.version': 'Node-3.19.0' },
      });
    }
  });
});

describe('@opentelemetry/exporter-jaeger', () => {
  test.each([
    ['HTTP', () => ({ endpoint: collector() })],
    ['UDP', () => ({ host: '127.0.0.1', port: portOf('jaeger-binary') })],
  ])('%s', async (_name, where) => {
    const resource = { 'service.name': 'otel', 'telemetry.sdk.name': 'opentelemetry' };
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes(resource),
      spanProcessors: [new BatchSpanProcessor(jaegerExporter(where()))],
    });
    const tracer = provider.getTracer('billing', '0.9.0');
    const first = tracer.startSpan('linked');
    const ids: string[] = [];
    for (let n = 0; n < COUNT; n++) {
      const span = tracer.startSpan(`span ${n}`, {
        kind: n === 0 ? SpanKind.INTERNAL : SpanKind.CONSUMER,
        attributes: { order: n, ok: false, ratio: 0.5 },
        links: [{ context: first.spanContext() }],
      });
      span.addEvent('got', { attempt: 1 });
      span.setStatus({ code: SpanStatusCode.ERROR, message: `why ${n}` });
      ids.push(span.spanContext().traceId);
      span.end();
    }
    await provider.forceFlush();
    await provider.shutdown();
    for (const [n, id] of ids.entries()) {
      expect(await traceOnce(server, id, 1)).toMatchObject([
        {
          name: `span ${n}`,
          kind: n === 0 ? 1 : 5,
          status: 2,
          message: `why ${n}`,
          scope: 'billing',
          attributes: { ok: { boolValue: false }, ratio: { doubleValue: 0.5 } },
          resource,
          events: [{ name: 'got' }],
        },
      ]);
    }
  });
});

const sender = peer('bin/jaeger-sender');
const bySender = async (...words: string[]): Promise<string> => {
  const { stdout } = await run(sender ?? '', [...words, String(COUNT)]);
  return stdout.trim();
};

describe.skipIf(sender === undefined)('Go: needs bin/jaeger-sender of `npm run peers`', () => {
  test.each([
    ['compact', () => `127.0.0.1:${portOf('jaeger-compact')}`],
    ['http', collector],
  ])("OpenTelemetry's exporter, %s", async (mode, where) => {
    const id = await bySender(mode, where(), 'otel-go');
    for (const [i, child] of (await expectFamily(id, 'otel-go')).entries()) {
      expect(child).toMatchObject({
        scope: 'sender',
        attributes: {
          order: { intValue: String(i + 1) },
          big: { intValue: '-9223372036854775808' },
          ratio: { doubleValue: 0.25 },
          retried: { boolValue: true },
        },
        resource: { 'service.version': '1.2.3', 'process.pid': { intValue: '4242' } },
      });
      expect(child.events[0]?.attributes).toEqual({ attempt: { intValue: String(i + 1) } });
    }
  });

  test("the gRPC client of Jaeger's own IDL", async () => {
    const id = await bySender('grpc', `127.0.0.1:${portOf('jaeger-grpc')}`, 'idl');
    expect(id.slice(0, 16)).toBe('8000000000000001');
    for (const [i, child] of (await expectFamily(id, 'idl')).entries()) {
      expect(child.endNs - child.startNs).toBe(1_234_567n);
      expect(child).toMatchObject({
        spanId: (0xf000000000000000n + BigInt(i + 1)).toString(16),
        attributes: {
          order: { intValue: String(i + 1) },
          big: { intValue: '-9223372036854775808' },
          raw: { bytesValue: '/wA=' },
        },
        resource: { 'host.name': 'h1' },
      });
    }
  });
});

const rejected = (protocol: string, reason: string): Promise<number> =>
  metric(server, 'meshtrail_rejected_records_total', { protocol, reason });

describe('what is bad', () => {
  test.each(['jaeger-compact', 'jaeger-binary'])('datagrams on %s are counted', async (name) => {
    const before = await rejected(name, 'malformed_thrift');
    const socket = createSocket('udp4');
    const garbage = [
      'hello',
      '\u0000\u0000',
      `\u0082\u0021\u0001\u0009emitBatch${'\u001c'.repeat(500)}`,
    ];
    for (const text of garbage) {
      await new Promise((done) => {
        socket.send(Buffer.from(text, 'latin1'), portOf(name), '127.0.0.1', done);
      });
    }
    socket.close();
    const count = await eventually(
      () => rejected(name, 'malformed_thrift'),
      (now) => now >= before + garbage.length,
    );
    expect(count).toBe(before + garbage.length);
  });

  test('a batch that is none is 400; bad spans in a good one are counted', async () => {
    const fixture = (id: number): Buffer =>
      readFileSync(new URL(`../../fixtures/decode/jaeger-http/${id}.in`, import.meta.url));
    const type = 'application/vnd.apache.thrift.binary';
    const cut = await post(server, '/jaeger/api/traces', type, fixture(102));
    expect([cut.status, cut.text]).toEqual([
      400,
      'Unable to process request body: no Jaeger batch\n',
    ]);
    const before = await rejected('jaeger-http', 'bad_timestamp');
    const path = '/jaeger/api/traces?format=jaeger.thrift';
    const answer = await post(server, path, 'application/x-thrift', fixture(101));
    expect([answer.status, answer.text]).toEqual([202, '']);
    expect(await rejected('jaeger-http', 'bad_timestamp')).toBe(before + 2);
    const json = await post(server, '/jaeger/api/traces', 'application/json', '{}');
    expect(json.status).toBe(400);
  });
});

test('what was acknowledged or seen outlives kill -9, once', async () => {
  const ids: string[] = [];
  for (const reporter of [
    { collectorEndpoint: collector() },
    { agentHost: '127.0.0.1', agentPort: portOf('jaeger-binary') },
  ]) {
    const id = (await sendByJaegerClient(reporter, 'killed', COUNT)).padStart(16, '0');
    if ('agentPort' in reporter) await traceOnce(server, id, COUNT);
    ids.push(id);
    await server.process.kill();
    if ('collectorEndpoint' in reporter) {
      await expect(sendByJaegerClient(reporter, 'killed', 1)).rejects.toThrow(
        'error sending spans',
      );
    }
    await server.process.start();
  }
  for (const id of ids) await expectFamily(id, 'killed');
});
