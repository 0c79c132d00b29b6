import { parseArgs } from 'node:util';
import { faultsOf, runRound, type RoundResult } from './round.ts';

/**
 * `npm run sim -- --kills N --seed S`: kill -9 of server and engine under load from real clients,
 * in rounds of `--per-round` kills. Round k runs with seed S + k, so that a run that was cut off
 * goes on with `--from-round k`, and a failed round is run again alone.
 */
const HELP = `npm run sim -- [--kills N] [--seed S] [--per-round K] [--from-round R]

Kills server and engine with kill -9 while real clients send, then checks that everything that was
acknowledged is there exactly once, in order.

  --kills N        kills in all (default 50)
  --seed S         seed of the first round (default 1)
  --per-round K    kills of one data directory (default 25)
  --from-round R   go on with round R (default 0)

Examples:
  npm run sim -- --kills 50 --seed 7
  npm run sim -- --kills 1000 --seed 1 --from-round 12
`;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    'per-round': { type: 'string', default: '25' },
    'from-round': { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

const print = (result: RoundResult, round: number, rounds: number): void => {
  const sum = (pick: (verdict: RoundResult['verdicts'][number]) => number): number =>
    result.verdicts.reduce((total, verdict) => total + pick(verdict), 0);
  const kills = Object.entries(result.kills)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
  process.stdout.write(
    `round ${round + 1}/${rounds} seed ${result.seed}: ${sum((v) => v.acknowledged)} acknowledged, ` +
      `${sum((v) => v.missing.length)} missing, ${sum((v) => v.doubled.length)} doubled, ` +
      `${sum((v) => v.resentDoubled)} doubled by a resend (allowed); kills: ${kills}\n`,
  );
};

const main = async (): Promise<number> => {
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const kills = Number(values.kills);
  const perRound = Number(values['per-round']);
  const rounds = Math.ceil(kills / perRound);
  let faults = 0;
  for (let round = Number(values['from-round']); round < rounds; round++) {
    const count = Math.min(perRound, kills - round * perRound);
    const result = await runRound(Number(values.seed) + round, count);
    print(result, round, rounds);
    for (const fault of faultsOf(result)) {
      process.stdout.write(`  FAULT ${fault}\n`);
      faults++;
    }
  }
  process.stdout.write(faults === 0 ? 'every promise was kept\n' : `${faults} faults\n`);
  return faults === 0 ? 0 : 1;
};

process.exitCode = await main();
