import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { isTest, readSourceFiles } from './source-files.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const document = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
/** The codes of the tables' first columns. */
const documented = new Set(
  document
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([a-z_]+)`/g)].map(([, c]) => c)),
);

const sources = readSourceFiles(root).filter(
  ({ path }) => path.startsWith('src/') && !isTest(path) && !path.endsWith('testing.ts'),
);

/** The places where a code is said. The arguments before it hold no brackets or quotes. */
const FORMS = [
  /new MeshtrailError\(\s*'([a-z_]+)'/g,
  /super\(\s*'([a-z_]+)'/g,
  /errorAnswer\(\s*\d+,\s*'([a-z_]+)'/g,
  /\b(?:reject|refuse|refusal)\(\s*'([a-z]+(?:_[a-z]+)+)'/g,
  /\bthis\.fail\(\s*[^'()]*(?:'[a-z]+',\s*)?\d+,\s*'([a-z_]+)'/g,
  /\berror\(\s*\d+,\s*'([a-z_]+)'/g,
  /: Fault = \[\s*'([a-z_]+)'/g,
];

const given = new Set<string>();
for (const { text } of sources) {
  for (const form of FORMS) for (const [, code] of text.matchAll(form)) given.add(code as string);
}

test('docs/errors.md lists every code that the product gives', () => {
  expect(given.size).toBeGreaterThan(60);
  expect([...given].filter((code) => !documented.has(code))).toEqual([]);
});

test('every code in docs/errors.md stands in the product', () => {
  const text = sources.map((source) => source.text).join('\n');
  // `${signal}_not_stored`: the one code that is put together.
  const isThere = (code: string): boolean =>
    text.includes(`'${code}'`) || text.includes('`${signal}' + code.replace(/^[a-z]+/, '') + '`');
  expect([...documented].filter((code) => code !== undefined && !isThere(code))).toEqual([]);
});

test('every code says what to do', () => {
  const rows = document.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows.length).toBeGreaterThan(60);
  for (const row of rows) {
    const cells = row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    expect(
      cells.slice(1, -1).every((cell) => cell !== ''),
      row,
    ).toBe(true);
  }
});
