import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { EngineReader, QueryOptions } from '../../model/storage.ts';
import type { Clock } from '../../platform/clock.ts';
import type { EngineConnection, EngineHome } from './engine.ts';
import { isUnreachable, readFailure } from './failure.ts';

/**
 * Reads as the `reader` user. A read that meets a restart waits for the engine and begins anew, as
 * long as nothing of its result has been handed out.
 */
export class Reader implements EngineReader {
  /** Reads under way, for planned restarts. */
  active = 0;
  private readonly home: EngineHome;
  private readonly clock: Clock;

  constructor(home: EngineHome, clock: Clock) {
    this.home = home;
    this.clock = clock;
  }

  async stream(sql: string, options: QueryOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    const started = await this.attempt(options, async ({ reader }) => {
      const stream = await reader.stream(`${sql} FORMAT RowBinary`, options);
      const iterator = stream[Symbol.asyncIterator]();
      return { iterator, first: await iterator.next() };
    });
    return this.rest(started.iterator, started.first, options);
  }

  async rows(sql: string, options: QueryOptions = {}): Promise<unknown[][]> {
    return this.attempt(options, ({ reader }) => reader.rows(sql, options));
  }

  private async *rest(
    iterator: AsyncIterator<Uint8Array>,
    first: IteratorResult<Uint8Array>,
    { signal }: QueryOptions,
  ): AsyncGenerator<Uint8Array> {
    this.active += 1;
    try {
      let next = first;
      while (next.done !== true) {
        yield next.value;
        next = await iterator.next();
      }
    } catch (error) {
      throw readFailure(error, signal?.aborted === true);
    } finally {
      this.active -= 1;
      await iterator.return?.();
    }
  }

  /** Runs `read` and, when the engine went away under it, once more on the next one. */
  private async attempt<T>(
    { signal }: QueryOptions,
    read: (connection: EngineConnection) => Promise<T>,
  ): Promise<T> {
    for (let tries = READ_TRIES; ; tries--) {
      const connection = await this.home.connection(LIMITS.readerWaitMs);
      if (connection === undefined) throw notThere();
      this.active += 1;
      try {
        return await read(connection);
      } catch (error) {
        const aborted = signal?.aborted === true;
        if (aborted || tries <= 1 || !isUnreachable(error)) throw readFailure(error, aborted);
        // Its end may not have been noticed yet.
        await this.clock.sleep(RETRY_PAUSE_MS, signal);
      } finally {
        this.active -= 1;
      }
    }
  }
}

/** The engine may die of a query itself: then the third try is the last. */
const READ_TRIES = 3;
const RETRY_PAUSE_MS = 100;

const notThere = (): MeshtrailError =>
  new MeshtrailError(
    'engine_unavailable',
    'the engine is not running',
    'It restarts by itself; what was acknowledged is safe in the journal. Try again.',
  );
