import type { Readable } from 'node:stream';
import { MeshtrailError } from '../../model/errors.ts';
import { errorCode } from '../../platform/disk.ts';
import type { ExecOptions } from '../input-options.ts';
import type { Emit, Input, InputDoors } from '../input.ts';
import { startChild } from './child.ts';
import { assemblingOf } from './file-input.ts';
import { Backoff, liveInput } from './live-input.ts';
import { pump, type Pumped } from './pump.ts';
import { count, newTally, Reader, type Tally } from './reader.ts';

type Stream = Pumped & { readonly reader: Reader };

/**
 * A program whose output is logs.
 *
 *     on an interval   RUN ──ends, or takes too long and is ended──► wait for the next ──► RUN
 *     running on       RUN ──ends──► pause, longer each time ──► RUN
 */
export const openExec = (options: ExecOptions, doors: InputDoors): Input => {
  const { clock } = doors;
  const { name, command, intervalMs } = options;
  const tally = newTally();
  let isRunning = false;
  const streams = (['stdout', 'stderr'] as const).map((stdio): Stream => ({
    source: {
      ...({ id: `exec-${name}-${stdio}`, input: name, kind: 'exec' } as const),
      ...{ path: command.join(' '), fields: { stdio }, format: options.format },
    },
    assembling: assemblingOf(options.multiline, 'utf-8'),
    offset: 0,
    reader: new Reader(clock, tally),
  }));
  return liveInput({
    ...{ name, kind: 'exec', tally },
    async run(emit, signal) {
      const backoff = new Backoff(doors);
      while (!signal.aborted) {
        const beganMs = clock.monotonicMs();
        isRunning = true;
        await runOnce(options, streams, emit, signal, tally, doors).finally(
          () => (isRunning = false),
        );
        const lastedMs = clock.monotonicMs() - beganMs;
        if (intervalMs === undefined) await backoff.wait(lastedMs, signal);
        else await clock.sleep(Math.max(0, intervalMs - lastedMs), signal);
      }
    },
    sources: () => streams.length,
    open: () => (isRunning ? 1 : 0),
  });
};

/** One run, to its end. */
const runOnce = async (
  { name, command, directory, intervalMs, timeoutMs }: ExecOptions,
  streams: readonly Stream[],
  emit: Emit,
  signal: AbortSignal,
  tally: Tally,
  doors: InputDoors,
): Promise<void> => {
  const { clock, log } = doors;
  const child = startChild(command, directory, doors);
  const onAbort = (): void => child.end();
  signal.addEventListener('abort', onAbort, { once: true });
  const late = intervalMs === undefined ? undefined : clock.setTimer(timeoutMs, onLate);
  function onLate(): void {
    count(tally.troubles, 'exec_timeout');
    child.end();
  }
  try {
    const outputs = [child.stdout, child.stderr];
    await Promise.all(
      streams.map((stream, i) =>
        pump(outputs[i] as Readable, stream, stream.reader, emit, clock, signal),
      ),
    );
  } catch (error) {
    child.end();
    throw error;
  } finally {
    const { code, error } = await child.ended;
    late?.cancel();
    signal.removeEventListener('abort', onAbort);
    if (error !== undefined) refuseMissing(command[0] ?? '', error);
    // Ended by us, it has no code.
    if (code !== 0 && code !== null) {
      count(tally.troubles, 'exec_failed');
      log.warn('a command failed', { input: name, code });
    }
  }
};

/** Throws `program_missing` where there is no such program: it never will be by waiting. */
export const refuseMissing = (program: string, error: Error): void => {
  const code = errorCode(error);
  if (code !== 'ENOENT' && code !== 'EACCES') return;
  throw new MeshtrailError(
    'program_missing',
    `${program} cannot be started (${code})`,
    'install it, or give its whole path',
  );
};
