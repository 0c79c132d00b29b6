import { spawn, type ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock.ts';

const READER = new URL('killed-reader.ts', import.meta.url).pathname;
const PAD = 'x'.repeat(200);

let folder: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync('/tmp/meshtrail-kills-');
  mkdirSync(`${folder}/state`);
});
afterEach(async () => {
  await kill();
  rmSync(folder, { recursive: true });
});

const begin = (how: string): void => {
  const words = [READER, `${folder}/*.log*`, `${folder}/state`, `${folder}/out`, how];
  child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] });
};
const kill = async (): Promise<void> => {
  const killed = child;
  if (killed?.exitCode !== null || killed.signalCode !== null) return;
  const ended = new Promise((resolve) => killed.once('exit', resolve));
  killed.kill('SIGKILL');
  await ended;
};
const seen = (): string[] => {
  if (!existsSync(`${folder}/out`)) return [];
  const lines = readFileSync(`${folder}/out`, 'utf8').split('\n');
  return lines.flatMap((line) => {
    try {
      return (JSON.parse(line) as [string, string, string[]])[2];
    } catch {
      return [];
    }
  });
};

/** Writes 4 files with rotations while the reader is killed again and again; all lines written. */
const play = async (how: string): Promise<string[]> => {
  const lines: string[] = [];
  for (let round = 0; round < 8; round++) {
    begin(how);
    for (let i = 0; i < 12; i++) {
      for (let file = 0; file < 4; file++) {
        const some = Array.from({ length: 500 }, (_, k) => `${file}-${round}-${i}-${k} ${PAD}`);
        lines.push(...some);
        appendFileSync(`${folder}/${file}.log`, some.map((line) => `${line}\n`).join(''));
      }
      await systemClock.sleep(25);
    }
    await systemClock.sleep(round * 40);
    await kill();
    if (round % 2 === 1)
      renameSync(`${folder}/${round % 4}.log`, `${folder}/${round % 4}.log.${round}`);
  }
  begin(how);
  await expect
    .poll(() => new Set(seen()).size, { timeout: 30_000, interval: 200 })
    .toBeGreaterThanOrEqual(lines.length);
  return lines;
};

test('killed while it reads: with what the buffer holds, nothing is lost or doubled', async () => {
  const lines = await play('replays');
  const events = seen();
  expect(events.length).toBe(lines.length);
  expect(new Set(events)).toEqual(new Set(lines));
});

test('killed while it reads, by checkpoints alone: nothing is lost', async () => {
  const lines = await play('forgets');
  const events = new Set(seen());
  expect(lines.filter((line) => !events.has(line))).toEqual([]);
  // What comes again is what was acknowledged in the second before each kill, at most.
  expect(seen().length).toBeLessThan(lines.length * 4);
});
