import { MeshtrailError } from '../../model/errors.ts';

/**
 * How an aggregation in the engine says that it met a row in doubt: one that only our process can
 * decide, such as a text that is a number in a rare form. It fails before it has given a row, and
 * the same is asked in the next, slower way.
 */
const MARK = 'meshtrail: a row in doubt';

/** Fails the statement where the condition holds; else 0. */
export const throwIfSql = (condition: string): string => `throwIf(${condition}, '${MARK}')`;

const isUndecided = (error: unknown): boolean =>
  error instanceof MeshtrailError && error.code === 'query_failed' && error.message.includes(MARK);

/** What the first of these ways gives that decides every row; the last one always does. */
export async function* firstDecided<T>(
  ways: readonly (() => AsyncGenerator<T, void, undefined>)[],
): AsyncGenerator<T, void, undefined> {
  for (const [i, way] of ways.entries()) {
    try {
      yield* way();
      return;
    } catch (error) {
      if (i === ways.length - 1 || !isUndecided(error)) throw error;
    }
  }
}
