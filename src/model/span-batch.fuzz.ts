import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anySpan } from '../../fixtures/spans/any-span.ts';
import { SpanBatch } from './span-batch.ts';
import { eventsJson, linksJson } from './span-json.ts';
import { spanRowsOf } from './span-rows.ts';
import { storedSpan } from './span-row.ts';
import type { Span } from './span.ts';

const OBSERVED = 1_767_600_000_000_000_000n;
const sender = { bytes: new TextEncoder().encode('otlp10.0.0.1'), receiverEnd: 4 };

const storedOf = (span: Span): object => ({
  ...span,
  events: eventsJson(span.events),
  links: linksJson(span.links),
  service: expect.any(String) as string,
});

test('what goes into columns comes back', () => {
  const batch = new SpanBatch();
  fc.assert(
    fc.property(fc.array(anySpan, { minLength: 1, maxLength: 6 }), fc.boolean(), (some, share) => {
      // Spans of one resource and scope have the same arrays.
      const { resource, scope } = some[0] as Span;
      const spans = share ? some.map((span) => ({ ...span, resource, scope })) : some;
      batch.begin(OBSERVED);
      for (const span of spans) batch.append(span, sender);
      const taken = batch.take('acme', 'otlp');
      batch.release();
      const stored = spanRowsOf(taken).map((row) => storedSpan(row));
      expect(stored).toEqual(spans.map((span) => storedOf(span)));
    }),
  );
});
