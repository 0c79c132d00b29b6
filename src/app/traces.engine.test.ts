import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { sdkSpans } from '../../fixtures/spans/sdk-spans.ts';
import { endServer, eventually, find, metric, runServer } from '../../sim/running-server.ts';
import type { RunningServer } from '../../sim/running-server.ts';

/** Traces through the real server: OTLP's own exporters in, `GET /api/v1/traces/{id}` out. */
let server: RunningServer;

beforeAll(async () => {
  server = await runServer();
});

afterAll(async () => {
  await endServer(server);
});

interface OtlpSpan {
  readonly spanId: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly [field: string]: unknown;
}
interface TraceAnswer {
  readonly trace_id: string;
  readonly partial: boolean;
  readonly spans: readonly OtlpSpan[];
}

const get = (id: string, tenant?: string): Promise<Response> =>
  fetch(`${server.url}/api/v1/traces/${id}`, {
    headers: tenant === undefined ? {} : { 'x-scope-orgid': tenant },
  });

const traceOf = async (id: string, tenant?: string): Promise<TraceAnswer> => {
  const answer = await get(id, tenant);
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status} ${text}`);
  return JSON.parse(text) as TraceAnswer;
};

const post = async (value: unknown, tenant = 'default'): Promise<unknown> => {
  const headers = { 'content-type': 'application/json', 'x-scope-orgid': tenant };
  const body = JSON.stringify(value);
  const answer = await fetch(`${server.url}/v1/traces`, { method: 'POST', headers, body });
  expect(answer.status).toBe(200);
  return answer.json();
};

const requestOf = (spans: readonly object[], service = 'shop'): object => ({
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
      scopeSpans: [{ spans }],
    },
  ],
});

/** A span of OTLP's JSON `n` milliseconds from now. */
const plainSpan = (traceId: string, n: number, more: object = {}): object => ({
  traceId,
  spanId: (n + 1).toString(16).padStart(16, '0'),
  name: `span ${n}`,
  kind: 2,
  startTimeUnixNano: String(BigInt(Date.now() + n) * 1_000_000n),
  endTimeUnixNano: String(BigInt(Date.now() + n + 5) * 1_000_000n + 7n),
  ...more,
});

let traces = 0;
const newTraceId = (): string =>
  (BigInt(Date.now()) * 1_000n + BigInt(++traces)).toString(16).padStart(32, 'a');

/** The exporters' name for it is in a package of their own. */
const GZIP = 'gzip' as never;

const exportAll = (exporter: SpanExporter, spans: ReadableSpan[]): Promise<void> =>
  new Promise((resolve, reject) => {
    exporter.export(spans, ({ code, error }) => {
      const outcome: number = code;
      if (outcome === 0) resolve();
      else reject(error ?? new Error('the exporter failed'));
    });
  });

const nanos = ([sec, nano]: readonly [number, number]): string =>
  String(BigInt(sec) * 1_000_000_000n + BigInt(nano));

const byName = (spans: readonly OtlpSpan[], name: string): OtlpSpan =>
  spans.find((span) => span.name === name) as OtlpSpan;

/** Attributes by name, so that their order does not matter. */
const pairs = (list: unknown): Record<string, unknown> =>
  Object.fromEntries(
    (list as { key: string; value: unknown }[]).map(({ key, value }) => [key, value]),
  );

describe.each([
  ['JSON', (url: string): SpanExporter => new JsonExporter({ url })],
  ['JSON with gzip', (url: string): SpanExporter => new JsonExporter({ url, compression: GZIP })],
  ['protobuf', (url: string): SpanExporter => new ProtoExporter({ url })],
  [
    'protobuf with gzip',
    (url: string): SpanExporter => new ProtoExporter({ url, compression: GZIP }),
  ],
])('spans of the OpenTelemetry SDK by %s', (_, exporterOf) => {
  test('every field arrives, and is found at once', async () => {
    const spans = sdkSpans();
    await exportAll(exporterOf(`${server.url}/v1/traces`), spans);
    const sent = spans.find(({ name }) => name === 'GET /pay') as ReadableSpan;
    const { traceId, spanId } = sent.spanContext();
    const answer = await traceOf(traceId);
    expect(answer).toMatchObject({ trace_id: traceId, partial: false });
    expect(answer.spans.map(({ name }) => name)).toEqual([
      'GET /pay',
      'consume',
      'work',
      'publish',
      'charge',
    ]);
    expect(answer.spans.map(({ kind }) => kind)).toEqual([2, 5, 1, 4, 3]);
    const root = byName(answer.spans, 'GET /pay');
    expect(root).toMatchObject({
      traceId,
      spanId,
      startTimeUnixNano: nanos(sent.startTime),
      endTimeUnixNano: nanos(sent.endTime),
      status: { code: 2, message: 'card declined' },
      scope: { name: 'shop.tracer', version: '0.9' },
    });
    expect(root['parentSpanId']).toBeUndefined();
    expect(pairs(root['attributes'])).toEqual({
      text: { stringValue: 'naïve "quoted"\n' },
      empty: { stringValue: '' },
      int: { intValue: '42' },
      large: { intValue: '9007199254740991' },
      double: { doubleValue: 0.1 },
      yes: { boolValue: true },
      no: { boolValue: false },
      texts: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } },
      numbers: { arrayValue: { values: [{ intValue: '1' }, { doubleValue: 2.5 }] } },
      flags: { arrayValue: { values: [{ boolValue: true }, { boolValue: false }] } },
    });
    expect(pairs((root['resource'] as { attributes: unknown }).attributes)).toMatchObject({
      'service.name': { stringValue: 'checkout' },
      'service.version': { stringValue: '1.2.3' },
      'k8s.pod.name': { stringValue: 'checkout-7d9f' },
      'process.pid': { intValue: '4242' },
    });
    expect(root['events']).toMatchObject([
      {
        timeUnixNano: '1790000000200000001',
        name: 'retry',
        attributes: [
          { key: 'attempt', value: { intValue: '2' } },
          { key: 'ratio', value: { doubleValue: 0.5 } },
        ],
      },
      { name: 'done' },
    ]);
    expect(root['links']).toMatchObject([
      {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        spanId: 'b7ad6b7169203331',
        traceState: 'other=1',
        attributes: [{ key: 'why', value: { stringValue: 'batch' } }],
      },
    ]);
    const charge = byName(answer.spans, 'charge');
    expect(charge).toMatchObject({ parentSpanId: spanId, status: {}, events: [], links: [] });
  });
});

test('a trace is found by 16 or 32 digits, in capitals too, by its own tenant alone', async () => {
  const short = '00c0ffee00c0ffee';
  const id = short.padStart(32, '0');
  await post(requestOf([plainSpan(id, 1)]), 'mine');
  for (const asked of [id, short, id.toUpperCase(), short.toUpperCase()]) {
    expect(await traceOf(asked, 'mine')).toMatchObject({ trace_id: id, spans: [{ traceId: id }] });
  }
  const theirs = await get(id);
  expect(theirs.status).toBe(404);
  expect(await theirs.json()).toMatchObject({ error: { code: 'trace_not_found' } });
  // An id whose lower half alone is the same is another's.
  expect((await get(`1${id.slice(1)}`, 'mine')).status).toBe(404);
});

test.each(['x', '', 'abc', 'g'.repeat(32), 'a'.repeat(17), 'a'.repeat(33), "a'--"])(
  'the id %j is refused',
  async (id) => {
    const answer = await get(encodeURIComponent(id));
    expect(answer.status).toBe(id === '' ? 404 : 400);
    const { error } = (await answer.json()) as { error: { code: string } };
    expect(error.code).toBe(id === '' ? 'not_found' : 'trace_id_invalid');
  },
);

test('spans that are sent again are shown once, and all by their start', async () => {
  const id = newTraceId();
  const spans = [5, 1, 4, 2, 3].map((n) => plainSpan(id, n));
  await post(requestOf(spans));
  await post(requestOf(spans.slice(0, 3)));
  await post(
    requestOf(
      [plainSpan(id, 9, { spanId: '1'.repeat(16), parentSpanId: '2'.repeat(16) })],
      'other',
    ),
  );
  const answer = await traceOf(id);
  expect(answer.spans.map(({ name }) => name)).toEqual([1, 2, 3, 4, 5, 9].map((n) => `span ${n}`));
});

test('bad spans are refused alone, in the reply', async () => {
  const id = newTraceId();
  const bad = [
    plainSpan('0'.repeat(32), 1),
    plainSpan('abcd', 2),
    plainSpan(id, 3, { spanId: '0'.repeat(16) }),
    plainSpan(id, 4, { spanId: 'no' }),
    plainSpan(id, 5, { parentSpanId: 'abcd' }),
    plainSpan(id, 6, { name: 7 }),
  ];
  const reply = await post(requestOf([...bad, plainSpan(id, 7, { parentSpanId: '0'.repeat(16) })]));
  expect(reply).toEqual({
    partialSuccess: {
      rejectedSpans: '6',
      errorMessage: expect.stringMatching(/^6 spans were rejected: /) as string,
    },
  });
  expect((await traceOf(id)).spans.map(({ name }) => name)).toEqual(['span 7']);
  const counted = await metric(
    server,
    'meshtrail_rejected_records_total{protocol="otlp",reason="bad_span_id"}',
  );
  expect(counted).toBeGreaterThanOrEqual(2);
});

test('what a span has too much of is left out, counted and marked', async () => {
  const id = newTraceId();
  const event = { timeUnixNano: '1', name: 'e' };
  const attributes = Array.from({ length: 1_500 }, (_, n) => ({
    key: `key ${n}`,
    value: { intValue: n },
  }));
  const long = { key: 'long', value: { stringValue: 'é'.repeat(600_000) } };
  const events = new Array<object>(2_000).fill(event);
  await post(requestOf([plainSpan(id, 1, { events, attributes: [long, ...attributes] })]));
  const [span] = (await traceOf(id)).spans;
  expect(span).toMatchObject({ droppedEventsCount: 976, droppedAttributesCount: 477 });
  expect(span?.['events']).toHaveLength(1_024);
  const kept = pairs(span?.['attributes']);
  expect(kept['meshtrail_cut_values']).toEqual({ intValue: String(1 + 976 + 477) });
  expect(kept['long']).toEqual({ stringValue: 'é'.repeat(524_288) });
});

test('records do not show spans, and counters count both', async () => {
  const before = await metric(server, 'meshtrail_acknowledged_records_total{protocol="otlp"}');
  const id = newTraceId();
  await post(
    requestOf(
      [1, 2, 3].map((n) => plainSpan(id, n)),
      'spans-only',
    ),
  );
  expect((await traceOf(id)).spans).toHaveLength(3);
  expect(await find(server, '{service_name="spans-only"}')).toEqual([]);
  expect(await metric(server, 'meshtrail_acknowledged_records_total{protocol="otlp"}')).toBe(
    before + 3,
  );
});

test('a live tail shows records, and is not disturbed by spans', async () => {
  const asked = new URLSearchParams({ query: '{service_name=~"tailed.*"}' });
  const address = `${server.url.replace('http', 'ws')}/loki/api/v1/tail?${asked.toString()}`;
  const socket = new WebSocket(address);
  const heard: string[] = [];
  socket.on('message', (data: Buffer) => heard.push(data.toString()));
  await new Promise((resolve) => socket.on('open', resolve));
  const id = newTraceId();
  await post(requestOf([plainSpan(id, 1)], 'tailed-span'));
  const body = '{"service":"tailed-line","msg":"hello"}';
  await fetch(`${server.url}/v1/ndjson`, { method: 'POST', body });
  await post(requestOf([plainSpan(id, 2)], 'tailed-span'));
  await eventually(() => heard.length, Boolean);
  socket.close();
  expect(heard.join('')).toContain('tailed-line');
  expect(heard.join('')).not.toContain('tailed-span');
  expect((await traceOf(id)).spans).toHaveLength(2);
  expect(server.process.output).not.toContain('a live tail missed');
});

test("the exporters' own retry brings spans to a server that was down", async () => {
  const url = `${server.url}/v1/traces`;
  const spans = [sdkSpans(), sdkSpans()];
  const [json, proto] = [new JsonExporter({ url }), new ProtoExporter({ url })];
  await exportAll(json, spans[0]?.slice(0, 2) ?? []);
  await server.process.kill();
  const exported = [exportAll(json, spans[0] ?? []), exportAll(proto, spans[1] ?? [])];
  await server.process.start();
  await Promise.all(exported);
  for (const some of spans) {
    const id = some[0]?.spanContext().traceId ?? '';
    expect((await traceOf(id)).spans).toHaveLength(5);
  }
});

test('what was acknowledged survives kill -9, and what a client sends again is shown once', async () => {
  const id = newTraceId();
  const acknowledged = new Set<string>();
  let killed = false;
  const send = async (n: number): Promise<void> => {
    const name = `span ${n}`;
    for (;;) {
      try {
        await post(requestOf([plainSpan(id, n)]));
        acknowledged.add(name);
        return;
      } catch {
        await eventually(
          () =>
            killed &&
            fetch(`${server.url}/readyz`).then(
              (r) => r.ok,
              () => false,
            ),
          Boolean,
        );
      }
    }
  };
  for (let n = 0; n < 40; n++) await send(n);
  const all = Promise.all(Array.from({ length: 60 }, (_, n) => send(40 + n)));
  await server.process.kill();
  killed = true;
  await server.process.start();
  await all;
  const { spans } = await traceOf(id);
  expect(acknowledged.size).toBe(100);
  expect(spans.map(({ name }) => name).sort()).toEqual([...acknowledged].sort());
  expect(await metric(server, 'meshtrail_engine_quarantined_records_total')).toBe(0);
});
