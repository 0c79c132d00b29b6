import { describe, expect, test } from 'vitest';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import { LogRecord } from '../../model/record.ts';
import { CapturedSink } from './captured-sink.ts';
import type { EventSink, Reply } from './decode.ts';
import { createLoki } from './loki.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const NS = '1763632800123456789';

const pushTo = (sink: EventSink, value: unknown, discoverServiceName = true): Reply =>
  createLoki({ discoverServiceName }).decode(
    {
      method: 'POST',
      path: '/loki/api/v1/push',
      query: '',
      headers: { 'content-type': 'application/json' },
      body: utf8(JSON.stringify(value)),
    },
    sink,
  );

const streamOf = (stream: Record<string, string>, ...lines: string[]): object => ({
  streams: [{ stream, values: lines.map((line) => [NS, line]) }],
});

/** Counts only: for what would be too much to keep. */
class CountingSink implements EventSink {
  readonly observedSec = 0;
  commits = 0;
  rejects = 0;
  private readonly record = new LogRecord();

  begin(): LogRecord {
    this.record.reset();
    return this.record;
  }

  commit(): void {
    this.commits++;
  }

  span(): void {
    expect.fail('no spans here');
  }

  reject(): void {
    this.rejects++;
  }
}

test('without discovery streams keep exactly the labels that were pushed', () => {
  const sink = new CapturedSink();
  expect(pushTo(sink, streamOf({ app: 'cart' }, 'x'), false).status).toBe(204);
  expect(sink.events[0]?.labels).toEqual({ app: 'cart' });
  expect(sink.events[0]?.columns).toEqual({ service: 'cart' });
});

test('without discovery a stream needs a label, in the words of Loki', () => {
  const sink = new CapturedSink();
  const reply = pushTo(sink, streamOf({ a: '' }, 'x'), false);
  expect(reply).toMatchObject({
    status: 400,
    body: 'error at least one label pair is required per stream\n',
  });
  expect(sink.events).toEqual([]);
});

test('a line of 20 MiB arrives whole: cutting it is not the decoder’s business', () => {
  const sink = new CapturedSink();
  const line = 'x'.repeat(20 * 1_048_576);
  expect(pushTo(sink, streamOf({ app: 'a' }, line)).status).toBe(204);
  expect(sink.events[0]?.line.length).toBe(line.length);
});

test('a stream with too many labels is refused, and the other one stored', () => {
  const names = Array.from({ length: LIMITS.lokiLabels + 1 }, (_, i) => [`l${i}`, 'v']);
  const sink = new CapturedSink();
  const reply = pushTo(sink, {
    streams: [
      { stream: Object.fromEntries(names) as object, values: [[NS, 'lost']] },
      { stream: { app: 'a' }, values: [[NS, 'kept']] },
    ],
  });
  expect(reply.status).toBe(400);
  expect(reply.body).toContain(`has ${names.length} label names; limit ${LIMITS.lokiLabels}`);
  expect(sink.events.map(({ line }) => line)).toEqual(['kept']);
});

test('a hundred thousand labels are refused at once', () => {
  const names = Array.from({ length: 100_000 }, (_, i) => [`l${i}`, 'v']);
  const start = performance.now();
  const reply = pushTo(new CapturedSink(), streamOf(Object.fromEntries(names) as never, 'x'));
  expect(reply.status).toBe(400);
  expect(performance.now() - start).toBeLessThan(2_000);
});

test('labels are not multiplied without bound', () => {
  const sink = new CountingSink();
  const label = 'v'.repeat(1_000_000);
  const reply = pushTo(sink, streamOf({ app: label }, ...new Array<string>(5_000).fill('')));
  expect(reply.status).toBe(400);
  // `app` and the `service_name` made from it, on each record.
  expect(sink.commits).toBeGreaterThan(0);
  expect(sink.commits * 2 * label.length).toBeLessThanOrEqual(LIMITS.stampedBytes);
  expect(sink.commits + sink.rejects).toBe(5_000);
});

test('streams are told apart however many there are, and when they come again', () => {
  const count = 3_000;
  const sink = new CapturedSink();
  const streams = Array.from({ length: count }, (_, i) => ({
    stream: { app: `app-${i % 1_500}` },
    values: [[NS, String(i)]],
  }));
  expect(pushTo(sink, { streams }).status).toBe(204);
  sink.events.forEach((event, i) => {
    expect(event.labels?.['app']).toBe(`app-${i % 1_500}`);
    expect(event.columns?.['service']).toBe(`app-${i % 1_500}`);
  });
});

test('an error is told once and counted, and there is an end to errors', () => {
  const values = Array.from({ length: 50 }, () => [1, 'x']);
  const sink = new CapturedSink();
  const reply = pushTo(sink, { streams: [{ stream: { app: 'a' }, values }] });
  expect(reply.body).toMatch(/^50 errors like: an entry's timestamp must be/);
  const streams = Array.from({ length: 50 }, (_, i) => ({ stream: { [`${i}`]: 'x' }, values }));
  const many = pushTo(sink, { streams });
  expect(many.body).toMatch(/40 errors like: other errors\n$/);
});

describe('detected_level', () => {
  const levelsOf = (
    stream: Record<string, string>,
    metadata: Record<string, string>,
    discoverLogLevels = true,
  ): { metadata: string | undefined; severity: unknown } => {
    const sink = new CapturedSink();
    const body = JSON.stringify({
      streams: [{ stream: { app: 'a', ...stream }, values: [[NS, 'x', metadata]] }],
    });
    createLoki({ discoverServiceName: true, discoverLogLevels }).decode(
      {
        method: 'POST',
        path: '/loki/api/v1/push',
        query: '',
        headers: { 'content-type': 'application/json' },
        body: utf8(body),
      },
      sink,
    );
    const [event] = sink.events;
    return {
      metadata: event?.metadata?.['detected_level'],
      severity: event?.columns?.['severity'],
    };
  };

  test('labels come before metadata, and the words that no severity stands for stay', () => {
    expect(levelsOf({ level: 'WARNING' }, { level: 'info' })).toMatchObject({
      metadata: undefined,
      severity: 13,
    });
    expect(levelsOf({ Severity: 'err' }, {})).toMatchObject({ metadata: undefined, severity: 17 });
    expect(levelsOf({ level: 'noisy' }, { level: 'info' }).metadata).toBe('noisy');
    expect(levelsOf({}, { lvl: 'notice', severity: 'Odd' }).metadata).toBe('Odd');
    expect(levelsOf({}, { severity: 'Critical' }).metadata).toBe(undefined);
  });

  test('one that is given is made one of the usual words', () => {
    expect(levelsOf({ level: 'info' }, { detected_level: 'ERR' }).metadata).toBe('error');
    expect(levelsOf({}, { detected_level: 'custom' }).metadata).toBe('custom');
  });

  test('nothing of it without discovery', () => {
    expect(levelsOf({ level: 'noisy' }, {}, false).metadata).toBe(undefined);
    expect(levelsOf({}, { detected_level: 'ERR' }, false).metadata).toBe('ERR');
  });
});

test('entries of any age are taken, unless a limit says otherwise', () => {
  const before = { ...LIMITS };
  const values = [
    ['1763632700000000000', 'old'],
    ['1763632795000000000', 'new'],
    ['1000000000', 'very old'],
  ];
  const push = (): { reply: Reply; lines: string[] } => {
    const sink = new CapturedSink(1_763_632_800);
    const reply = pushTo(sink, { streams: [{ stream: { app: 'a' }, values }] });
    return { reply, lines: sink.events.map(({ line }) => line) };
  };
  expect(push()).toMatchObject({ reply: { status: 204 }, lines: ['old', 'new', 'very old'] });
  overrideLimits({ oldestSampleMs: 60_000 });
  const { reply, lines } = push();
  overrideLimits(before);
  expect(lines).toEqual(['new']);
  expect(reply).toMatchObject({ status: 400 });
  expect(reply.body).toContain(
    'entry has timestamp too old: 2025-11-20T09:58:20Z, ' +
      'oldest acceptable timestamp is: 2025-11-20T09:59:00Z',
  );
});
