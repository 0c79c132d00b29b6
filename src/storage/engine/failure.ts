import { MeshtrailError } from '../../model/errors.ts';
import { errorCode } from '../../platform/disk.ts';

/**
 * What the engine's errors mean. Numbers are ClickHouse's (`src/Common/ErrorCodes.cpp`), which
 * never change their meaning.
 */
export type InsertFailure =
  /** About the rows themselves: sending them again cannot help. */
  | 'content'
  /** Memory, disk, parts, limits, the network: the same rows go later. */
  | 'resource'
  /** Neither is known; rows are suspected after `LIMITS.insertTriesBeforeBisect`. */
  | 'unknown';

const CONTENT = new Set([
  6, 9, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 128, 131, 190, 271, 321, 349, 395, 407, 432, 440,
  441, 467, 469, 691,
]);

/** Errors that some rows may cause, and a fault of ours or of the engine's as well. */
const SUSPECT = new Set([1, 8, 10, 36, 43, 44, 48, 49, 50, 62, 1000, 1001, 1002]);

const TIMEOUT = new Set([159, 160]);
const MEMORY = new Set([241, 173]);
const BUSY = new Set([202, 203, 236, 394, 439, 745]);

/** ClickHouse's number for an error, undefined for errors of the network. */
export function engineCode(error: unknown): number | undefined {
  const text = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The engine answered: the statement has ended, whatever it left behind. */
export const wasAnswered = (error: unknown): boolean => engineCode(error) !== undefined;

export function insertFailure(error: unknown): InsertFailure {
  const code = engineCode(error);
  if (code === undefined) return 'resource';
  if (CONTENT.has(code)) return 'content';
  return SUSPECT.has(code) ? 'unknown' : 'resource';
}

/** A failed read in the words of docs/errors.md. */
export function readFailure(error: unknown, aborted: boolean): MeshtrailError {
  if (error instanceof MeshtrailError) return error;
  if (aborted) {
    return new MeshtrailError('query_cancelled', 'the query was cancelled', '', { cause: error });
  }
  const code = engineCode(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code === undefined) {
    return new MeshtrailError(
      'engine_unavailable',
      `the engine does not answer (${errorCode(error) ?? text})`,
      'It restarts by itself; what was acknowledged is safe in the journal. Try again.',
      { cause: error },
    );
  }
  if (TIMEOUT.has(code)) {
    const hint = 'Ask for a shorter time range or more selective labels.';
    return new MeshtrailError('query_timeout', 'the query took too long', hint, { cause: error });
  }
  if (MEMORY.has(code)) {
    const hint = 'Group by fewer values or ask for a shorter time range.';
    return new MeshtrailError('query_memory', 'the query needs too much memory', hint, {
      cause: error,
    });
  }
  if (BUSY.has(code)) {
    const hint = 'Other queries are running. Try again.';
    return new MeshtrailError('engine_unavailable', 'the engine is busy', hint, { cause: error });
  }
  return new MeshtrailError('query_failed', `the engine refused the query: ${text}`, '', {
    cause: error,
  });
}

/** What `@clickhouse/client` says when nothing came for its `request_timeout`. */
const SILENCE = 'Timeout error.';

/**
 * True when the engine could not be reached: another try may find it. One that keeps silent has
 * had its time, and a second try would only double it.
 */
export const isUnreachable = (error: unknown): boolean =>
  engineCode(error) === undefined &&
  !(error instanceof MeshtrailError) &&
  !(error instanceof Error && error.message === SILENCE);
