import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { startProgram } from '../../platform/processes.ts';
import type { InputDoors } from '../input.ts';

/** How a child ended; `code` is null where a signal ended it. */
export interface Ended {
  readonly code: number | null;
  /** It could not be started: Node's error. */
  readonly error?: Error | undefined;
}

export interface Child {
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<Ended>;
  /** Asks it to end, and a while later ends it. */
  end(): void;
}

/** How long a child has to end by itself, ms. */
const GRACE_MS = 5_000;

/** Starts a program without a shell, with our environment. */
export const startChild = (
  [program, ...words]: readonly string[],
  directory: string | undefined,
  { clock, environment }: InputDoors,
): Child => {
  const child = startProgram(program ?? '', words, {
    cwd: directory,
    env: environment.all(),
    stdio: ['ignore', 'pipe', 'pipe'],
  }) as ChildProcess & { stdout: Readable; stderr: Readable };
  const ended = new Promise<Ended>((resolve) => {
    child.on('error', (error) => resolve({ code: null, error }));
    child.on('close', (code) => resolve({ code }));
  });
  return {
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    end() {
      child.kill('SIGTERM');
      const timer = clock.setTimer(GRACE_MS, () => child.kill('SIGKILL'));
      void ended.then(() => timer.cancel());
    },
  };
};
