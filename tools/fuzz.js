// npm run fuzz -- [--runs N] [--seed S] [FILTER]: tries the laws in *.fuzz.ts with many cases.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { runs: { type: 'string', default: '20000' }, seed: { type: 'string' } },
  allowPositionals: true,
});
const env = { ...process.env, MESHTRAIL_FUZZ_RUNS: values.runs };
if (values.seed !== undefined) env.MESHTRAIL_FUZZ_SEED = values.seed;

const words = ['run', '--project', 'fuzz', '--testTimeout', '3600000', ...positionals];
const { status } = spawnSync('vitest', words, { stdio: 'inherit', env });
process.exitCode = status ?? 1;
