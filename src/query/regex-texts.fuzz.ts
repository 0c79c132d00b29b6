import fc from 'fast-check';
import { RE2JS } from 're2js';
import { expect, test } from 'vitest';
import { regexTexts } from './regex-texts.ts';

const part = fc.constantFrom(
  ...['a', 'b', 'abc', 'error', '.', '.*', 'x?', 'ab*', 'c+', 'd{0,2}', '(a|b)', '(?:abc)?', '|'],
  ...['[abc]', '[^]a]', '[[:alpha:]]', '\\.', '\\d', '\\pL', '\\x{61}', '\\x61', '^', '$', '\\b'],
  ...[
    '(?i)',
    '\\Qa.b\\E',
    '([)|]x)',
    '\\(',
    ' ',
    '"',
    'é',
    '{',
    'a{',
    'b{x',
    '}',
    '[\\]]',
    '\\/',
    '\\t',
  ],
);
const regex = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
const text = fc
  .array(fc.constantFrom('a', 'b', 'c', 'abc', 'error', 'x', ' ', '"', 'é', '.', 'A', '{', '\t'), {
    maxLength: 12,
  })
  .map((parts) => parts.join(''));

const compiled = (source: string): RE2JS | undefined => {
  try {
    return RE2JS.compile(source);
  } catch {
    return undefined;
  }
};

test('whatever matches contains one of the texts', () => {
  fc.assert(
    fc.property(regex, fc.array(text, { minLength: 5, maxLength: 20 }), (source, lines) => {
      const found = regexTexts(source);
      const machine = compiled(source);
      fc.pre(machine !== undefined && found !== undefined);
      for (const line of lines) {
        const contains = found.texts.some((one) => line.includes(one));
        const matches = machine.test(line);
        if (found.exact) expect(contains).toBe(matches);
        else if (matches) expect(contains).toBe(true);
      }
    }),
  );
});
