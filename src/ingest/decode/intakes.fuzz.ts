import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  allDecoders,
  casesOf,
  httpOutcome,
  streamOutcome,
  type HttpHead,
  type Outcome,
  type StreamHead,
} from '../../../fixtures/decode/cases.ts';
import { CapturedSink } from './captured-sink.ts';
import { createDatadog } from './datadog.ts';
import { createFirehose } from './firehose.ts';
import { createGelf } from './gelf.ts';
import { GelfChunks } from './gelf-chunks.ts';
import { createHec } from './hec.ts';
import { JournalEntries } from './journald-entries.ts';
import { createK8sAudit } from './k8s-audit.ts';
import { createRaw } from './raw.ts';

/** Datadog, HEC, GELF, journald, raw lines, audit lists, Firehose: what is sent comes back. */
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Text with what breaks parsers, and no lone surrogates, which UTF-8 cannot carry. */
const text = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('"', '\\', '\n', '{', '}', '[', ',', ':', 'a', '\u00e9') }),
    fc.constantFrom('}{', '{"event":"x"}', '\r\n', 'a=b\n\n', '"},{"message":"'),
  )
  .map((value) => value.toWellFormed());
const line = text.filter((value) => value.trim() !== '');
const lines = fc.array(line, { minLength: 1, maxLength: 8 });
const between = fc.constantFrom('', ' ', '\n', '\r\n\t');
const JSON_TYPE = { 'content-type': 'application/json' };

const sent = (path: string, body: Uint8Array | string, query = ''): [HttpHead, Uint8Array] => [
  { from: 'fuzz', method: 'POST', path, query, headers: JSON_TYPE },
  typeof body === 'string' ? utf8(body) : body,
];

const linesOf = ({ events }: Outcome): string[] => events.map((event) => event.line);

describe('what is sent comes back', () => {
  test('by Datadog, as a list, in a row and as objects', () => {
    const datadog = createDatadog();
    fc.assert(
      fc.property(lines, between, fc.boolean(), text, (all, gap, isList, tag) => {
        const items = all.map((message) => JSON.stringify({ message, ddtags: `a:${tag}`, x: tag }));
        const body = isList ? `[${items.join(`,${gap}`)}]` : items.join(gap);
        const outcome = httpOutcome(datadog, ...sent('/api/v2/logs', body));
        expect(outcome.rejects).toEqual([]);
        expect(linesOf(outcome)).toEqual(all);
        expect(outcome.events.every((event) => event.metadata?.['x'] === tag)).toBe(true);
        const inside = all.map((value) => JSON.stringify({ value }));
        const objects = `[${inside.map((one) => `{"message":${one}}`).join()}]`;
        expect(linesOf(httpOutcome(datadog, ...sent('/api/v2/logs', objects)))).toEqual(inside);
      }),
    );
  });

  test('by HEC, with anything between events, and raw', () => {
    const hec = createHec();
    fc.assert(
      fc.property(lines, between, text, (all, gap, value) => {
        const events = all.map((event) => JSON.stringify({ event, fields: { value } }));
        const outcome = httpOutcome(hec, ...sent('/services/collector', events.join(gap)));
        expect(outcome.reply?.status).toBe(200);
        expect(linesOf(outcome)).toEqual(all);
        expect(outcome.events.every((one) => one.metadata?.['value'] === value)).toBe(true);
        const flat = all.flatMap((one) => one.split('\n')).map((one) => one.replace(/\r$/, ''));
        const raw = httpOutcome(hec, ...sent('/services/collector/raw', flat.join('\n')));
        expect(linesOf(raw)).toEqual(flat.filter((one) => one !== ''));
      }),
    );
  });

  test('by GELF, in chunks of any order and over TCP in any pieces', () => {
    fc.assert(
      fc.property(
        lines,
        fc.integer({ min: 2, max: 128 }),
        fc.boolean(),
        fc.infiniteStream(fc.nat()),
        (all, count, isPacked, random) => {
          const messages = all.map((one) =>
            Buffer.from(JSON.stringify({ version: '1.1', host: 'h', short_message: one })),
          );
          const chunks = new GelfChunks();
          const sink = new CapturedSink();
          const datagrams = messages.flatMap((message, id) => {
            const packed = isPacked ? gzipSync(message) : message;
            const size = Math.ceil(packed.length / count);
            return Array.from({ length: count }, (_, i) => {
              const head = Buffer.from([0x1e, 0x0f, 0, 0, 0, 0, 0, 0, 0, id, i, count]);
              return Buffer.concat([head, packed.subarray(i * size, (i + 1) * size)]);
            });
          });
          const next = (): number => random.next().value as number;
          const order = datagrams.map((datagram) => ({ datagram, at: next() }));
          order.sort((a, b) => a.at - b.at);
          const whole = order.flatMap(({ datagram }) => chunks.take(datagram, sink) ?? []);
          expect(whole).toHaveLength(all.length);
          expect(sink.rejects).toEqual([]);
          const head: StreamHead = { from: 'fuzz', transport: 'tcp', address: '192.0.2.1' };
          const stream = Buffer.concat(messages.flatMap((one) => [one, Buffer.from([0])]));
          const pieces: Uint8Array[] = [];
          for (let at = 0; at < stream.length;) {
            const end = at + 1 + (next() % 40);
            pieces.push(new Uint8Array(stream.subarray(at, end)));
            at = end;
          }
          expect(linesOf(streamOutcome(createGelf(), head, pieces))).toEqual(all);
        },
      ),
    );
  });

  test('by journald, in any pieces', () => {
    const value = fc.oneof(
      text.map((one) => Buffer.from(one)),
      fc.uint8Array({ maxLength: 40 }).map((one) => Buffer.from(one)),
    );
    fc.assert(
      fc.property(fc.array(value, { maxLength: 6 }), fc.array(fc.nat(60)), (values, cuts) => {
        const entries = values.map((one, n) => {
          const size = Buffer.alloc(8);
          size.writeBigUInt64LE(BigInt(one.length));
          const isText = !one.includes(0x0a);
          const field = isText
            ? [Buffer.from('MESSAGE='), one, Buffer.from('\n')]
            : [Buffer.from('MESSAGE\n'), size, one, Buffer.from('\n')];
          return Buffer.concat([
            Buffer.from(`__CURSOR=c${n}\nN=${n}\n`),
            ...field,
            Buffer.from('\n'),
          ]);
        });
        const stream = Buffer.concat(entries);
        const sink = new CapturedSink();
        const session = new JournalEntries({ total: 0 });
        let at = 0;
        for (const cut of cuts) {
          session.feed(new Uint8Array(stream.subarray(at, at + cut)), sink);
          at = Math.min(stream.length, at + cut);
        }
        session.feed(new Uint8Array(stream.subarray(at)), sink);
        session.end(sink);
        expect(sink.rejects).toEqual([]);
        const whole = new CapturedSink();
        new JournalEntries({ total: 0 }).feed(stream, whole);
        expect(sink.events).toEqual(whole.events);
        const got = sink.events.map((event) =>
          event.line.startsWith('latin1:')
            ? Buffer.from(event.line.slice(7), 'latin1')
            : Buffer.from(event.line),
        );
        expect(got.map((one) => one.toString('hex'))).toEqual(
          values.map((one) => one.toString('hex')),
        );
      }),
    );
  });

  test('by audit lists, byte for byte', () => {
    const json = fc.json({ maxDepth: 3 }).map((one) => one.replaceAll('\u2028', ''));
    fc.assert(
      fc.property(fc.array(fc.tuple(text, json), { maxLength: 6 }), between, (all, gap) => {
        const events = all.map(
          ([id, value]) => `{"auditID":${JSON.stringify(`${id}x`)},${gap}"o":${value}}`,
        );
        const body = `{"kind":"EventList",${gap}"items":[${events.join(`${gap},`)}]}`;
        const outcome = httpOutcome(createK8sAudit(), ...sent('/k8s/audit', body));
        expect(outcome.rejects).toEqual([]);
        expect(linesOf(outcome)).toEqual(events.map((one) => new TextDecoder().decode(utf8(one))));
      }),
    );
  });

  test('by Firehose', () => {
    fc.assert(
      fc.property(fc.array(lines, { maxLength: 5 }), fc.boolean(), (deliveries, isLogs) => {
        const records = deliveries.map((all) => {
          const events = all.map((message, n) => ({ id: String(n), timestamp: 1, message }));
          const data = isLogs
            ? gzipSync(
                JSON.stringify({
                  messageType: 'DATA_MESSAGE',
                  logGroup: 'g',
                  logStream: 's',
                  logEvents: events,
                }),
              )
            : Buffer.from(all.map((_, n) => `line ${n}`).join('\n'));
          return { data: data.toString('base64') };
        });
        const body = JSON.stringify({ requestId: 'r', timestamp: 1, records });
        const outcome = httpOutcome(createFirehose(), ...sent('/firehose', body));
        expect(outcome.rejects).toEqual([]);
        const wanted = deliveries.flatMap((all) =>
          all.map((one, n) => (isLogs ? one.replace(/\n$/, '') : `line ${n}`)),
        );
        expect(linesOf(outcome)).toEqual(wanted);
        expect(new Set(outcome.events.map(({ token }) => token)).size).toBe(wanted.length);
      }),
    );
  });

  test('by raw lines', () => {
    const head: StreamHead = { from: 'fuzz', transport: 'udp', address: '192.0.2.1' };
    fc.assert(
      fc.property(lines, (all) => {
        const flat = all.flatMap((one) => one.split('\n')).map((one) => one.replace(/\r+$/, ''));
        const outcome = streamOutcome(createRaw(), head, [utf8(flat.join('\r\n'))]);
        expect(linesOf(outcome)).toEqual(flat.filter((one) => one !== ''));
      }),
    );
  });
});

describe('one bad item costs no other', () => {
  const junk = fc.constantFrom(
    '17',
    'null',
    '[1]',
    '{"message"}',
    '{"message":}',
    '{x}',
    '{"a":1,}',
  );
  test('of Datadog and of HEC', () => {
    const datadog = createDatadog();
    const hec = createHec();
    const word = fc.stringMatching(/^[a-z]{1,8}$/);
    fc.assert(
      fc.property(fc.array(fc.oneof(word, junk), { maxLength: 9 }), (items) => {
        const good = items.filter((item) => /^[a-z]+$/.test(item) && item !== 'null');
        const wrap = (name: string) => (item: string) =>
          good.includes(item) ? `{"${name}":"${item}"}` : item;
        const list = `[${items.map(wrap('message')).join(',\n')}]`;
        expect(linesOf(httpOutcome(datadog, ...sent('/api/v2/logs', list)))).toEqual(good);
        const row = items.map(wrap('event')).join('\n');
        expect(linesOf(httpOutcome(hec, ...sent('/services/collector', row)))).toEqual(good);
      }),
    );
  });
});

const MINE = ['datadog', 'firehose', 'gelf', 'gelf-http', 'hec', 'journald', 'k8s-audit', 'raw'];

test('no bytes make these decoders throw', () => {
  const decoders = allDecoders();
  const heads = decoders.http
    .filter(({ name }) => MINE.includes(name))
    .flatMap((decoder) => casesOf<HttpHead>(decoder.name).map((one) => ({ decoder, ...one })));
  const streams = decoders.streams
    .filter(({ name }) => MINE.includes(name))
    .flatMap((decoder) => casesOf<StreamHead>(decoder.name).map((one) => ({ decoder, ...one })));
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(4),
    put: fc.uint8Array({ maxLength: 4 }),
  });
  const edited = (
    input: Uint8Array,
    edits: readonly { at: number; cut: number; put: Uint8Array }[],
  ) => {
    let bytes = Buffer.from(input);
    for (const { at, cut, put } of edits) {
      const from = Math.floor(at * bytes.length);
      bytes = Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)]);
    }
    return new Uint8Array(bytes);
  };
  fc.assert(
    fc.property(fc.nat(), fc.array(edit, { maxLength: 6 }), (pick, edits) => {
      const request = heads[pick % heads.length];
      if (request !== undefined) {
        const { reply } = httpOutcome(request.decoder, request.head, edited(request.input, edits));
        expect(reply?.status).toBeGreaterThanOrEqual(200);
      }
      const stream = streams[pick % streams.length];
      if (stream === undefined) return;
      streamOutcome(stream.decoder, stream.head, [edited(stream.input, edits)]);
    }),
  );
});
