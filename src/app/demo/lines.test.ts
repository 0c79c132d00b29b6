import { describe, expect, it } from 'vitest';
import { NORMALIZERS, WRAPPERS } from '../../ingest/normalize/all.ts';
import { describeRecord, type Described } from '../../ingest/normalize/described.ts';
import { createNormalize } from '../../ingest/normalize/recognise.ts';
import { LogRecord } from '../../model/record.ts';
import { criLines } from './format/cri.ts';
import type { Line } from './lines.ts';
import { Traffic } from './traffic.ts';

/** Every line that the shop writes is of the format it says, as the server's own readers see it. */
const FROM = Date.UTC(2026, 5, 15, 14) * 1000;
/** Forty minutes hold two bursts and a deploy or two. */
const lines = new Traffic({ seed: 4, rate: 6 }, FROM).linesUntil(FROM + 2_400e6);
const encoder = new TextEncoder();

const record = new LogRecord();
const recordOf = (text: string): LogRecord => {
  record.reset();
  const bytes = encoder.encode(text);
  record.observedSec = FROM / 1e6;
  record.setLine(bytes, 0, bytes.length);
  return record;
};

/** The format that takes a line whole, of those that look at content. */
const formatOf = (text: string): string =>
  NORMALIZERS.find((one) => {
    const { lineBuf, lineEnd } = recordOf(text);
    return one.recognises(lineBuf, 0, lineEnd) && one.normalize(record);
  })?.name ?? 'none';

const normalize = createNormalize();
const read = (text: string): Described => {
  normalize(recordOf(text), '');
  return describeRecord(record);
};

const from = (container: string): Line[] =>
  lines.filter(({ source }) => source.container === container);

describe('lines', () => {
  it.each([
    ['istio-proxy', 'istio'],
    ['linkerd-proxy', 'linkerd'],
    ['consul-dataplane', 'json'],
    ['nginx', 'nginx'],
    ['storefront', 'json'],
    ['checkout', 'json'],
    ['catalog', 'json'],
    ['search', 'json'],
    ['payments', 'json'],
    ['fraud', 'json'],
    ['ledger', 'logfmt'],
    ['kube-controller-manager', 'klog'],
  ])('of %s are %s, all of them', (container, format) => {
    const own = from(container).slice(-4_000);
    expect(own.length).toBeGreaterThan(50);
    const formats = new Map<string, string>();
    for (const { text } of own) formats.set(formatOf(text), text);
    expect(Object.fromEntries(formats)).toEqual({ [format]: own.at(-1)?.text });
  });

  it('of cart are JSON, but for the panics that go past its logger', () => {
    const rest = from('cart').filter(({ text }) => formatOf(text) !== 'json');
    expect(rest.length).toBeGreaterThan(0);
    for (const { text, source } of rest) {
      expect(text).toMatch(/^http: panic serving [\d.:]+: .*\ngoroutine \d+ \[running\]:\n/);
      expect(source.stdio).toBe('stderr');
    }
  });

  it('of proxies say what happened: method, path, status, duration, ids', () => {
    for (const container of ['istio-proxy', 'linkerd-proxy', 'consul-dataplane']) {
      for (const { text } of from(container).slice(-400)) {
        const { columns } = read(text);
        expect(columns).toMatchObject({
          kind: 'access',
          path: expect.stringMatching(/^\//) as string,
        });
        expect(columns['method']).toMatch(/^(GET|POST)$/);
        if (columns['response_flags'] !== 'DC')
          expect(columns['status']).toBeGreaterThanOrEqual(200);
      }
    }
  });

  it("of programs carry a severity, and their request's ids where they speak of one", () => {
    for (const container of ['storefront', 'checkout', 'catalog', 'search', 'payments', 'ledger']) {
      for (const { text, level } of from(container).slice(-400)) {
        const { columns } = read(text);
        const severity = { debug: 5, info: 9, warn: 13, error: 17 }[level];
        expect(columns['severity'], text).toBe(severity);
        if (!/starting|listening|SIGTERM|stopped/.test(text)) {
          expect(columns['trace_id']).toMatch(/^[0-9a-f]{32}$/);
          expect(columns['span_id']).toMatch(/^[0-9a-f]{16}$/);
          expect(columns['request_id']).toMatch(/^[0-9a-f-]{36}$/);
        }
      }
    }
  });

  it("have stack traces of four languages, slow queries, retries and Envoy's flags", () => {
    const all = lines.map(({ text }) => text).join('\n');
    for (const pattern of [
      /Traceback \(most recent call last\)/,
      /goroutine 4711 \[running\]/,
      /OrderController\.java:64/,
      /tile\.js:88:31/,
      /slow query/,
      /UF,URX|UH|UT/,
    ]) {
      expect(all).toMatch(pattern);
    }
  });

  it("stay one line each in a container runtime's file", () => {
    const cri = WRAPPERS.find(({ name }) => name === 'cri');
    for (const { timeUs, source, text } of lines.slice(0, 500)) {
      for (const wrapped of criLines(timeUs, source.stdio, text)) {
        expect(cri?.normalize(recordOf(wrapped))).toBe(true);
        expect(record.timeSec * 1e6 + Math.round(record.timeNano / 1000)).toBe(timeUs);
      }
    }
  });
});
