import { configureGlobal } from 'fast-check';

// `npm run fuzz` sets both: how many cases each law is tried with, and the seed to repeat a run.
const runs = Number(process.env['MESHTRAIL_FUZZ_RUNS'] ?? 200);
const seed = process.env['MESHTRAIL_FUZZ_SEED'];

configureGlobal({ numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) });
