import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { performance } from 'node:perf_hooks';

/** One thing to have: fetched or built once, again only when what it is made of changed. */
export interface Step {
  readonly name: string;
  /** Programs that must be on the path; without one the step is skipped. */
  readonly needs: readonly string[];
  /** What the result is made of, as text: versions, sources. */
  readonly madeOf: string;
  /** What must exist afterwards, from the cache's root. */
  readonly gives: readonly string[];
  make(): Promise<void>;
}

export interface Outcome {
  readonly name: string;
  readonly state: 'there' | 'made' | 'skipped' | 'failed';
  readonly seconds: number;
  readonly note: string;
}

/** Makes what is missing; never throws: the tests that need it are skipped by name. */
export const take = async (cache: string, step: Step): Promise<Outcome> => {
  const startedMs = performance.now();
  const outcome = (state: Outcome['state'], note: string): Outcome => ({
    name: step.name,
    state,
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    note,
  });
  const stamp = join(cache, 'stamps', step.name);
  const digest = createHash('sha256').update(step.madeOf).digest('hex');
  const whole = (): boolean => step.gives.every((path) => existsSync(join(cache, path)));
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest && whole()) {
    return outcome('there', step.gives.join(' '));
  }
  const missing = step.needs.filter((program) => !onPath(program));
  if (missing.length > 0) return outcome('skipped', `needs ${missing.join(', ')}`);
  process.stderr.write(`peers: ${step.name} ...\n`);
  try {
    rmSync(stamp, { force: true });
    await step.make();
    if (!whole()) return outcome('failed', `did not give ${step.gives.join(' ')}`);
    mkdirSync(join(cache, 'stamps'), { recursive: true });
    writeFileSync(stamp, digest);
    return outcome('made', step.gives.join(' '));
  } catch (error) {
    return outcome('failed', error instanceof Error ? error.message : String(error));
  }
};

const onPath = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, program)));

export interface Command {
  readonly program: string;
  readonly words: readonly string[];
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The last words of what a failed command said are worth showing; this many characters. */
const TAIL_CHARACTERS = 600;

/** Runs a command at low priority; throws with the end of its output where it fails. */
export const run = async ({ program, words, folder, env }: Command): Promise<void> => {
  mkdirSync(folder, { recursive: true });
  const child = spawn('nice', ['-n', '10', program, ...words], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let tail = '';
  const keep = (bytes: Buffer): void => {
    tail = (tail + bytes.toString('utf8')).slice(-TAIL_CHARACTERS);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code === 0) return;
  const said = tail.trim().replace(/\s+/g, ' ');
  throw new Error(`${program} ${words[0] ?? ''} gave ${code ?? 'no code'}: ${said}`);
};

/** The text of every file under a folder with its name, for `madeOf`. */
export const textOf = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => `${relative(folder, path)}\n${readFileSync(path, 'utf8')}`)
    .join('\n');
