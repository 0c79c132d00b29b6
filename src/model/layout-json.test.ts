import { describe, expect, it } from 'vitest';
import { dialectOf, dialectText, escapeJson, parseDialect } from './layout-json.ts';

const VALUES = [
  'plain',
  'a "b" \\ c',
  'tab\tnl\ncr\r',
  'bs\bff\f',
  'nul\0esc\x1b',
  "<a href='x'>&amp;</a>",
  'q=1/2',
  'café 世',
  '😀',
  '\u2028x\u2029',
  'del\x7f',
];

/** What writers gave for `VALUES`, without the quotes, and the dialect that is theirs. */
const WRITERS: readonly (readonly [writer: string, dialect: string, ...raw: string[]])[] = [
  [
    'Go 1.26 encoding/json, Marshal',
    'hl',
    'plain',
    String.raw`a \"b\" \\ c`,
    String.raw`tab\tnl\ncr\r`,
    String.raw`bs\bff\f`,
    String.raw`nul\u0000esc\u001b`,
    String.raw`\u003ca href='x'\u003e\u0026amp;\u003c/a\u003e`,
    'q=1/2',
    'café 世',
    '😀',
    String.raw`\u2028x\u2029`,
    'del\x7f',
  ],
  [
    'Go 1.26 encoding/json, SetEscapeHTML(false)',
    'l',
    'plain',
    String.raw`a \"b\" \\ c`,
    String.raw`tab\tnl\ncr\r`,
    String.raw`bs\bff\f`,
    String.raw`nul\u0000esc\u001b`,
    "<a href='x'>&amp;</a>",
    'q=1/2',
    'café 世',
    '😀',
    String.raw`\u2028x\u2029`,
    'del\x7f',
  ],
  [
    'Python 3.11 json.dumps',
    'ad',
    'plain',
    String.raw`a \"b\" \\ c`,
    String.raw`tab\tnl\ncr\r`,
    String.raw`bs\bff\f`,
    String.raw`nul\u0000esc\u001b`,
    "<a href='x'>&amp;</a>",
    'q=1/2',
    String.raw`caf\u00e9 \u4e16`,
    String.raw`\ud83d\ude00`,
    String.raw`\u2028x\u2029`,
    String.raw`del\u007f`,
  ],
  [
    'Python 3.11 json.dumps, ensure_ascii=False',
    '',
    'plain',
    String.raw`a \"b\" \\ c`,
    String.raw`tab\tnl\ncr\r`,
    String.raw`bs\bff\f`,
    String.raw`nul\u0000esc\u001b`,
    "<a href='x'>&amp;</a>",
    'q=1/2',
    'café 世',
    '😀',
    '\u2028x\u2029',
    'del\x7f',
  ],
];

const find = (raw: string, value: string): number => {
  const bytes = Buffer.from(`"${raw}"`);
  return dialectOf(bytes, 1, bytes.length - 1, Buffer.from(value));
};

describe.each(WRITERS)('%s', (_, letters, ...raws) => {
  it.each(VALUES.map((value, i) => [value, raws[i] as string]))('writes %j as %s', (value, raw) => {
    const bytes = Buffer.from(value);
    expect(Buffer.from(escapeJson(bytes, parseDialect(letters))).toString()).toBe(raw);
    const found = find(raw, value);
    expect(Buffer.from(escapeJson(bytes, found)).toString()).toBe(raw);
  });
});

it.each([
  // PHP's json_encode, Gson, Jackson, Go before 1.22.
  [String.raw`caf\u00e9 \/`, 'café /', 'as'],
  [String.raw`\u003ca\u003d\u0027b\u0027\u003e`, "<a='b'>", 'hqe'],
  [String.raw`esc\u001B`, 'esc\x1b', 'u'],
  [String.raw`bs\u0008ff\u000c\u003c`, 'bs\bff\f<', 'hb'],
  [String.raw`\u0009\u000a`, '\t\n', 't'],
])('finds the dialect of %s', (raw, value, expected) => {
  expect(dialectText(find(raw, value))).toBe(expected);
});

it.each([
  // Mixed habits, needless escapes, surrogates alone.
  [String.raw`\/ /`, '/ /'],
  [String.raw`\u00e9 é`, 'é é'],
  [String.raw`\u001B\u001b`, '\x1b\x1b'],
  [String.raw`\u0041`, 'A'],
  [String.raw`\u0022`, '"'],
  [String.raw`\ud83d`, '\ufffd'],
  [String.raw`\ude00\ud83d`, '\ufffd\ufffd'],
  [String.raw`\u003c <`, '< <'],
  [String.raw`\u2028`, 'x'],
])('finds none of %s', (raw, value) => {
  expect(find(raw, value)).toBe(-1);
});
