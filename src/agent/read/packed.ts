import { LIMITS } from '../../model/limits.ts';
import type { FollowedFile } from '../../platform/followed-file.ts';
import type { Emit } from '../input.ts';
import { fullBytes, type Followed } from './followed.ts';
import { inflated } from './gunzip.ts';
import type { Reader } from './reader.ts';

/**
 * Reads a packed rotation once, from the source's offset in what is packed to its end. False where
 * it ends early or was stopped: its writer may not be done, or nobody is left to take it.
 */
export const readPacked = async (
  one: Followed,
  file: FollowedFile,
  reader: Reader,
  emit: Emit,
  isStopped: () => boolean,
): Promise<boolean> => {
  let skip = one.offset;
  let held = Buffer.alloc(0);
  /** Gives out what is decided of `held`; `behind` it more is to come, or nothing. */
  const give = async (behind: 'more' | 'flush'): Promise<void> => {
    const isFull = behind === 'more' && held.length >= fullBytes();
    const used = reader
      .assemblerOf(one.assembling)
      .assemble(
        held,
        held.length,
        isFull
          ? { behind: 'flush', takePartial: false, isFull }
          : { behind, takePartial: behind === 'flush', isFull },
        one.state,
        reader.events,
      );
    if (used > 0) await reader.give(one, used, emit);
    held = held.subarray(used);
  };
  const gathered: Buffer[] = [];
  let size = 0;
  const pour = (): void => {
    held = Buffer.concat([held, ...gathered.splice(0)]);
    size = 0;
  };
  let isWhole = true;
  try {
    for await (const piece of inflated(file)) {
      if (isStopped()) return false;
      const from = Math.min(skip, piece.length);
      skip -= from;
      gathered.push(piece.subarray(from));
      size += piece.length - from;
      if (size < LIMITS.agentReadBytes) continue;
      pour();
      await give('more');
    }
  } catch {
    isWhole = false;
  }
  pour();
  if (held.length > 0) await give(isWhole ? 'flush' : 'more');
  one.readTo = one.offset;
  return isWhole;
};
