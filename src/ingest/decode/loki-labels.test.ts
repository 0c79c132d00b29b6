import { expect, test } from 'vitest';
import { Pairs } from '../../model/record.ts';
import { parseLabels } from './loki-labels.ts';

const parse = (text: string): Record<string, string> | string => {
  const pairs = new Pairs();
  const error = parseLabels(new TextEncoder().encode(text), pairs);
  if (error !== undefined) return error;
  return Object.fromEntries(
    Array.from({ length: pairs.count }, (_, i) => {
      const name = pairs.keys[i]?.text ?? '';
      return [name, pairs.get(name) ?? ''];
    }),
  );
};

test.each([
  ['{}', {}],
  ['', {}],
  [' { } ', {}],
  ['{a="b"}', { a: 'b' }],
  ['{ a = "b" , c="d",\n}', { a: 'b', c: 'd' }],
  ["{a='it\\'s'}", { a: "it's" }],
  ['{a=`\\n"`}', { a: '\\n"' }],
  ['{a="\\a\\b\\f\\n\\r\\t\\v\\\\\\""}', { a: '\x07\b\f\n\r\t\v\\"' }],
  ['{a="\\x41\\102\\u00e9\\U0001f600"}', { a: 'AB\u00e9\u{1f600}' }],
  ['{a="caf\u00e9, {}="}', { a: 'caf\u00e9, {}=' }],
  ['{"odd.name"="b"}', { 'odd.name': 'b' }],
  ['up{a="b"}', { __name__: 'up', a: 'b' }],
  ['{"up", a="b"}', { __name__: 'up', a: 'b' }],
  ['{_a9="",}', { _a9: '' }],
])('reads %s', (text, expected) => {
  expect(parse(text)).toEqual(expected);
});

test.each([
  ['{', '1:2: parse error: unexpected end of input in label set, expected identifier or "}"'],
  ['{a}', '1:3: parse error: unexpected "}" in label set, expected "="'],
  ['{a=}', '1:4: parse error: unexpected "}" in label set, expected string'],
  ['{a=b}', '1:4: parse error: unexpected "b" in label set, expected string'],
  ['{a!="b"}', '1:3: parse error: unexpected "!" in label set, expected "="'],
  ['{a="b"', '1:7: parse error: unexpected end of input in label set, expected "," or "}"'],
  ['{a="b" c="d"}', '1:8: parse error: unexpected "c" in label set, expected "," or "}"'],
  ['{,}', '1:2: parse error: unexpected "," in label set, expected identifier or "}"'],
  ['{9a="b"}', '1:2: parse error: unexpected "9" in label set, expected identifier or "}"'],
  ['{a.b="c"}', '1:3: parse error: unexpected "." in label set, expected "="'],
  ['{a="b}', '1:4: parse error: unterminated quoted string'],
  ['{a="b\nc"}', '1:4: parse error: unterminated quoted string'],
  ['{a="\\q"}', '1:5: parse error: invalid syntax in quoted string'],
  ['{a="\\\'"}', '1:5: parse error: invalid syntax in quoted string'],
  ['{a="\\x4"}', '1:5: parse error: invalid syntax in quoted string'],
  ['{a="\\400"}', '1:5: parse error: invalid syntax in quoted string'],
  ['{a="\\U00110000"}', '1:5: parse error: invalid syntax in quoted string'],
  ['{a="b"} x', '1:9: parse error: unexpected "x"'],
  ['=', '1:1: parse error: unexpected "="'],
])('refuses %s', (text, error) => {
  expect(parse(text)).toBe(error);
});
