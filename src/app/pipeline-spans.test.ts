import { expect, test } from 'vitest';
import { createNormalize } from '../ingest/normalize/recognise.ts';
import { LIMITS } from '../model/limits.ts';
import { spanRowsOf } from '../model/span-rows.ts';
import { EMPTY_SPAN, type Span } from '../model/span.ts';
import { Pipeline } from './pipeline.ts';

const OBSERVED = 1_767_600_000_000_000_000n;
const encoder = new TextEncoder();

const started = (): Pipeline => new Pipeline(createNormalize({ override: {} }), () => undefined);

const span = (name: string, more: Partial<Span> = {}): Span => ({
  ...EMPTY_SPAN,
  traceId: 'ab'.repeat(16),
  spanId: 'cd'.repeat(8),
  startNs: OBSERVED,
  endNs: OBSERVED + 1n,
  name,
  ...more,
});

const line = (pipeline: Pipeline, text: string): void => {
  const bytes = encoder.encode(text);
  pipeline.begin().setLine(bytes, 0, bytes.length);
  pipeline.commit();
};

/** Runs one job; gives the batches that its rows may be in, as the decoding thread has them. */
const job = (pipeline: Pipeline, protocol: string, run: () => void): [number, number] => {
  pipeline.from('acme', protocol, '10.0.0.1', OBSERVED);
  const first = pipeline.openBatch;
  pipeline.received(100);
  run();
  return [first, pipeline.lastBatch];
};

const namesIn = (pipeline: Pipeline, [first, last]: readonly [number, number]): string[] =>
  pipeline.batches
    .slice(first, last + 1)
    .filter(({ signal }) => signal === 'spans')
    .flatMap((batch) => spanRowsOf(batch).map(({ name }) => name));

test('records and spans of one job make a batch each, which the job waits for', () => {
  const pipeline = started();
  const jobs = [
    job(pipeline, 'otlp', () => pipeline.span(span('a'))),
    job(pipeline, 'otlp', () => line(pipeline, 'hello')),
    job(pipeline, 'otlp', () => {
      line(pipeline, 'both');
      pipeline.span(span('b'));
    }),
    job(pipeline, 'zipkin', () => pipeline.span(span('c'))),
  ] as const;
  pipeline.close();
  const { batches } = pipeline;
  expect(batches.map(({ signal, protocol, rows }) => [signal, protocol, rows])).toEqual([
    ['logs', 'otlp', 2],
    ['spans', 'otlp', 2],
    ['spans', 'zipkin', 1],
  ]);
  expect(namesIn(pipeline, jobs[0])).toContain('a');
  expect(namesIn(pipeline, jobs[2])).toContain('b');
  expect(namesIn(pipeline, jobs[3])).toContain('c');
  expect(batches.reduce((sum, { rawBytes }) => sum + rawBytes, 0)).toBe(400);
});

test('a job waits for its spans, whatever later jobs bring and close', () => {
  const pipeline = started();
  const first = job(pipeline, 'otlp', () => pipeline.span(span('first')));
  job(pipeline, 'otlp', () => {
    for (let i = 0; i < LIMITS.rowsPerBatch + 1; i++) line(pipeline, 'x');
    pipeline.span(span('last'));
  });
  pipeline.close();
  expect(pipeline.batches.map(({ signal }) => signal)).toEqual(['logs', 'spans', 'logs', 'spans']);
  expect(namesIn(pipeline, first)).toEqual(['first']);
});

test('bytes of a job without rows count for nobody else', () => {
  const pipeline = started();
  job(pipeline, 'otlp', () => undefined);
  job(pipeline, 'otlp', () => pipeline.span(span('a')));
  pipeline.close();
  expect(pipeline.batches.map(({ rawBytes }) => rawBytes)).toEqual([100]);
});

test('a resource that spans repeat without bound is refused', () => {
  const pipeline = started();
  const resource = [{ key: 'a', value: 'v'.repeat(1_000_000) }];
  job(pipeline, 'jaeger', () => {
    for (let i = 0; i < 400; i++) pipeline.span(span('a', { resource }));
  });
  pipeline.close();
  const kept = pipeline.batches.reduce((sum, { rows }) => sum + rows, 0);
  expect(kept * 1_000_000).toBeLessThanOrEqual(LIMITS.stampedBytes);
  expect(pipeline.counts.take().rejects).toMatchObject([
    { reason: 'resource_too_large', count: 400 - kept },
  ]);
});

test('times that no column holds are replaced and counted, and said all the same', () => {
  const pipeline = started();
  const endNs = 2n ** 64n - 1n;
  job(pipeline, 'otlp', () => {
    pipeline.span(span('late', { startNs: endNs - 1n, endNs }));
    pipeline.span(span('none', { startNs: 0n, endNs: 5n }));
  });
  pipeline.close();
  const [batch] = pipeline.batches;
  expect(batch).toMatchObject({ minNs: OBSERVED, maxNs: OBSERVED });
  expect(pipeline.counts.take().timesReplaced).toBe(1);
});
