import type { Clock } from '../../platform/clock.ts';
import type { Emit, SourceInfo } from '../input.ts';
import type { LineState } from './assemble.ts';
import { fullBytes, type Assembling } from './followed.ts';
import type { Reader } from './reader.ts';

/** A stream whose lines become events of one source; its position counts bytes. */
export interface Pumped {
  readonly source: SourceInfo;
  readonly assembling: Assembling;
  /** Bytes of the source before this stream. */
  offset: number;
}

/** A last line without newline is given out after so long, ms. */
const PARTIAL_MS = 5_000;
const IDLE = Symbol('nothing came');
const STOPPED = Symbol('stopped');

/**
 * Reads a stream to its end, or until `signal` aborts. What may go on is held as long as with
 * files; the stream waits while a piece is under way.
 */
export const pump = async (
  stream: AsyncIterable<Buffer>,
  pumped: Pumped,
  reader: Reader,
  emit: Emit,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> => {
  const chunks = stream[Symbol.asyncIterator]();
  const state: LineState = { skipping: 0 };
  let held: Buffer = Buffer.alloc(0);
  let heldMs = 0;
  let next = chunks.next();
  // Nobody waits for it once we stop.
  next.catch(() => undefined);
  const stopped = new Promise<typeof STOPPED>((resolve) =>
    signal.addEventListener('abort', () => resolve(STOPPED), { once: true }),
  );

  const give = async (behind: 'waiting' | 'flush', takePartial: boolean): Promise<void> => {
    for (;;) {
      const isFull = held.length >= fullBytes();
      const used = reader
        .assemblerOf(pumped.assembling)
        .assemble(
          held,
          held.length,
          { behind: isFull ? 'flush' : behind, takePartial, isFull },
          state,
          reader.events,
        );
      if (used === 0) return;
      held = held.subarray(used);
      heldMs = 0;
      pumped.offset += used;
      await reader.giveOf(pumped.source, used, `${pumped.offset}`, emit);
    }
  };

  while (!signal.aborted) {
    const { flushMs } = pumped.assembling;
    const timer = new AbortController();
    const wait =
      held.length > 0
        ? [next, stopped, clock.sleep(flushMs, timer.signal).then((): typeof IDLE => IDLE)]
        : [next, stopped];
    const got = await Promise.race(wait);
    timer.abort();
    if (got === STOPPED) return;
    if (got === IDLE) {
      heldMs += flushMs;
      await give('flush', heldMs >= PARTIAL_MS);
    } else if (got.done === true) {
      await give('flush', true);
      return;
    } else {
      held = held.length === 0 ? got.value : Buffer.concat([held, got.value]);
      next = chunks.next();
      next.catch(() => undefined);
      await give('waiting', false);
    }
  }
};
