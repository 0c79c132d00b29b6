import { LIMITS } from '../../model/limits.ts';
import { lookAt, type FileLook, type FollowedFile } from '../../platform/followed-file.ts';
import type { SourceInfo } from '../input.ts';
import type { Assembler, LineState } from './assemble.ts';
import type { Checkpoint } from './checkpoints.ts';
import { FINGERPRINT_BYTES, fingerprintOf, isSame } from './fingerprint.ts';

/** How the bytes of a source become events; readers make one assembler of each for themselves. */
export interface Assembling {
  /** Sources with the same key share an assembler. */
  readonly key: string;
  /** How long what may go on is waited for. */
  readonly flushMs: number;
  make(): Assembler;
}

/**
 * A file that is read as it grows.
 *
 *     FOLLOWED ──name gone or another's──► DETACHED ──deleted, or quiet for long──► over
 *        │                                    ▲
 *        └──smaller, or another beginning──► its copy is read to the end (copy-truncate), and the
 *                                            name is a new source
 */
export interface Followed {
  readonly checkpoint: Checkpoint;
  source: SourceInfo;
  readonly assembling: Assembling;
  readonly isGzip: boolean;
  /** Where it can be opened. */
  path: string;
  file: FollowedFile | undefined;
  /** Everything before was emitted; what is between it and `readTo` is not decided yet. */
  offset: number;
  readTo: number;
  readonly state: LineState;
  /** As last seen. */
  size: number;
  /** When it was written last, as far as was seen; -1 before the first look. */
  modifiedMs: number;
  /** Its name is gone or another file's, since. */
  detachedMs: number | undefined;
  /** When bytes were last seen to come, and for how long those at `heldOffset` are held. */
  grownMs: number;
  heldOffset: number;
  heldSinceMs: number;
  /** What is held there was not waited for any longer, and is there still. */
  wasFlushed: boolean;
  nextLookMs: number;
  pauseMs: number;
  /** It waits for a reader, or has one. */
  isQueued: boolean;
  /** Nothing will come any more: what is held is given out. */
  isEnding: boolean;
}

export type Verdict = 'same' | 'grown' | 'truncated' | 'gone';

/** Pauses between looks at one file, ms. */
const LEAST_PAUSE_MS = 200;
const MOST_PAUSE_MS = 1_000;
/** How long the writer of a deleted file may go on before it is closed, ms. */
const DELETED_MS = 2_000;

export interface Patience {
  readonly closeInactiveMs: number;
  readonly partialLineMs: number;
}

/** Looks at the file and says what to do about it. Throws Node's errors (no permission). */
export const lookOver = (one: Followed, nowMs: number, patience: Patience): Verdict => {
  const named =
    one.detachedMs === undefined || one.file === undefined ? lookAt(one.path) : undefined;
  const look = one.file?.look() ?? (isIt(one, named) ? named : undefined);
  if (one.file !== undefined && one.detachedMs === undefined && !isIt(one, named)) {
    one.detachedMs = nowMs;
  }
  const isFresh = look !== undefined && look.sizeBytes !== one.size;
  one.pauseMs = isFresh ? LEAST_PAUSE_MS : Math.min(MOST_PAUSE_MS, one.pauseMs * 1.5);
  one.nextLookMs = nowMs + one.pauseMs;
  if (look === undefined) return 'gone';
  if (look.sizeBytes < one.offset && !one.isGzip) return 'truncated';
  if (isFresh) one.grownMs = nowMs;
  one.size = look.sizeBytes;
  // Truncated and written again up to the same size: only its time tells, and then its beginning.
  const isTouched = one.modifiedMs !== -1 && look.modifiedMs !== one.modifiedMs;
  one.modifiedMs = look.modifiedMs;
  if ((one.size > one.readTo || isTouched) && !one.isGzip) return 'grown';
  if (one.readTo > one.offset && nowMs >= dueMs(one, patience)) return 'grown';
  return isOver(one, look, nowMs, patience) ? 'gone' : 'same';
};

const isIt = (one: Followed, look: FileLook | undefined): boolean =>
  look?.identity === one.checkpoint.identity;

/** When what is held is to be given out. */
const dueMs = (one: Followed, { partialLineMs }: Patience): number => {
  const { flushMs } = one.assembling;
  if (one.heldOffset !== one.offset) return 0;
  if (!one.wasFlushed) return one.heldSinceMs + flushMs;
  // What nobody may go on with was given out: only a line without newline is left.
  return partialLineMs > 0 ? one.heldSinceMs + partialLineMs : Infinity;
};

const isOver = (one: Followed, look: FileLook, nowMs: number, patience: Patience): boolean => {
  const quietMs = nowMs - one.grownMs;
  if (one.detachedMs === undefined) {
    if (quietMs >= patience.closeInactiveMs && one.readTo === one.offset) closeFile(one);
    return false;
  }
  return quietMs >= (look.links === 0 ? DELETED_MS : patience.closeInactiveMs);
};

export const closeFile = (one: Followed): void => {
  one.file?.close();
  one.file = undefined;
};

/**
 * Whether the file still begins as it did; lets its fingerprint grow with it. Truncated files that
 * were written past our offset again are only known by this.
 */
export const checkBeginning = async (one: Followed, file: FollowedFile): Promise<boolean> => {
  const head = Buffer.alloc(FINGERPRINT_BYTES);
  const size = await file.read(head, head.length, 0);
  const { print } = one.checkpoint;
  if (!isSame(head, size, print)) return false;
  if (print.length < FINGERPRINT_BYTES && size > print.length) {
    one.checkpoint.print = fingerprintOf(head, size);
  }
  return true;
};

/** Most bytes that are looked at together: the longest line, its wrapper, and its newline. */
export const fullBytes = (): number => LIMITS.lineBytes + LIMITS.syslogHeaderBytes;
