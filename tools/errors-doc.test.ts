import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { isTest, readSourceFiles } from './source-files.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const document = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
const documented = new Set(
  [...document.matchAll(/`([a-z]+(?:_[a-z]+)*)`/g)].map(([, code]) => code),
);

test('docs/errors.md lists every code that the product gives', () => {
  const given = new Set<string>();
  const forms = [
    /new MeshtrailError\(\s*'([a-z_]+)'/g,
    /errorAnswer\(\s*\d+,\s*'([a-z_]+)'/g,
    /sink\.reject\(\s*'([a-z_]+)'/g,
  ];
  for (const { path, text } of readSourceFiles(root)) {
    if (!path.startsWith('src/') || isTest(path)) continue;
    for (const form of forms) {
      for (const [, code] of text.matchAll(form)) given.add(code as string);
    }
  }
  expect(given.size).toBeGreaterThan(40);
  expect([...given].filter((code) => !documented.has(code))).toEqual([]);
});
