import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anySpan } from '../../../fixtures/spans/any-span.ts';
import { SpanBatch } from '../../model/span-batch.ts';
import { storedSpan, storedSpanJson } from '../../model/span-row.ts';
import { spanRowsOf } from '../../model/span-rows.ts';
import type { Span } from '../../model/span.ts';
import { CapturedSink } from './captured-sink.ts';
import { createOtlp } from './otlp.ts';

const otlp = createOtlp();
const sender = { bytes: new TextEncoder().encode('otlp10.0.0.1'), receiverEnd: 4 };

/** What a span's JSON, put where a request has its parts, means to our own decoder. */
const decoded = (json: string): Span[] => {
  const sink = new CapturedSink();
  const [, own = ''] = /^(.*),"resource":\{"attributes":/s.exec(json) ?? [];
  const rest = json.slice(own.length);
  const at = rest.lastIndexOf(',"scope":{');
  const [resource, scope] = [rest.slice(1, at), rest.slice(at + 1, -1)];
  const body = `{"resourceSpans":[{${resource},"scopeSpans":[{${scope},"spans":[${own}}]}]}]}`;
  const headers = { 'content-type': 'application/json' };
  const request = { method: 'POST', path: '/v1/traces', query: '', headers };
  const reply = otlp.decode({ ...request, body: new TextEncoder().encode(body) }, sink);
  expect([reply.status, reply.body]).toEqual([200, '{}']);
  return sink.spans;
};

test('a span sent, stored, given back and sent again is the same span', () => {
  const batch = new SpanBatch();
  fc.assert(
    fc.property(anySpan, (span) => {
      batch.begin(1_767_600_000_000_000_000n);
      batch.append(span, sender);
      const [row] = spanRowsOf(batch.take('acme', 'otlp'));
      const json = row === undefined ? '' : storedSpanJson(storedSpan(row));
      expect(() => JSON.parse(json) as unknown).not.toThrow();
      expect(decoded(json)).toEqual([span]);
    }),
  );
});
