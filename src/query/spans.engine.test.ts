import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { anySpan } from '../../fixtures/spans/any-span.ts';
import type { Batch } from '../model/batch.ts';
import { must } from '../model/errors.ts';
import { LIMITS, overrideLimits } from '../model/limits.ts';
import { SpanBatch } from '../model/span-batch.ts';
import { eventsJson, linksJson } from '../model/span-json.ts';
import type { StoredSpan } from '../model/span-row.ts';
import { EMPTY_SPAN, type Span, type SpanAttribute } from '../model/span.ts';
import { systemClock } from '../platform/clock.ts';
import { numberBatch, startTestEngine, type TestEngine } from '../storage/engine/testing.ts';
import { ALL_OF_TENANT, type AccessFilter } from './access-filter.ts';
import { QuerySession } from './session.ts';
import { readTrace, type Trace } from './spans.ts';

/** Spans in the real engine: what they come back as, and what becomes of those it refuses. */
let directory: string;
let target: TestEngine;
const { spansPerTrace } = LIMITS;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meshtrail-spans-'));
  target = await startTestEngine(directory);
});

afterEach(() => {
  overrideLimits({ spansPerTrace });
});

afterAll(async () => {
  await target.engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const sender = { bytes: new TextEncoder().encode('otlp10.0.0.1'), receiverEnd: 4 };
const NOW = systemClock.nowNs();

const batchOf = (spans: readonly Span[], tenant: string, observedNs = NOW): Batch => {
  const batch = new SpanBatch();
  batch.begin(observedNs);
  for (const span of spans) batch.append(span, sender);
  return batch.take(tenant, 'otlp');
};

const traceId = (n: number): string => n.toString(16).padStart(32, 'c');

const plain = (trace: number, n: number, more: Partial<Span> = {}): Span => ({
  ...EMPTY_SPAN,
  traceId: traceId(trace),
  spanId: (n + 1).toString(16).padStart(16, '0'),
  name: `span ${n}`,
  startNs: NOW + BigInt(n),
  endNs: NOW + BigInt(n) + 1_000n,
  ...more,
});

const read = async (id: string, tenant: string, access: AccessFilter = ALL_OF_TENANT) => {
  const { reader, catalog, writer } = target.engine;
  const sources = {
    reader,
    catalog,
    flush: writer.flush.bind(writer),
    labels: { discoverLogLevels: false },
    clock: systemClock,
  };
  const session = new QuerySession(sources, { tenant, access, signal: undefined });
  const scope = await session.openSpans(0n, 9_223_372_036_000_000_000n);
  return readTrace(session.context, scope, id);
};

const names = ({ spans }: Trace): string[] => spans.map(({ name }) => name);

const byKey = (list: readonly SpanAttribute[]): SpanAttribute[] =>
  [...list].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));

/** Without the order of names, which maps do not keep (that of equal ones they do). */
const comparable = (span: StoredSpan): object => ({
  ...span,
  service: '',
  resource: byKey(span.resource),
  scope: byKey(span.scope),
  attributes: byKey(span.attributes),
});

const writer = async () => must(await target.home.connection(10_000), 'it runs').writer;

test('spans of every kind come back from the engine as they were sent', async () => {
  const spans = fc.sample(anySpan, { numRuns: 100, seed: 7 });
  const half = spans.length / 2;
  const { bucket } = await target.store(batchOf(spans.slice(0, half), 'every'));
  await target.store(batchOf(spans.slice(half), 'every'));
  const check = async (): Promise<void> => {
    for (const span of spans) {
      const [stored] = (await read(span.traceId, 'every')).spans;
      const { events, links, ...same } = span;
      const texts = { events: eventsJson(events), links: linksJson(links) };
      expect(comparable(must(stored, 'found'))).toEqual(
        comparable({ ...same, ...texts, service: '' }),
      );
    }
  };
  await check();
  await (await writer()).command(`OPTIMIZE TABLE meshtrail.${bucket.table} FINAL`);
  await check();
});

test('columns say who wrote a span, by the rule of records', async () => {
  const resource = [
    { key: 'service.name', value: 'cart' },
    { key: 'service.version', value: '2.1' },
    { key: 'service.namespace', value: 'shop' },
    { key: 'k8s.pod.name', value: 'cart-1' },
    { key: 'k8s.node.name', value: 'n1' },
    { key: 'deployment.environment.name', value: 'prod' },
  ];
  await target.store(batchOf([plain(1, 1, { resource })], 'who'));
  const columns = 'receiver, source, service, version, namespace, pod, node, environment';
  const rows = await target.engine.reader.rows(
    `SELECT ${columns}, duration_ns FROM meshtrail.spans WHERE tenant = 'who'`,
  );
  const who = ['otlp', '10.0.0.1', 'cart', '2.1', 'shop', 'cart-1', 'n1', 'prod'];
  expect(rows).toEqual([[...who, '1000']]);
});

test('a trace over weeks is one, and a long one says that it is partial', async () => {
  const week = 7n * 86_400_000_000_000n;
  await target.store(batchOf([plain(2, 2), plain(2, 5)], 'weeks'));
  await target.store(batchOf([plain(2, 1), plain(2, 7)], 'weeks', NOW - week));
  await target.store(batchOf([plain(2, 5), plain(3, 4)], 'weeks', NOW - week));
  expect(target.engine.catalog.ranges('weeks', 0n, NOW + week, 'spans')).toHaveLength(2);
  expect(target.engine.catalog.ranges('weeks', 0n, NOW + week)).toEqual([]);
  const whole = await read(traceId(2), 'weeks');
  expect([names(whole), whole.partial]).toEqual([['span 1', 'span 2', 'span 5', 'span 7'], false]);
  overrideLimits({ spansPerTrace: 3 });
  const cut = await read(traceId(2), 'weeks');
  expect([names(cut), cut.partial]).toEqual([['span 1', 'span 2', 'span 5'], true]);
});

test('both halves of a call that share an id are shown', async () => {
  const halves = [
    plain(4, 1, { kind: 3, name: 'client' }),
    plain(4, 1, { kind: 2, name: 'server' }),
  ];
  await target.store(batchOf([...halves, ...halves], 'halves'));
  expect(names(await read(traceId(4), 'halves'))).toEqual(['client', 'server']);
});

test('who may see one service only sees its spans only', async () => {
  const of = (service: string) => [{ key: 'service.name', value: service }];
  const spans = [plain(5, 1, { resource: of('mine') }), plain(5, 2, { resource: of('theirs') })];
  await target.store(batchOf(spans, 'access'));
  const only = (name: string, value: string): AccessFilter => ({
    anyOf: [[{ type: 'matcher', name, op: '=', value, pos: 0 }]],
  });
  const seen = async (access: AccessFilter) => names(await read(traceId(5), 'access', access));
  expect(await seen(only('service_name', 'mine'))).toEqual(['span 1']);
  expect(await seen(only('app', 'mine'))).toEqual([]);
  expect(await seen({ anyOf: [] })).toEqual([]);
  expect(await seen(ALL_OF_TENANT)).toEqual(['span 1', 'span 2']);
});

test('a trace is found by the index of ids', async () => {
  const spans = Array.from({ length: 60_000 }, (_, n) => plain(100_000 + n, n));
  const { bucket } = await target.store(batchOf(spans, 'index'));
  const plan = await target.engine.reader.rows(
    `EXPLAIN indexes = 1 SELECT name FROM meshtrail.${bucket.table}
     WHERE trace_id = {id:String}`,
    { params: { id: traceId(100_500) } },
  );
  const text = plan.flat().join('\n');
  const read = /Name: i_trace_id[\s\S]*?Granules: (\d+)\/(\d+)/.exec(text);
  expect(Number(read?.[1])).toBeLessThanOrEqual(2);
  expect(Number(read?.[2])).toBeGreaterThanOrEqual(25);
});

test('rows that the engine refuses are put aside, of a batch there in part the rest is stored', async () => {
  const { engine } = target;
  const { bucket } = await target.store(batchOf([plain(6, 0)], 'picky'));
  const lane = 'picky/default/test/spans';
  await (
    await writer()
  ).command(`ALTER TABLE meshtrail.${bucket.table} ADD CONSTRAINT c CHECK name != 'poison'`);
  const spans = Array.from({ length: 100 }, (_, n) => plain(6, n + 1));
  spans[40] = plain(6, 41, { name: 'poison' });
  await target.store(batchOf(spans, 'picky'));
  expect(names(await read(traceId(6), 'picky'))).toHaveLength(100);
  expect(engine.counters.quarantinedRows).toBe(1);
  expect(await readdir(`${directory}/quarantine/${bucket.table}`)).toHaveLength(1);

  const more = Array.from({ length: 50 }, (_, n) => plain(7, n));
  engine.writer.enqueue(numberBatch(batchOf(more.slice(10, 20), 'picky'), bucket, 1_010, lane));
  await engine.writer.flush('picky', 0n, 2n ** 62n, 'spans');
  const whole = numberBatch(batchOf(more, 'picky'), bucket, 1_000, lane);
  await engine.stop();
  target = await startTestEngine(directory);
  target.engine.writer.recover([whole]);
  await target.engine.writer.flush('picky', 0n, 2n ** 62n, 'spans');
  const rows = await target.engine.reader.rows(
    `SELECT count(), uniqExact(seq) FROM meshtrail.spans WHERE tenant = 'picky' AND seq >= 1000`,
  );
  expect(rows).toEqual([['50', '50']]);
});
