import { defineConfig } from 'vitest/config';

/** An engine takes 700 MB and a core of its own: one at a time. */
const ENGINE_TESTS = '**/*.engine.test.ts';
const FUZZ_TESTS = '**/*.fuzz.ts';
const roots = '{src,sim,bench,tools,bin}';

export default defineConfig({
  test: {
    reporters: ['./tools/test-reporter.ts'],
    // A forgotten `test.only` must not turn all others off.
    allowOnly: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          include: [`${roots}/**/*.test.ts`],
          exclude: [ENGINE_TESTS],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'fuzz',
          include: [`${roots}/${FUZZ_TESTS}`],
          setupFiles: ['./tools/fuzz-runs.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'engine',
          include: [`${roots}/${ENGINE_TESTS}`],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
