import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBulk } from './bulk.ts';
import { CapturedSink } from './captured-sink.ts';
import { createNdjson } from './ndjson.ts';

/**
 * Laws: a document is taken just where `JSON.parse` gives an object, its line is `message` as
 * `JSON.parse` gives it or the document's own bytes, and items answer operations one to one.
 */
const ndjson = createNdjson();

const spaced = fc.constantFrom('', ' ', '  ');
const document = fc.oneof(
  fc.json({ maxDepth: 3 }).map((text) => text.replaceAll(/[\r\n]/g, '')),
  fc
    .dictionary(
      fc.constantFrom('message', 'a', 'b.c', '@timestamp', 'level', 'm\u00e9', '"'),
      fc.jsonValue({ maxDepth: 2 }),
    )
    .map((value) => JSON.stringify(value)),
  fc.string({ unit: 'binary-ascii' }).map((text) => text.replaceAll(/[\r\n]/g, '')),
);
const line = fc.tuple(spaced, document, spaced).map((parts) => parts.join(''));

const objectOf = (text: string): Record<string, unknown> | undefined => {
  try {
    const value = JSON.parse(text) as unknown;
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
};

/** U+FFFD for what UTF-8 cannot hold, as the decoder has it. */
const lineOf = (text: string): string | undefined => {
  const value = objectOf(text);
  if (value === undefined) return undefined;
  const { message } = value;
  return typeof message === 'string' ? message.toWellFormed() : text.toWellFormed();
};

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('documents of a bulk request', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), (documents) => {
      const sink = new CapturedSink();
      const body = documents.map((text) => `{"index":{}}\n${text}\n`).join('');
      const outcome = decodeBulk(bytesOf(body), 'i', undefined, sink);
      const lines = documents.map(lineOf);
      expect(sink.events.map((event) => event.line)).toEqual(
        lines.filter((one) => one !== undefined),
      );
      if (!outcome.ok) throw new Error(outcome.reason);
      const { items } = JSON.parse(outcome.text) as { items: { index: { status: number } }[] };
      expect(items.map(({ index }) => index.status)).toEqual(
        lines.map((one) => (one === undefined ? 400 : 201)),
      );
    }),
  );
});

test('lines of NDJSON', () => {
  fc.assert(
    fc.property(fc.array(line), (documents) => {
      const sink = new CapturedSink();
      const text = documents.join('\n');
      // A body that is one array is no lines: ndjson.test.ts and the fixtures have those.
      fc.pre(!text.trimStart().startsWith('['));
      const body = bytesOf(text);
      const request = { method: 'POST', path: '/v1/ndjson', query: '', headers: {}, body };
      ndjson.decode(request, sink);
      const lines = documents.map(lineOf).filter((one) => one !== undefined);
      expect(sink.events.map((event) => event.line)).toEqual(lines);
    }),
  );
});

test('bytes of any kind', () => {
  const piece = fc.oneof(
    fc.constantFrom('{"index":{}}\n', '{"delete":{"_id":"1"}}\n', '{"update":{}}\n', '\n', '\r\n'),
    fc.constantFrom('{"create":{"_index":"a"}}\n', '{"message":"', '"}\n', '{}', '\\u00', '{"a":['),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const sink = new CapturedSink();
      const outcome = decodeBulk(bytesOf(`${pieces.join('')}\n`), undefined, undefined, sink);
      if (!outcome.ok) {
        expect(sink.events).toEqual([]);
        return;
      }
      const { items, errors } = JSON.parse(outcome.text) as { items: object[]; errors: boolean };
      expect(items).toHaveLength(sink.events.length + sink.rejects.length);
      expect(errors).toBe(sink.rejects.length > 0);
    }),
  );
});
