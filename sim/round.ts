import { mkdtempSync, rmSync, watch, type FSWatcher } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chanceOf, type Chance } from './chance.ts';
import { createSenders, type Sender } from './senders.ts';
import { ServerProcess } from './server-process.ts';
import { verify, type Verdict } from './verify.ts';

/** Where a kill lands. */
export type Aim =
  /** At a random moment. */
  | 'any'
  /** While the engine writes a part: its temporary directory has just appeared. */
  | 'write'
  /** Just after a part got its final name: it is there, and nobody has heard of it. */
  | 'rename';

export interface Kill {
  readonly victim: 'server' | 'engine';
  readonly aim: Aim;
}

export interface RoundResult {
  readonly seed: number;
  readonly kills: Readonly<Record<string, number>>;
  readonly verdicts: readonly Verdict[];
}

/** Greatest time from one kill to the next, ms; the least is 0, so that starts are hit too. */
const GAP_MS = 900;
/** A kill that waits for a write gives up after this time and lands anyhow, ms. */
const AIM_MS = 1_500;
const REQUEST_RECORDS = 200;
/** Between two requests of a sender: the server shall be killed at work, not at saturation, ms. */
const PAUSE_MS = 10;
const RETRY_MS = 50;

/** Below the range from which outgoing connections take theirs: it stays free through a restart. */
const PORTS = { from: 16_000, count: 16_000 };
/** Ports tried before giving up. */
const TRIES = 200;
/** Nobody listens on them yet, but they are promised. */
const given = new Set<number>();

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** A port of loopback that nobody has, and that no outgoing connection takes meanwhile. */
export const freePort = async (): Promise<number> => {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port among ${TRIES} tried`);
};

const chooseKill = (chance: Chance): Kill => ({
  victim: chance.below(10) < 6 ? 'server' : 'engine',
  aim: (['any', 'any', 'write', 'rename'] as const)[chance.below(4)] ?? 'any',
});

/** Resolves when the engine's disks show the moment aimed at, or after `AIM_MS`. */
const momentOf = (directory: string, aim: Aim): Promise<boolean> => {
  if (aim === 'any') return Promise.resolve(true);
  return new Promise((resolve) => {
    let watcher: FSWatcher | undefined;
    const done = (hit: boolean): void => {
      clearTimeout(timer);
      watcher?.close();
      resolve(hit);
    };
    const timer = setTimeout(() => done(false), AIM_MS);
    const part = aim === 'write' ? /tmp_insert_/ : /(^|\/)\d{8}_\d+_\d+_0$/;
    try {
      watcher = watch(directory, { recursive: true }, (_event, name) => {
        if (name !== null && part.test(name)) done(true);
      });
      watcher.on('error', () => undefined);
    } catch {
      // not there yet: the timer decides
    }
  });
};

/** Sends until told to stop; then until its open request is acknowledged. */
const keepSending = async (sender: Sender, stopped: () => boolean): Promise<void> => {
  for (;;) {
    const kept = await sender.send(REQUEST_RECORDS);
    if (kept && stopped()) return;
    await sleep(kept ? PAUSE_MS : RETRY_MS);
  }
};

const performKill = async (server: ServerProcess, kill: Kill): Promise<void> => {
  if (kill.victim === 'engine') {
    server.killEngine();
    return;
  }
  await server.kill();
  server.launch();
};

/** One server's life: load, kills, and the comparison of what was promised with what is there. */
export const runRound = async (
  seed: number,
  kills: number,
  onKill: (done: number) => void = () => undefined,
): Promise<RoundResult> => {
  const chance = chanceOf(seed);
  const data = mkdtempSync(join(tmpdir(), 'meshtrail-sim-'));
  const server = new ServerProcess({
    data,
    port: await freePort(),
    flags: ['--dev', '--native-ports', 'off'],
  });
  const startNs = BigInt(Date.now() - 60_000) * 1_000_000n;
  const counts: Record<string, number> = {};
  try {
    await server.start();
    const senders = createSenders(server.url, chanceOf(seed + 1), String(seed));
    let stopped = false;
    const sending = senders.map((sender) => keepSending(sender, () => stopped));
    for (let i = 0; i < kills; i++) {
      await sleep(chance.below(GAP_MS));
      if (!server.running) throw new Error(`the server ended by itself:\n${server.output}`);
      const kill = chooseKill(chance);
      const hit = await momentOf(data, kill.aim);
      await performKill(server, kill);
      const name = `${kill.victim} ${hit ? kill.aim : 'any'}`;
      counts[name] = (counts[name] ?? 0) + 1;
      // Often the next kill waits until the server is whole again, else it hits the start.
      if (chance.below(4) > 0) await server.ready();
      onKill(i + 1);
    }
    await server.ready();
    stopped = true;
    await Promise.all(sending);
    const verdicts: Verdict[] = [];
    for (const sender of senders) verdicts.push(await verify(server.url, sender, startNs));
    await server.stop();
    return { seed, kills: counts, verdicts };
  } finally {
    await server.kill();
    rmSync(data, { recursive: true, force: true });
  }
};

/** What is wrong, in words; empty when every promise was kept. */
export const faultsOf = ({ verdicts }: RoundResult): string[] =>
  verdicts.flatMap(({ sender, acknowledged, missing, doubled, disorder }) => [
    ...(acknowledged === 0 ? [`${sender}: nothing was acknowledged`] : []),
    ...(missing.length > 0
      ? [`${sender}: ${missing.length} missing, first ${missing.slice(0, 5).join(' ')}`]
      : []),
    ...(doubled.length > 0
      ? [`${sender}: ${doubled.length} doubled, first ${doubled.slice(0, 5).join(' ')}`]
      : []),
    ...(disorder.length > 0 ? [`${sender}: out of order: ${disorder.join(', ')}`] : []),
  ]);
