import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RecordBatch, type Batch, type LayoutUse } from '../model/batch.ts';
import { LIMITS, overrideLimits } from '../model/limits.ts';
import type { Bucket, NumberedBatch } from '../model/storage.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { Catalog } from '../storage/engine/catalog.ts';
import { numberBatch } from '../storage/engine/testing.ts';
import { Acknowledger, type Outcome } from './acknowledge.ts';
import { Counters } from './counters.ts';
import { Once } from './once.ts';
import type { JobDone } from './thread-messages.ts';

const LIMITS_BEFORE = { ...LIMITS };

let directory: string;
let catalog: Catalog;
/** What the journal was given, with the layouts that the catalog had at that time. */
let journalled: string[][];
let full: Bucket[];
let acknowledger: Acknowledger;
let nextId = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-acknowledge-'));
  catalog = new Catalog(`${directory}/catalog.db`);
  journalled = [];
  full = [];
  const storage = {
    bucketFor: (tenant: string, observedNs: bigint) =>
      Promise.resolve(catalog.bucketFor(tenant, 'default', observedNs)),
    learn: (bucket: Bucket, layouts: readonly LayoutUse[]) => catalog.learn(bucket, layouts),
    layoutsFull: (bucket: Bucket) => catalog.layoutCount(bucket) >= LIMITS.layoutsPerBucket,
    append: (batch: Batch, bucket: Bucket): Promise<NumberedBatch> => {
      const [range] = catalog.ranges(bucket.tenant, batch.minNs, batch.maxNs);
      journalled.push((range?.layouts ?? []).map(({ layout }) => layout.text));
      return Promise.resolve(numberBatch(batch, bucket, 0));
    },
    once: new Once(systemClock, () => undefined),
  };
  acknowledger = new Acknowledger(
    storage,
    new Counters(),
    systemClock,
    silentLog,
    new Set(['syslog']),
    (bucket) => void full.push(bucket),
  );
});

afterEach(() => {
  overrideLimits(LIMITS_BEFORE);
  catalog.close();
  rmSync(directory, { recursive: true });
});

const batchWith = (protocol: string, ...texts: string[]): Batch => {
  const batch = new RecordBatch();
  batch.begin(systemClock.nowNs());
  const layouts = texts.map((text) => ({ text, services: ['shop'] }));
  return { ...batch.take('acme', protocol), layouts };
};

/** Takes one job of one batch; what became of it. */
const take = (batch: Batch): Promise<Outcome> =>
  new Promise((resolve) => {
    const done: JobDone = { id: nextId++, rows: 1, firstBatch: 0, lastBatch: 0 };
    const counts = {
      rejects: [],
      linesCut: 0,
      valuesCut: 0,
      fieldsOverflowed: 0,
      timesReplaced: 0,
      linesStructured: 0,
      linesWhole: {},
    };
    acknowledger.take({ batches: [batch], done: [done], counts }, () => (settled) => {
      resolve(acknowledger.outcomeOf(settled));
    });
  });

test('the journal gets a batch once the catalog knows its layouts', async () => {
  expect(await take(batchWith('ndjson', 'a<body>'))).toMatchObject({ ok: true });
  expect(await take(batchWith('ndjson', 'a<body>', 'b<body>'))).toMatchObject({ ok: true });
  expect(journalled).toEqual([['a<body>'], ['a<body>', 'b<body>']]);
});

test('a batch whose layouts cannot be noted is refused, and not journalled', async () => {
  catalog.bucketFor('acme', 'default', systemClock.nowNs());
  const { promise: closed, resolve } = Promise.withResolvers<undefined>();
  const refused = take(batchWith('ndjson', 'a<body>'));
  queueMicrotask(() => {
    catalog.close();
    resolve(undefined);
  });
  await closed;
  expect(await refused).toMatchObject({ ok: false, why: 'failed' });
  expect(journalled).toEqual([]);
  catalog = new Catalog(`${directory}/catalog.db`);
});

test('a layout that is none is refused for good, also where senders cannot be told', async () => {
  expect(await take(batchWith('syslog', '<no_such_column>'))).toMatchObject({ ok: false });
  expect(journalled).toEqual([]);
});

test('a full bucket is told with each layout that comes all the same, and with no other', async () => {
  overrideLimits({ layoutsPerBucket: 2 });
  await take(batchWith('ndjson', 'a<body>'));
  expect(full).toEqual([]);
  await take(batchWith('ndjson', 'b<body>'));
  expect(full).toMatchObject([{ tenant: 'acme' }]);
  await take(batchWith('ndjson', 'a<body>', 'b<body>'));
  expect(full).toHaveLength(1);
  await take(batchWith('ndjson', 'c<body>'));
  expect(full).toHaveLength(2);
  expect(journalled).toHaveLength(4);
});
