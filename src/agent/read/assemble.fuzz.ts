import fc from 'fast-check';
import { expect, test } from 'vitest';
import { joinTraces } from '../../ingest/multiline/automatic.ts';
import { joinNothing } from '../../ingest/multiline/join.ts';
import { assembleContainer } from './assemble-container.ts';
import { assembleEncoded, type Encoding } from './assemble-encoded.ts';
import { assembleLines } from './assemble.ts';
import { Events } from './events.ts';
import { readAll } from './testing.ts';

const FULL = 1_200_000;
const TEXTS = [
  'INFO ok',
  '',
  'java.lang.Error: x',
  '\tat a.B.c(B.java:1)',
  'Caused by: a.B: y',
  'Traceback (most recent call last):',
  '  File "a.py", line 1, in f',
  'ValueError: x',
  'grün € 😀',
  'ERROR x',
  '    at f (a.js:1:2)',
];
const line = fc.constantFrom(...TEXTS);
const chunk = fc.integer({ min: 1, max: 400 });
const texts = (seen: readonly { readonly text: string }[]): string[] =>
  seen.map(({ text }) => text);

test('lines of any encoding: the size of what is read at once never matters', () => {
  const encodings = fc.constantFrom<Encoding>('utf-8', 'utf-16le', 'utf-16be');
  fc.assert(
    fc.property(fc.array(line), encodings, chunk, fc.boolean(), (lines, encoding, size, joins) => {
      const text = lines.map((one) => `${one}\n`).join('');
      const raw = encoding === 'utf-8' ? Buffer.from(text) : Buffer.from(text, 'utf16le');
      if (encoding === 'utf-16be') raw.swap16();
      const join = joins ? joinTraces : joinNothing;
      const of = (at: number): string[] =>
        texts(readAll(assembleEncoded(assembleLines(join), encoding), raw, at, FULL));
      const whole = of(FULL);
      expect(of(size)).toEqual(whole);
      expect(whole.join('\n')).toBe(
        joins ? whole.join('\n') : lines.filter((one) => one !== '').join('\n'),
      );
    }),
  );
});

const cri = (stdio: string, tag: string, text: string): string =>
  `2026-11-21T10:00:00.1Z ${stdio} ${tag} ${text}\n`;
const docker = (stream: string, end: string, log: string): string =>
  `${JSON.stringify({ log: log + end, stream, time: '2026-11-21T10:00:00Z' })}\n`;
const stdio = fc.constantFrom('stdout', 'stderr');
const wrapped = fc.oneof(
  fc.tuple(stdio, fc.constantFrom('F', 'F', 'P'), line).map((one) => cri(...one)),
  fc.tuple(stdio, fc.constantFrom('\n', '\n', ''), line).map((one) => docker(...one)),
);

test('containers: the size of what is read at once never matters', () => {
  fc.assert(
    fc.property(fc.array(wrapped), chunk, fc.boolean(), (lines, size, joins) => {
      const raw = Buffer.from(lines.join(''));
      const join = joins ? joinTraces : joinNothing;
      const of = (at: number): unknown => readAll(assembleContainer(join, 'auto'), raw, at, FULL);
      expect(of(size)).toEqual(of(FULL));
    }),
  );
});

test('containers: of each stream all texts come, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(stdio, line)), chunk, (lines, size) => {
      const raw = Buffer.from(lines.map(([stream, text]) => cri(stream, 'F', text)).join(''));
      const seen = readAll(assembleContainer(joinNothing, 'auto'), raw, size, FULL);
      for (const [number, stream] of [
        [1, 'stdout'],
        [2, 'stderr'],
      ] as const) {
        const own = seen.filter((one) => one.stdio === number);
        expect(texts(own)).toEqual(
          lines.filter(([one, text]) => one === stream && text !== '').map(([, text]) => text),
        );
      }
    }),
  );
});

test('hostile bytes: nothing is thrown, nothing beyond what was read is given', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.oneof(wrapped, fc.string())).map((all) => Buffer.from(all.join(''))),
  );
  const behinds = fc.constantFrom('more' as const, 'waiting' as const, 'flush' as const);
  const known = fc.record({ behind: behinds, takePartial: fc.boolean(), isFull: fc.boolean() });
  const skipping = fc.nat(7);
  const encodings = fc.constantFrom<Encoding>('utf-8', 'utf-16le', 'utf-16be', 'latin1');
  fc.assert(
    fc.property(bytes, known, skipping, encodings, (some, how, bits, encoding) => {
      const raw = Buffer.from(some);
      for (const assembler of [
        assembleEncoded(assembleLines(joinTraces), encoding),
        assembleContainer(joinTraces, 'auto'),
      ]) {
        const events = new Events();
        const state = { skipping: bits };
        const used = assembler.assemble(raw, raw.length, how, state, events);
        expect(used).toBeGreaterThanOrEqual(0);
        expect(used).toBeLessThanOrEqual(raw.length);
        expect(state.skipping).toBeLessThan(8);
        for (let i = 0; i < events.count; i++) {
          expect(events.ends[i]).toBeGreaterThan(events.starts[i] as number);
          expect(events.ends[i]).toBeLessThanOrEqual(events.bytes.length);
        }
      }
    }),
  );
});
