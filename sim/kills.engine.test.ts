import { expect, test } from 'vitest';
import { faultsOf, runRound } from './round.ts';

const MINUTES = 60_000;

test.each([101, 102])(
  '25 kills of server and engine lose and double nothing (seed %i)',
  async (seed) => {
    const result = await runRound(seed, 25);
    expect(faultsOf(result)).toEqual([]);
    for (const { acknowledged } of result.verdicts) expect(acknowledged).toBeGreaterThan(100);
  },
  10 * MINUTES,
);
