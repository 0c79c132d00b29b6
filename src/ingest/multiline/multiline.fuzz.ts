import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventsOf, linesOf } from '../../../fixtures/multiline/events.ts';
import { joinTraces } from './automatic.ts';
import { firstBytes } from './first-bytes.ts';
import { joinByPattern } from './pattern.ts';

const root = new URL('../../../fixtures/multiline/', import.meta.url);
/** Lines of all fixtures, to be mixed. */
const LINES = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.in'))
  .flatMap((name) => readFileSync(new URL(name, root), 'latin1').trimEnd().split('\n'));

const run = fc
  .tuple(fc.nat(LINES.length - 1), fc.integer({ min: 1, max: 8 }))
  .map(([from, count]) => LINES.slice(from, from + count));
const text = fc
  .array(
    fc.oneof(run, fc.array(fc.stringMatching(/^[ \tat:.()EC|"{}-]{0,12}$/), { maxLength: 3 })),
    {
      maxLength: 8,
    },
  )
  .map((runs) =>
    runs
      .flat()
      .map((line) => `${line}\n`)
      .join(''),
  );
const splits = fc.array(fc.nat(80), { maxLength: 6 });

/** Ends of what is known at a time; each at least as far as the one before. */
const upTo = (lines: string, ends: readonly number[]): number[] => {
  const { count } = linesOf(lines);
  return ends.map((end) => Math.min(end, count)).sort((a, b) => a - b);
};

test('no line is lost, doubled or moved', () => {
  fc.assert(
    fc.property(text, splits, (lines, ends) => {
      const events = eventsOf(lines, joinTraces, upTo(lines, ends));
      expect(events.map((event) => `${event}\n`).join('')).toBe(lines);
    }),
  );
});

test('by pattern: where it is split never matters', () => {
  const patterns = fc.constantFrom({ start: '^[\\d2]' }, { continues: '^\\s' }, { end: '[;:)]$' });
  fc.assert(
    fc.property(text, splits, patterns, (lines, ends, pattern) => {
      const join = joinByPattern({ ...pattern, flushMs: 1_000, maxLines: 1_000 });
      expect(eventsOf(lines, join, upTo(lines, ends))).toEqual(eventsOf(lines, join));
    }),
  );
});

test('traces: where it is split never matters', () => {
  fc.assert(
    fc.property(text, splits, (lines, ends) => {
      const split = eventsOf(lines, joinTraces, upTo(lines, ends));
      expect(split).toEqual(eventsOf(lines, joinTraces));
    }),
  );
});

test('the first bytes of an expression are right', () => {
  const expressions = fc.constantFrom(
    '^\\d',
    '^[a-f]x?',
    '^\\S+ ',
    '^[^\\s]',
    '^[ \\t]',
    '^-+',
    '^\\W',
  );
  fc.assert(
    fc.property(expressions, fc.string({ unit: 'binary', minLength: 1 }), (expression, line) => {
      const first = firstBytes(expression);
      const byte = Buffer.from(line)[0] as number;
      if (new RegExp(expression, 'u').test(line)) expect(first?.[byte]).toBe(1);
    }),
  );
});
