import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Expr } from './ast.ts';
import { LogqlError } from './errors.ts';
import { anyExpr } from './expr-arbitrary.ts';
import { parseLogql } from './parser.ts';
import { printLogql } from './printer.ts';

/** The tree without positions; -0 and NaN stay themselves. */
const shape = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => key !== 'pos');
  return Object.fromEntries(entries.map(([key, child]) => [key, shape(child)]));
};

const parsed = (text: string): Expr => {
  const expr = parseLogql(text);
  if (expr instanceof LogqlError) throw new Error(`${expr.caret()}\n${text}`);
  return expr;
};

test('parsing what is printed gives the same tree', () => {
  fc.assert(
    fc.property(anyExpr, (expr) => {
      expect(shape(parsed(printLogql(expr)))).toEqual(shape(expr));
    }),
  );
});

test('the canonical text is its own canonical text', () => {
  fc.assert(
    fc.property(anyExpr, (expr) => {
      const text = printLogql(expr);
      expect(printLogql(parsed(text))).toBe(text);
    }),
  );
});

/** Pieces of queries, so that random texts reach every corner of the grammar. */
const piece = fc.constantFrom(
  ...'{ } ( ) [5m] [ ] | |= != |~ !~ |> !> =~ = == > >= < <= , . + - * / % ^ # // /*'.split(' '),
  ...'a rate sum topk vector by without on ignoring group_left group_right bool offset'.split(' '),
  ...'json logfmt --strict pattern regexp unpack unwrap drop keep record distinct ip'.split(' '),
  ...'line_format label_format label_replace quantile_over_time bytes duration or and'.split(' '),
  ...['"x"', '`y`', '"', '`', "'c'", '5', '-5m', '1.5GiB', '1e9', '0x', ' ', '\n', '\\', 'é', '😀'],
);

test('no text makes the parser throw, and refusals point into the text', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(' ')),
    fc.array(piece, { maxLength: 40 }).map((pieces) => `{a="b"} ${pieces.join('')}`),
  );
  fc.assert(
    fc.property(text, (query) => {
      const expr = parseLogql(query);
      if (!(expr instanceof LogqlError)) {
        expect(shape(parsed(printLogql(expr)))).toEqual(shape(expr));
        return;
      }
      expect(expr.offset).toBeGreaterThanOrEqual(0);
      expect(expr.offset).toBeLessThanOrEqual(query.length);
      expect(expr.message).toMatch(/^parse error /);
      expect(expr.caret()).toContain('^');
    }),
  );
});

test('every node stands where its position says', () => {
  fc.assert(
    fc.property(anyExpr, (expr) => {
      const text = printLogql(expr);
      const check = (value: unknown): void => {
        if (Array.isArray(value)) value.forEach(check);
        if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
        if ('pos' in value && 'name' in value && typeof value.pos === 'number') {
          expect(text.slice(value.pos).startsWith(String(value.name))).toBe(true);
        }
        Object.values(value).forEach(check);
      };
      check(parsed(text));
    }),
  );
});
