import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism, hostname, tmpdir, totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';

/** The only door to this process, its signals and its children. */

/** The words after the program's own name. */
export function commandLine(): string[] {
  return process.argv.slice(2);
}

/** The Node program that runs this process, to run children with the same one. */
export function nodeProgram(): string {
  return process.execPath;
}

export const processId: number = process.pid;

/** Changes (to 1, usually) when the parent died. */
export function parentProcessId(): number {
  return process.ppid;
}

export function hostName(): string {
  return hostname();
}

/** The operating system and processor as npm packages name them, 'linux-x64' for example. */
export function platformName(): string {
  return `${process.platform}-${process.arch}`;
}

/** Cores that this process may use. */
export function coreCount(): number {
  return availableParallelism();
}

export function machineMemoryBytes(): number {
  return totalmem();
}

/** Where files go that nobody needs afterwards. */
export function temporaryDirectory(): string {
  return tmpdir();
}

export function workingDirectory(): string {
  return process.cwd();
}

/** What another program writes into this one. */
export function standardInput(): Readable & { readonly isTTY?: boolean } {
  return process.stdin;
}

/** Ends the process now. Prefer `setExitCode` and letting the last handle close. */
export function exitNow(code: number): never {
  process.exit(code);
}

/** The code with which the process will end by itself. */
export function setExitCode(code: number): void {
  process.exitCode = code;
}

/** Calls `handle` on each of the signals instead of dying; the result takes it back. */
export function onSignals(
  signals: readonly NodeJS.Signals[],
  handle: (signal: NodeJS.Signals) => void,
): () => void {
  for (const signal of signals) process.on(signal, handle);
  return () => {
    for (const signal of signals) process.off(signal, handle);
  };
}

/**
 * Calls `handle` for an error that nobody caught, exception or rejection. The state of the process
 * is unknown then: log it and exit.
 */
export function onUncaught(handle: (error: unknown) => void): void {
  process.on('uncaughtException', handle);
  process.on('unhandledRejection', handle);
}

/** Starts a program without a shell. An `error` event tells when it cannot be started. */
export function startProgram(
  program: string,
  words: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  return spawn(program, [...words], options);
}

/** False when no such process is left. Signal 0 only asks. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

/** Memory of this process that is really in use, bytes. */
export function residentBytes(): number {
  return process.memoryUsage.rss();
}

/**
 * Fits garbage collection to a process that holds few objects and passes on large buffers. V8
 * counts buffers as if they had to be marked: it searched the whole heap every 6 MB of ingest,
 * which was two fifths of the server's CPU and most of its event loop's delay. Now the heap may
 * triple before it is searched, and what dies young is freed every few megabytes, which costs next
 * to nothing. Call it before threads start; the flags are those of V8 13 and later.
 */
export function expectLargeBuffers(
  { growingPercent, youngMb } = { growingPercent: 200, youngMb: 2 },
): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  setFlagsFromString(`--scavenger-max-new-space-capacity-mb=${youngMb}`);
}

/** CPU time that this process has used since its start, user and system, milliseconds. */
export function cpuMs(): number {
  const used = process.cpuUsage();
  return (used.user + used.system) / 1000;
}

export interface ProcessUsage {
  readonly residentBytes: number;
  /** User and system since its start. */
  readonly cpuMs: number;
}

/** The kernel counts CPU time in /proc in hundredths of a second, on every Linux we run on. */
const MS_PER_TICK = 10;

/** What another process uses, from /proc; undefined where there is none or the process is gone. */
export async function usageOf(pid: number): Promise<ProcessUsage | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'latin1');
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    const residentKib = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    // The program's name stands in parentheses and may hold spaces; utime and stime are the
    // fields 14 and 15 (proc_pid_stat(5)), the 12th and 13th after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { residentBytes: residentKib * 1024, cpuMs: ticks * MS_PER_TICK };
  } catch {
    return undefined;
  }
}

export interface EventLoopDelay {
  /** The delay that 99 of 100 turns stayed under since the last call, milliseconds. */
  takeP99Ms(): number;
  stop(): void;
}

/** Watches how late timers fire: the time that one turn of the event loop takes from others. */
export function watchEventLoop(resolutionMs = 5): EventLoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  return {
    takeP99Ms() {
      const p99Ms = Math.max(0, histogram.percentile(99) / 1e6 - resolutionMs);
      histogram.reset();
      return p99Ms;
    },
    stop: () => void histogram.disable(),
  };
}
