import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock.ts';
import { doorsOf, fileOptions, runInput, type Running } from './testing-input.ts';

/** Debian's own, or the one that the environment names. */
const LOGROTATE = process.env['MESHTRAIL_LOGROTATE'] ?? '/usr/sbin/logrotate';
const PAD = 'x'.repeat(150);

let folder: string;
let running: Running | undefined;
beforeEach(() => {
  folder = mkdtempSync('/tmp/meshtrail-logrotate-');
  mkdirSync(`${folder}/state`);
  mkdirSync(`${folder}/logs`);
});
afterEach(async () => {
  await running?.stop();
  rmSync(folder, { recursive: true });
});

const rotate = (): void => {
  const words = ['--force', '--state', `${folder}/rotated`, `${folder}/conf`];
  execFileSync(LOGROTATE, words, { stdio: 'pipe' });
};

test.skipIf(!existsSync(LOGROTATE)).each([
  ['renaming', 'create', '*.log*'],
  ['renaming beyond the pattern', 'create', '*.log'],
  ['copying and truncating', 'copytruncate', '*.log*'],
  ['copying and truncating beyond the pattern', 'copytruncate', '*.log'],
  ['packing', 'create\n  compress', '*.log*'],
  ['packing a rotation later', 'create\n  compress\n  delaycompress', '*.log*'],
])('%s: needs logrotate', async (_name, directives, pattern) => {
  const conf = `${folder}/logs/a.log {\n  rotate 20\n  size 1\n  ${directives}\n}\n`;
  writeFileSync(`${folder}/conf`, conf);
  chmodSync(`${folder}/conf`, 0o644);
  const options = fileOptions(`${folder}/logs/${pattern}`);
  running = await runInput(options, doorsOf(`${folder}/state`));
  const lines: string[] = [];
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 20; i++) {
      const some = Array.from({ length: 30 }, (_, k) => `${round} ${i} ${k} ${PAD}`);
      lines.push(...some);
      appendFileSync(`${folder}/logs/a.log`, some.map((line) => `${line}\n`).join(''));
      // A file whose name is gone within a second of its making may never be seen.
      await systemClock.sleep(70);
    }
    // As it is in life, what was written last may not have been read yet.
    rotate();
  }
  const all = running;
  const endMs = systemClock.monotonicMs() + 5_000;
  while (all.events.length < lines.length && systemClock.monotonicMs() < endMs) {
    await systemClock.sleep(50);
  }
  await systemClock.sleep(1_500);
  const seen = new Set(all.texts());
  const lost = lines.filter((line) => !seen.has(line)).map((line) => line.slice(0, 8));
  expect({ lost, doubled: all.events.length - seen.size }).toEqual({ lost: [], doubled: 0 });
  expect(all.input.status().drops).toEqual({});
});
