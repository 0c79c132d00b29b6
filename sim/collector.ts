import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { eventually } from './running-server.ts';

/** An OpenTelemetry Collector that runs. */
export interface Collector {
  /** Ends it at once, as a kill does. */
  readonly stop: () => Promise<void>;
  /** What it wrote last, on either stream. */
  readonly said: () => string;
}

/** Characters of what it wrote that are kept. */
const SAID_CHARACTERS = 100_000;

/**
 * Starts `program` with a configuration, which is written to `file`.
 * @throws where it ends instead, with what it said last
 */
export const startCollector = async (
  program: string,
  file: string,
  configuration: object,
): Promise<Collector> => {
  writeFileSync(file, JSON.stringify(configuration));
  const child = spawn(program, ['--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString()).slice(-SAID_CHARACTERS);
    });
  }
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  await eventually(() => said.includes('Everything is ready') || child.exitCode !== null, Boolean);
  if (child.exitCode !== null) throw new Error(`the Collector ended: ${said}`);
  return { stop, said: () => said };
};
