import { gzipSync, zstdCompressSync } from 'node:zlib';
import { encode, ExtData } from '@msgpack/msgpack';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import { createForward } from './forward.ts';
import { toMsgpack } from './forward-json.ts';
import { KIND, MsgpackReader, MsgpackScan, SCAN } from './forward-msgpack.ts';
import { JsonText } from './forward-text.ts';
import { cuts, edited, edits, streamed } from './stream-arbitrary.ts';

const KEY = 'a-key-of-the-fuzzer';
const peer = { address: '192.0.2.1', transport: 'tcp', nonce: new Uint8Array(16) } as const;
const open = createForward({ secret: { kind: 'open' }, userAuth: false });
const keyed = createForward({ secret: { kind: 'key', key: KEY }, userAuth: true });
const pack = (value: unknown): Uint8Array => encode(value, { useBigInt64: true });

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('log', 'message', 'tag', 'kubernetes', 'otlp', '"\\\n\u0000'),
);
/** What JSON can say too. */
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.boolean(),
    fc.constant(null),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(text, tie('json'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));
const value = fc.oneof(
  json,
  fc.double(),
  fc.uint8Array({ maxLength: 20 }),
  fc
    .tuple(fc.integer({ min: -128, max: 127 }), fc.uint8Array({ maxLength: 12 }))
    .map(([type, data]) => new ExtData(type, data)),
);
const record = fc.dictionary(text, value, { maxKeys: 6, noNullPrototype: true });
const eventTime = fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff)).map(([sec, nano]) => {
  const data = Buffer.alloc(8);
  data.writeUInt32BE(sec, 0);
  data.writeUInt32BE(nano, 4);
  return new ExtData(0, data);
});
const time = fc.oneof(fc.nat(2_000_000_000), eventTime, fc.constant(null), fc.double());
const entry = fc.oneof(
  fc.tuple(time, record),
  fc.tuple(fc.tuple(time, record), record),
  fc.tuple(value, value),
);
const option = fc.oneof(
  fc.constant({}),
  fc.record({ chunk: fc.string({ maxLength: 30 }), size: fc.nat(9) }),
  fc.record({ fluent_signal: fc.nat(3), chunk: fc.string({ maxLength: 9 }) }),
);
const message = fc.oneof(
  fc.tuple(text, time, record, option).map(pack),
  fc.tuple(text, fc.array(entry, { maxLength: 5 }), option).map(pack),
  fc
    .tuple(text, fc.array(entry, { maxLength: 5 }), fc.constantFrom('text', 'gzip', 'zstd'))
    .map(([tag, entries, compressed]) => {
      const plain = Buffer.concat(entries.map(pack));
      const bytes =
        compressed === 'gzip'
          ? gzipSync(plain)
          : compressed === 'zstd'
            ? zstdCompressSync(plain)
            : plain;
      return pack([tag, bytes, { compressed, chunk: 'c' }]);
    }),
  fc.constant(pack(null)),
);
const stream = fc
  .array(message, { maxLength: 5 })
  .map((parts) => new Uint8Array(Buffer.concat(parts)));

test('streams give the same however they are split, good ones and broken ones', () => {
  fc.assert(
    fc.property(stream, edits, cuts, (good, changes, at) => {
      const bytes = edited(good, changes);
      const whole = streamed(open, peer, bytes, []);
      expect(streamed(open, peer, bytes, at)).toEqual(whole);
      expect(streamed(keyed, { ...peer, identity: 'x' }, bytes, at)).toEqual(
        streamed(keyed, { ...peer, identity: 'x' }, bytes, []),
      );
    }),
  );
});

test('random bytes are survived, and let nobody in', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), cuts, (bytes, at) => {
      const whole = streamed(open, peer, bytes, []);
      expect(streamed(open, peer, bytes, at)).toEqual(whole);
      expect(streamed(keyed, peer, bytes, at).events).toEqual([]);
    }),
  );
});

test('every message of good streams is kept or counted, and every chunk acknowledged', () => {
  const good = fc.tuple(text, fc.array(fc.tuple(fc.nat(2_000_000_000), record), { maxLength: 6 }));
  fc.assert(
    fc.property(fc.array(good, { maxLength: 4 }), (messages) => {
      const bytes = Buffer.concat(
        messages.map(([tag, entries], i) => pack([tag, entries, { chunk: `chunk-${i}` }])),
      );
      const { events, rejects, replies, closed } = streamed(open, peer, bytes, []);
      expect(closed).toBe(false);
      const count = messages.reduce((sum, [, entries]) => sum + entries.length, 0);
      expect(events.length + rejects.length).toBe(count);
      for (let i = 0; i < messages.length; i++) expect(replies).toContain(`chunk-${i}`);
    }),
  );
});

test('values become the JSON that JSON.stringify makes', () => {
  const plain = (given: unknown): string =>
    typeof given === 'bigint'
      ? String(given)
      : Array.isArray(given)
        ? `[${given.map(plain).join()}]`
        : typeof given === 'object' && given !== null
          ? `{${Object.entries(given)
              .map(([key, item]) => `${JSON.stringify(key)}:${plain(item)}`)
              .join()}}`
          : JSON.stringify(given);
  fc.assert(
    fc.property(json, (given) => {
      const written = new JsonText();
      const bytes = pack(given);
      const reader = new MsgpackReader(Buffer.from(bytes), 0);
      reader.next();
      written.begin();
      written.value(reader);
      expect(reader.pos).toBe(bytes.length);
      const said = written.buf.toString('utf8', written.start, written.used);
      // Control characters may be spelled in two ways, and lone surrogates are no UTF-8.
      const same = (a: string): unknown => JSON.parse(a);
      expect(same(said)).toEqual(
        same(
          plain(given)
            .toWellFormed()
            .replace(/\\ud[89a-f]../g, '\ufffd'),
        ),
      );
      const again = toMsgpack(Buffer.from(`[${said}]`)) as Buffer;
      reader.open(again, 0);
      reader.next();
      reader.next();
      written.begin();
      written.value(reader);
      expect(written.buf.toString('utf8', written.start, written.used)).toBe(said);
    }),
  );
});

test('a scan finds the end of a value wherever it is resumed', () => {
  fc.assert(
    fc.property(value, fc.nat(), (given, cut) => {
      const bytes = Buffer.from(pack(given));
      const scan = new MsgpackScan();
      scan.begin(0);
      const first = scan.run(bytes, cut % bytes.length, 1_000_000);
      expect(first).toBe(SCAN.short);
      expect(scan.run(bytes, bytes.length, 1_000_000)).toBe(SCAN.whole);
      expect(scan.at).toBe(bytes.length);
      const reader = new MsgpackReader(bytes, 0);
      const kind = reader.next();
      reader.skip();
      expect(reader.pos).toBe(bytes.length);
      expect(kind).toBeLessThanOrEqual(KIND.extension);
    }),
  );
});

test('bounds hold wherever a stream is split', () => {
  const before = LIMITS.requestBytes;
  overrideLimits({ requestBytes: 60 });
  try {
    fc.assert(
      fc.property(stream, cuts, (parts, at) => {
        const bytes = new Uint8Array(parts);
        expect(streamed(open, peer, bytes, at)).toEqual(streamed(open, peer, bytes, []));
      }),
    );
  } finally {
    overrideLimits({ requestBytes: before });
  }
});
