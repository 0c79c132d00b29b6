import { describe, expect, it } from 'vitest';
import { createDecoders } from '../../../ingest/decode/all.ts';
import { CapturedSink } from '../../../ingest/decode/captured-sink.ts';
import { criLines } from '../format/cri.ts';
import type { Carrier, Line } from '../lines.ts';
import { Traffic } from '../traffic.ts';
import { batchesOf } from './courier.ts';
import { elasticsearchShipper } from './elasticsearch.ts';
import { lokiShipper } from './loki.ts';
import { ndjsonShipper } from './ndjson.ts';
import { otlpShipper } from './otlp.ts';
import { syslogFrame } from './syslog.ts';

/** What each agent sends is what the server's decoders read: lines byte for byte, times, origin. */
const FROM = Date.UTC(2026, 5, 15, 14) * 1000;
const lines = new Traffic({ seed: 4, rate: 20 }, FROM).linesUntil(FROM + 60e6);
const decoders = createDecoders({
  discoverServiceName: true,
  discoverLogLevels: true,
  secret: { kind: 'open' },
  forward: { userAuth: false },
});

const of = (carrier: Carrier): Line[] => lines.filter(({ source }) => source.carrier === carrier);

const secondsOf = (timeUs: number, digits: number): string => {
  const fraction = String((timeUs % 1e6) * 1000).padStart(9, '0');
  return `${Math.floor(timeUs / 1e6)}.${fraction.slice(0, digits).padEnd(9, '0')}`;
};

describe.each([
  { shipper: lokiShipper, decoder: 'loki', digits: 9 },
  { shipper: otlpShipper, decoder: 'otlp', digits: 9 },
  { shipper: elasticsearchShipper, decoder: 'elasticsearch', digits: 3 },
  { shipper: ndjsonShipper, decoder: 'ndjson', digits: 9 },
])('$decoder', ({ shipper, decoder: name, digits }) => {
  it('brings every line with its time, its service and its place', () => {
    const own = of(shipper.carrier);
    expect(own.length).toBeGreaterThan(5);
    const { path, headers, body } = shipper.encode(own);
    const decoder = decoders.http.find((one) => one.name === name);
    const sink = new CapturedSink();
    const routed = path.replace('/elastic', '');
    const reply = decoder?.decode({ method: 'POST', path: routed, query: '', headers, body }, sink);
    expect(reply?.status).toBeLessThan(300);
    expect(sink.rejects).toEqual([]);
    const answer = Buffer.from(reply?.body ?? '').toString();
    expect(shipper.read(answer)).toEqual({ rejected: 0, later: [] });
    const got = sink.events.map(({ line, time, columns }) =>
      [line, time, columns?.['service'], columns?.['pod'], columns?.['cluster']].join(' | '),
    );
    const sent = own.flatMap(({ timeUs, source, text }) => {
      const wrapped = name === 'otlp' ? criLines(timeUs, source.stdio, text) : [text];
      const { service, pod, cluster } = source;
      return wrapped.map((line) =>
        [line, secondsOf(timeUs, digits), service, pod, cluster].join(' | '),
      );
    });
    expect(got.toSorted()).toEqual(sent.toSorted());
  });
});

it('syslog frames bring every line with its time, its service and its machine', () => {
  const own = of('syslog');
  expect(own.length).toBeGreaterThan(20);
  const sink = new CapturedSink();
  const session = decoders.streams
    .find(({ name }) => name === 'syslog')
    ?.open({ address: '127.0.0.1', transport: 'tcp' });
  session?.feed(Buffer.concat(own.map(syslogFrame)), sink);
  session?.end(sink);
  const got = sink.events.map(({ line, time, columns }) =>
    [line, time, columns?.['service'], columns?.['node'], columns?.['severity']].join(' | '),
  );
  const severity = { debug: 5, info: 9, warn: 13, error: 17 };
  const sent = own.map(({ timeUs, source, level, text }) =>
    [text, secondsOf(timeUs, 9), source.service, source.node, severity[level]].join(' | '),
  );
  expect(got).toEqual(sent);
});

describe('answers', () => {
  it('of _bulk name what is to be sent again and what is refused', () => {
    const items = [201, 429, 400, 503].map((status) => ({ create: { status } }));
    const answer = JSON.stringify({ errors: true, items });
    expect(elasticsearchShipper.read(answer)).toEqual({ rejected: 1, later: [1, 3] });
  });

  it('of OTLP and NDJSON count what is refused', () => {
    const partial = JSON.stringify({ partialSuccess: { rejectedLogRecords: '3' } });
    expect(otlpShipper.read(partial).rejected).toBe(3);
    expect(ndjsonShipper.read('{"accepted":1,"rejected":2}').rejected).toBe(2);
  });
});

it("batches keep their order and stay within a request's bounds", () => {
  const batches = batchesOf(lines);
  expect(batches.flat()).toEqual(lines);
  const large: Line[] = lines.map((line) => ({ ...line, text: 'x'.repeat(300_000) })).slice(0, 10);
  expect(batchesOf(large).map((batch) => batch.length)).toEqual([4, 4, 2]);
  expect(batchesOf([])).toEqual([]);
});
