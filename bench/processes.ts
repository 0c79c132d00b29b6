import { readdirSync, readFileSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the kernel counts about other processes, and bytes on disk. */

/** CPU time is counted in hundredths of a second on every Linux we run on. */
const MS_PER_TICK = 10;
const POLL_MS = 200;
/** An engine at rest still wakes up: below this share of a core nothing is merged. */
const REST_SHARE = 0.05;
const REST_LIMIT_MS = 900_000;

/** User and system time of a process since its start, ms; 0 when it is gone. */
export const cpuMsOf = (pid: number): number => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
  } catch {
    return 0;
  }
};

const statusBytes = (pid: number, name: 'VmHWM' | 'VmRSS'): number => {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) * 1024;
};

export const residentBytesOf = (pid: number): number => statusBytes(pid, 'VmRSS');

/** The most memory that the process ever had. */
export const peakBytesOf = (pid: number): number => statusBytes(pid, 'VmHWM');

/** CPU time of this process, all its threads, ms. */
export const ownCpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/**
 * Waits until the engine has used next to no CPU for `restMs`, which means that its merges are
 * done, and gives the CPU of all processes when that rest began, ms: the wait itself is not
 * counted.
 */
export const untilRest = async (
  engine: number,
  others: readonly number[],
  restMs: number,
): Promise<{ readonly engine: number; readonly others: readonly number[] }> => {
  const deadline = performance.now() + REST_LIMIT_MS;
  const sample = (): { atMs: number; engine: number; others: number[] } => ({
    atMs: performance.now(),
    engine: cpuMsOf(engine),
    others: others.map(cpuMsOf),
  });
  let from = sample();
  for (;;) {
    await sleep(POLL_MS);
    const now = sample();
    if (now.engine - from.engine > restMs * REST_SHARE) from = now;
    else if (now.atMs - from.atMs >= restMs) return from;
    if (now.atMs > deadline) throw new Error('the engine did not come to rest');
  }
};

/** A part's directory: partition, least and greatest block, level (ClickHouse's own names). */
const PART = /^([^_]+)_(\d+)_(\d+)_(\d+)$/;

/** Parts that a merged one among the names covers: they are deleted minutes later. */
const outdated = (names: readonly string[]): Set<string> => {
  const parts = names.flatMap((name) => {
    const [, partition, least, greatest, level] = PART.exec(name) ?? [];
    return partition === undefined
      ? []
      : [
          {
            name,
            partition,
            least: Number(least),
            greatest: Number(greatest),
            level: Number(level),
          },
        ];
  });
  const covered = parts.filter((part) =>
    parts.some(
      (by) =>
        by !== part &&
        by.partition === part.partition &&
        by.least <= part.least &&
        by.greatest >= part.greatest &&
        by.level > part.level,
    ),
  );
  return new Set(covered.map(({ name }) => name));
};

/** Of a table's directories those whose rows are not merged into another part already. */
export const livingParts = (folders: readonly string[]): string[] => {
  const gone = outdated(folders);
  return folders.filter((name) => !gone.has(name));
};

/** What a directory takes on disk, bytes, without parts that are merged into others already. */
export const diskBytesOf = (directory: string): number => {
  const entries = readdirSync(directory, { withFileTypes: true });
  const gone = outdated(entries.filter((entry) => entry.isDirectory()).map(({ name }) => name));
  let bytes = 0;
  for (const entry of entries) {
    if (gone.has(entry.name)) continue;
    const path = join(directory, entry.name);
    bytes += entry.isDirectory() ? diskBytesOf(path) : lstatSync(path).blocks * 512;
  }
  return bytes;
};
