import { EXCEPTIONS, type Exception } from './exceptions.ts';
import { checkFileName } from './file-names.ts';
import { checkImports } from './import-table.ts';
import type { SourceFile, Violation } from './source-files.ts';
import { checkTestsAssert } from './test-asserts.ts';

/** Everything in `files` that breaks the import table, the file names or the law on tests. */
export function checkHouse(
  files: readonly SourceFile[],
  exceptions: readonly Exception[] = EXCEPTIONS,
): Violation[] {
  const found = files.flatMap((file) => [
    ...checkFileName(file),
    ...checkImports(file),
    ...checkTestsAssert(file),
  ]);
  const excepted = (one: Violation): Exception | undefined =>
    exceptions.find(({ file, law }) => file === one.path && law === one.law);
  const used = new Set(found.map(excepted));
  const stale = exceptions.filter((one) => !used.has(one) && isStale(one, files));
  return [
    ...found.filter((one) => excepted(one) === undefined),
    ...stale.map(({ file, law }) => ({
      path: 'tools/exceptions.ts',
      line: 1,
      law: 'exceptions',
      message: `${file} no longer needs its exception from '${law}'`,
    })),
  ];
}

const MAX_LINES = 400;

/** ESLint keeps some of the laws; of these we see only whether the file is there and how long. */
function isStale({ file, law }: Exception, files: readonly SourceFile[]): boolean {
  const text = files.find(({ path }) => path === file)?.text;
  if (text === undefined) return true;
  if (law === 'lines') return text.split('\n').length <= MAX_LINES;
  return law !== 'doors' && law !== 'function-lines';
}
