import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringEnd, unescapeInto } from './json-text.ts';
import { dialectOf, dialectText, escapeJson, escapesJson, parseDialect } from './layout-json.ts';

const dialect = fc.nat(1_023);

/** What writers treat apart, whole code points of every length, and bytes that are no UTF-8. */
const piece = fc.oneof(
  fc.constantFrom(
    ...Array.from('"\\/<>&\'=\b\f\n\r\t\0\x1b\x1f\x7f \u2028\u2029\u2027\ufffdé世😀'),
  ),
  fc.string({ unit: 'binary', maxLength: 3 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 6 }),
);
const invalid = fc.constantFrom(
  ...['80', 'ff', 'c0af', 'e280', 'f09f98', 'eda080', 'edb080', 'f4908080', 'c3', 'e2'],
);
const value = fc
  .array(
    fc.oneof(
      { arbitrary: piece.map((text) => Buffer.from(text.toWellFormed())), weight: 5 },
      { arbitrary: invalid.map((hex) => Buffer.from(hex, 'hex')), weight: 1 },
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat(parts));

const unescaped = (raw: Uint8Array): Uint8Array => {
  const out = new Uint8Array(raw.length);
  return out.subarray(0, unescapeInto(out, 0, raw, 0, raw.length));
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('what is escaped in a dialect is escaped again to the same bytes', () => {
  fc.assert(
    fc.property(value, dialect, (value, dialect) => {
      const raw = escapeJson(value, dialect);
      const found = dialectOf(raw, 0, raw.length, value);
      expect(found).toBeGreaterThanOrEqual(0);
      expect(hex(escapeJson(value, found))).toBe(hex(raw));
      expect(escapesJson(value, dialect) || hex(raw) === hex(value)).toBe(true);
    }),
  );
});

test('what is escaped is a JSON string of the value', () => {
  fc.assert(
    fc.property(value, dialect, (value, dialect) => {
      const raw = escapeJson(value, dialect);
      expect(stringEnd(Buffer.concat([raw, Buffer.from('"')]), 0, raw.length + 1)).toBe(raw.length);
      expect(hex(unescaped(raw))).toBe(hex(value));
    }),
  );
});

test("the minimal dialect is JavaScript's", () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const raw = Buffer.from(JSON.stringify(text)).subarray(1, -1);
      expect(hex(escapeJson(Buffer.from(text), 0))).toBe(hex(raw));
      expect(dialectOf(raw, 0, raw.length, Buffer.from(text))).toBe(0);
    }),
  );
});

/** Contents of strings as anybody may write them: mixed habits, lone surrogates. */
const content = fc
  .array(
    fc.oneof(
      fc.constantFrom(...['\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t', '/', "'", '<']),
      fc.constantFrom(...['\\u003c', '\\u003C', '\\u0022', '\\u2028', '\\u00e9', '\\u00E9']),
      fc.constantFrom(...['\\ud83d', '\\ude00', '\\ud83d\\ude00', '\\uD83D\\uDE00', '\\u0009']),
      fc.constantFrom(...['\\u0041', '\\u007f', '\\u0000', 'é', '😀', '\u2028', '\x7f', '\\u0008']),
      fc.nat(0xffff).map((code) => `\\u${code.toString(16).padStart(4, '0')}`),
      fc.string({ unit: 'grapheme-ascii', maxLength: 4 }).map((text) => text.replace(/["\\]/g, '')),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.from(parts.join('')));

test('no other content has a dialect than that which it is written in', () => {
  fc.assert(
    fc.property(content, fc.nat(3), (content, before) => {
      const raw = Buffer.concat([Buffer.alloc(before, 0x5c), content, Buffer.from('"u')]);
      const value = unescaped(content);
      const found = dialectOf(raw, before, before + content.length, value);
      if (found >= 0) expect(hex(escapeJson(value, found))).toBe(hex(content));
    }),
  );
});

test('nothing makes the search for a dialect throw', () => {
  const bytes = fc.array(fc.constantFrom(...Array.from('\\u0aF"/é')), { maxLength: 10 });
  fc.assert(
    fc.property(bytes, value, (parts, value) => {
      const raw = Buffer.from(parts.join(''));
      expect(dialectOf(raw, 0, raw.length, value)).toBeGreaterThanOrEqual(-1);
    }),
  );
});

test('the letters of a dialect are read back', () => {
  fc.assert(
    fc.property(dialect, (dialect) => {
      expect(parseDialect(dialectText(dialect))).toBe(dialect);
    }),
  );
});
