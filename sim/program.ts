import { spawn } from 'node:child_process';
import { eventually, linesOf, type RunningServer } from './running-server.ts';

export interface Ended {
  readonly code: number;
  /** What it printed, on either stream. */
  readonly text: string;
}

/** Runs a program to its end. */
export const program = (
  file: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(file, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let text = '';
    const keep = (part: Buffer): void => {
      text = (text + part.toString('utf8')).slice(-100_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ code: -1, text: error.message }));
    child.on('close', (code) => resolve({ code: code ?? -1, text }));
  });

/** `line 0` to `line N-1`, sorted as `linesOf` sorts. */
export const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `line ${n}`).sort();

/** The lines of a service, once there are so many. */
export const arrived = (server: RunningServer, service: string, count: number): Promise<string[]> =>
  eventually(
    // A server that is starting again does not answer yet.
    () => linesOf(server, `{service_name="${service}"}`).catch((): string[] => []),
    (lines) => lines.length >= count,
    40_000,
  );
