import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkHouse } from './house-laws.ts';
import { readSourceFiles } from './source-files.ts';

const messagesOf = (path: string, text: string): string[] =>
  checkHouse([{ path, text }], []).map(({ message }) => message);

test('this repository keeps the laws of the house', () => {
  const files = readSourceFiles(fileURLToPath(new URL('..', import.meta.url)));
  expect(files.length).toBeGreaterThan(20);
  expect(checkHouse(files)).toEqual([]);
});

test.each([
  ['src/model/batch.ts', "import { Bytes } from './bytes.ts';"],
  ['src/model/batch.ts', "import { Buffer } from 'node:buffer';"],
  ['src/platform/disk.ts', "import * as fs from 'node:fs';"],
  ['src/ingest/decode/loki/push.ts', "import { Bytes } from '../../../model/bytes.ts';"],
  ['src/ingest/decode/otlp.ts', "import protobuf from 'protobufjs';"],
  ['src/ingest/decode/otlp.ts', "import type { Clock } from '../../platform/clock.ts';"],
  ['src/ingest/receive/http.ts', "import { systemClock } from '../../platform/clock.ts';"],
  ['src/storage/seal/leaf.ts', "import { createHash } from 'node:crypto';"],
  ['src/app/pipeline.ts', "import { a } from '../storage/journal/journal.ts';"],
  ['src/ui/main.tsx', "import type { Source } from '../api/contract.ts';"],
  ['src/ui/main.tsx', "import { type Source } from '../api/contract.ts';"],
  ['src/query/sql.engine.test.ts', `import '../storage/engine/a.ts'; test('', () => expect(1))`],
  ['src/query/plan.test.ts', "import { x } from '../../fixtures/a.ts'; test('', () => expect(1));"],
  ['sim/sim.ts', "import '../src/app/main.ts';"],
])('%s may hold: %s', (path, text) => {
  expect(messagesOf(path, text)).toEqual([]);
});

test.each([
  ['src/model/batch.ts', "import { z } from 'zod';", 'zod'],
  ['src/model/batch.ts', "import { createHash } from 'node:crypto';", 'node:crypto'],
  ['src/model/batch.ts', "export { a } from '../platform/clock.ts';", 'src/platform/clock.ts'],
  ['src/platform/disk.ts', "import * as fs from 'fs';", 'fs'],
  ['src/ingest/decode/a.ts', "import { b } from '../normalize/b.ts';", 'src/ingest/normalize/b.ts'],
  [
    'src/ingest/decode/a.ts',
    "import type { B } from '../receive/b.ts';",
    'src/ingest/receive/b.ts',
  ],
  [
    'src/ingest/decode/a.ts',
    "import { c } from '../../platform/clock.ts';",
    'src/platform/clock.ts',
  ],
  ['src/ingest/decode/a.ts', "import { connect } from 'node:net';", 'node:net'],
  ['src/ingest/normalize/a.ts', "import { z } from 'zod';", 'zod'],
  [
    'src/storage/journal/a.ts',
    "const a = await import('../engine/b.ts');",
    'src/storage/engine/b.ts',
  ],
  ['src/storage/journal/a.ts', "let a: import('../engine/b.ts').B;", 'src/storage/engine/b.ts'],
  ['src/query/plan.ts', "import { x } from '../app/main.ts';", 'src/app/main.ts'],
  ['src/api/loki.ts', "import { x } from '../../fixtures/a.ts';", 'fixtures/a.ts'],
  ['src/ui/main.tsx', "import { a } from '../api/contract.ts';", 'src/api/contract.ts'],
  ['src/ui/main.tsx', "import type { A } from '../api/loki.ts';", 'src/api/loki.ts'],
  ['src/api/a.ts', 'const a = await import(name);', 'a computed name'],
])('%s may not hold: %s', (path, text, target) => {
  const found = checkHouse([{ path, text }], []);
  expect(found.map(({ law }) => law)).toEqual([`imports ${target}`]);
});

test.each([['src/stray.ts'], ['src/ingest/stray.ts'], ['src/stuff/a.ts']])(
  '%s stands in no folder of the house',
  (path) => {
    expect(messagesOf(path, '')).toEqual([expect.stringContaining('import table')]);
  },
);

test.each([
  ['src/api/lokiPush.ts', 'kebab'],
  ['src/api/utils.ts', 'what is inside'],
  ['src/api/string-helpers.ts', 'what is inside'],
  ['src/api/common/push.ts', 'what is inside'],
  ['src/api/index.ts', 'what is inside'],
  ['src/storage/engine/schema/0001_logs.sql', 'kebab'],
])('%s is no name', (path, why) => {
  expect(messagesOf(path, '')).toEqual([expect.stringContaining(why)]);
});

test.each([
  ['src/storage/engine/schema/0001-logs.sql'],
  ['deploy/Dockerfile'],
  ['deploy/meshtrail.service'],
  ['src/api/loki/label-values.ts'],
])('%s is a name', (path) => {
  expect(messagesOf(path, '')).toEqual([]);
});

const nothing = 'this test asserts nothing';
test.each([
  ["test('a', () => { run(); });", [nothing]],
  ["test.each([1])('a', (n) => { run(n); });", [nothing]],
  ["describe('x', () => { it('a', async () => { await run(); }); });", [nothing]],
  ["const twice = () => twice(); test('a', () => { twice(); });", [nothing]],
  ["import { run } from './run.ts'; run();", ['holds no test']],
  ["test('a', () => { expect(run()).toBe(1); });", []],
  ["test.skip('a', () => {}); test('b', () => expect(1).toBe(1));", []],
  ["const same = (a) => expect(a); test('a', () => { same(run()); });", []],
  ["const same = (a) => expect(a); test.each([1])('a', same);", []],
  ["test('law', () => { fc.assert(fc.property(fc.nat(), law)); });", []],
  ["test('a', { timeout: 5 }, async () => { await expectLines(3); });", []],
])('a test file with %s', (text, expected) => {
  expect(messagesOf('src/query/plan.test.ts', text)).toEqual(expected);
});

test('an exception lets one import pass, and is reported when nothing needs it', () => {
  const file = { path: 'src/query/plan.ts', text: "import { a } from '../api/a.ts';" };
  const law = 'imports src/api/a.ts';
  const exception = { file: 'src/query/plan.ts', law, reason: 'for this test' } as const;
  expect(checkHouse([file], [exception])).toEqual([]);
  expect(checkHouse([{ ...file, text: '' }], [exception])).toMatchObject([{ law: 'exceptions' }]);
});
