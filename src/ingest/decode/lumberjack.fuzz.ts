import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import { compressed, json, pairs, windowOf } from '../../../fixtures/decode/lumberjack-frames.ts';
import { createLumberjack } from './lumberjack.ts';
import { cuts, edited, edits, streamed } from './stream-arbitrary.ts';

const decoder = createLumberjack();
const peer = { address: '192.0.2.1', transport: 'tcp' } as const;

const text = fc.string({ unit: 'binary', maxLength: 30 });
const document = fc.oneof(
  fc.dictionary(text, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4, noNullPrototype: true }),
  fc.record({ message: text, '@timestamp': text, log: fc.record({ offset: fc.nat() }) }),
  fc.constantFrom('', '[]', '{"message":', '1'),
);
const data = fc.dictionary(fc.oneof(text, fc.constantFrom('line', 'host')), text, {
  maxKeys: 4,
  noNullPrototype: true,
});

/** A window and its events, compressed in part. */
const window = fc
  .record({
    version: fc.constantFrom('1', '2'),
    documents: fc.array(document, { minLength: 1, maxLength: 6 }),
    data: fc.array(data, { minLength: 1, maxLength: 6 }),
    split: fc.nat(6),
    nesting: fc.nat(3),
  })
  .map(({ version, documents, data: list, split, nesting }) => {
    const events =
      version === '2'
        ? documents.map((one, i) => json(i + 1, one))
        : list.map((one, i) => pairs(i + 1, one));
    let packed: Buffer = Buffer.concat(events.slice(split));
    if (packed.length > 0) for (let i = 0; i < nesting; i++) packed = compressed(version, packed);
    return {
      events: events.length,
      bytes: Buffer.concat([windowOf(events.length, version), ...events.slice(0, split), packed]),
    };
  });

test('windows are kept or counted event by event, and acknowledged one by one', () => {
  fc.assert(
    fc.property(fc.array(window, { maxLength: 4 }), cuts, (windows, at) => {
      const bytes = new Uint8Array(Buffer.concat(windows.map((one) => one.bytes)));
      const outcome = streamed(decoder, peer, bytes, at);
      expect(outcome.closed).toBe(false);
      const count = windows.reduce((sum, { events }) => sum + events, 0);
      expect(outcome.events.length + outcome.rejects.length).toBe(count);
      expect(outcome.replies.length).toBe(windows.length * 6);
    }),
  );
});

test('streams give the same however they are split, good ones and broken ones', () => {
  fc.assert(
    fc.property(fc.array(window, { maxLength: 3 }), edits, cuts, (windows, changes, at) => {
      const bytes = edited(Buffer.concat(windows.map((one) => one.bytes)), changes);
      const whole = streamed(decoder, peer, bytes, []);
      expect(streamed(decoder, peer, bytes, at)).toEqual(whole);
    }),
  );
});

test('random bytes are survived', () => {
  const start = fc.constantFrom(
    '',
    '2W',
    '2J',
    '1D',
    '2C',
    '2W\0\0\0\u0001',
    '2W\0\0\0\u00022J\0\0',
  );
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 100 }), cuts, (head, tail, at) => {
      const bytes = new Uint8Array(Buffer.concat([Buffer.from(head, 'latin1'), tail]));
      const whole = streamed(decoder, peer, bytes, []);
      expect(streamed(decoder, peer, bytes, at)).toEqual(whole);
    }),
  );
});

test('bounds hold wherever a stream is split', () => {
  const before = LIMITS.requestBytes;
  overrideLimits({ requestBytes: 60 });
  try {
    fc.assert(
      fc.property(
        fc.array(window, { maxLength: 3 }).map((all) => Buffer.concat(all.map((one) => one.bytes))),
        cuts,
        (parts, at) => {
          const bytes = new Uint8Array(parts);
          expect(streamed(decoder, peer, bytes, at)).toEqual(streamed(decoder, peer, bytes, []));
        },
      ),
    );
  } finally {
    overrideLimits({ requestBytes: before });
  }
});
