import { createHash } from 'node:crypto';
import { must } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { JournalRelease } from '../../model/storage.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import { BlockError } from '../../model/block-rows.ts';
import { sliceBlock } from './block-slice.ts';
import type { BucketQueue, Doubt } from './bucket-queue.ts';
import type { EngineClient, EngineSettings } from './client.ts';
import type { EngineCounters } from './counters.ts';
import type { EngineConnection, EngineHome } from './engine.ts';
import { engineCode, insertFailure, wasAnswered } from './failure.ts';
import { missingSlices } from './held-rows.ts';
import { nativeBody, rowsOf, UnreadableBatch, type Slice } from './native-body.ts';
import type { QuarantineSink } from './quarantine.ts';
import { INSERT_COLUMNS } from './schema.ts';
import type { Tables } from './tables.ts';

export interface DeliveryOptions {
  readonly home: EngineHome;
  readonly tables: Tables;
  readonly release: JournalRelease;
  readonly quarantine: QuarantineSink;
  readonly counters: EngineCounters;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** One insert makes one part a partition, whatever the batches in it (they are squashed). */
const insertSettings = (): EngineSettings => ({
  min_insert_block_size_rows: 4 * LIMITS.insertRows,
  min_insert_block_size_bytes: 4 * LIMITS.insertBytes,
  max_partitions_per_insert_block: 0,
  input_format_parallel_parsing: 0,
  insert_deduplicate: 0,
});

/**
 * Brings a bucket's rows into its table, each exactly once. The engine's answer to an insert is
 * trusted only when it says that all is stored; after anything else the table is asked which seqs
 * it holds, once nothing of the insert can still run, and only what is missing goes again.
 */
export class Delivery {
  private readonly options: DeliveryOptions;

  constructor(options: DeliveryOptions) {
    this.options = options;
  }

  /**
   * One round for one bucket: settles a doubt, or else sends one insert of `share` of an insert's
   * bounds. True when it stored something. Throws what went wrong; the rows are then in the queue
   * or in its doubt.
   */
  async round(
    queue: BucketQueue,
    given: EngineConnection,
    nowMs: number,
    share: number,
  ): Promise<boolean> {
    const connection = await this.options.tables.ensure(queue.bucket, given);
    if (queue.doubt !== undefined) {
      const missing = await this.settle(queue, queue.doubt, connection);
      queue.doubt = undefined;
      queue.putBack(missing);
      return missing.length === 0;
    }
    const slices = queue.take(nowMs, share);
    if (slices.length === 0) return true;
    try {
      await this.insert(queue, slices, connection);
      queue.doubt = undefined;
      this.done(queue, slices);
    } catch (error) {
      this.options.counters.retries += 1;
      if (error instanceof UnreadableBatch) this.setAside(queue, error);
      else if (this.isRefusal(queue, error)) await this.bisect(queue, connection, error);
      else throw error;
    }
    return true;
  }

  /** Sends one insert. Until it is confirmed its rows are in doubt. */
  private async insert(
    queue: BucketQueue,
    slices: readonly Slice[],
    { writer, generation }: EngineConnection,
    rest: readonly Slice[] = [],
  ): Promise<void> {
    const { table, signal } = queue.bucket;
    const lane = must(slices[0], 'an insert has rows').batch.lane;
    const queryId = `${insertPrefix(table, lane)}${this.options.random.uuid()}`;
    const all = [...slices, ...rest];
    queue.doubt = { slices: all, insert: { queryId, generation }, recovered: false };
    let unreadable: unknown;
    const body = readable(nativeBody(slices), (error) => (unreadable = error));
    this.options.counters.inserts += 1;
    try {
      const into = `meshtrail.${table} (${INSERT_COLUMNS[signal]})`;
      await writer.insert(into, body, queryId, insertSettings());
    } catch (error) {
      if (wasAnswered(error)) queue.doubt = { slices: all, insert: undefined, recovered: false };
      if (unreadable instanceof UnreadableBatch || unreadable instanceof BlockError) {
        throw unreadable;
      }
      throw error;
    }
  }

  /** What the table lacks of the rows in doubt; the rest is done. */
  private async settle(
    queue: BucketQueue,
    doubt: Doubt,
    connection: EngineConnection,
  ): Promise<Slice[]> {
    const { home } = this.options;
    const { table } = queue.bucket;
    if (doubt.insert !== undefined && doubt.insert.generation === connection.generation) {
      await home.fence(connection, doubt.insert.queryId);
      queue.doubt = { slices: doubt.slices, insert: undefined, recovered: false };
    }
    const client = (await home.connection(LIMITS.engineStartMs))?.writer;
    if (client === undefined) throw new Error('the engine is not there');
    if (doubt.recovered) await endEarlierInserts(client, table, doubt.slices);
    const missing = await missingSlices(client, table, doubt.slices);
    this.done(queue, without(doubt.slices, missing));
    return missing;
  }

  private isRefusal(queue: BucketQueue, error: unknown): boolean {
    if (error instanceof BlockError) return true;
    const failure = insertFailure(error);
    if (failure === 'unknown') return queue.failures + 1 >= LIMITS.insertTriesBeforeBisect;
    return failure === 'content';
  }

  /** Halves what the engine refuses until single rows are left; those are quarantined. */
  private async bisect(
    queue: BucketQueue,
    connection: EngineConnection,
    refusal: unknown,
  ): Promise<void> {
    const doubt = must(queue.doubt, 'what was refused is in doubt');
    const stack = halves(await this.settle(queue, doubt, connection));
    for (let group = stack.pop(); group !== undefined; group = stack.pop()) {
      const rest = stack.flat();
      queue.doubt = { slices: [...group, ...rest], insert: undefined, recovered: false };
      try {
        if (group.length === 0) continue;
        await this.insert(queue, group, connection, rest);
        this.done(queue, group);
      } catch (error) {
        if (insertFailure(error) === 'resource' && !(error instanceof BlockError)) throw error;
        stack.push(...(await this.divide(queue, group, rest, connection)));
      }
    }
    queue.doubt = undefined;
    this.options.log.warn('an insert was refused for what it holds, and divided', {
      table: queue.bucket.table,
      code: engineCode(refusal),
    });
  }

  /** What to try next in place of a refused group: its halves, or nothing once it is put aside. */
  private async divide(
    queue: BucketQueue,
    group: readonly Slice[],
    rest: readonly Slice[],
    connection: EngineConnection,
  ): Promise<Slice[][]> {
    // A refused insert may have written one of two partitions.
    const missing = await missingSlices(connection.writer, queue.bucket.table, group);
    this.done(queue, without(group, missing));
    const [only, second] = missing;
    if (only === undefined) return [];
    if (second === undefined && (rowsOf(only) === 1 || !(await canBeCut(only)))) {
      await this.askOnceMore(queue, missing, connection, rest);
      return [];
    }
    return halves(missing);
  }

  /** Rows are put aside only when the engine, asked again a little later, still refuses them. */
  private async askOnceMore(
    queue: BucketQueue,
    group: readonly Slice[],
    connection: EngineConnection,
    rest: readonly Slice[],
  ): Promise<void> {
    await this.options.clock.sleep(LIMITS.insertBackoffMs);
    try {
      await this.insert(queue, group, connection, rest);
      this.done(queue, group);
    } catch (error) {
      if (insertFailure(error) === 'resource' && !(error instanceof BlockError)) throw error;
      await this.quarantine(queue, group, error);
    }
  }

  private async quarantine(
    queue: BucketQueue,
    group: readonly Slice[],
    error: unknown,
  ): Promise<void> {
    const { bucket } = queue;
    const reason = String(engineCode(error) ?? (error instanceof Error ? error.message : error));
    for (const slice of group) {
      const { batch, from, to } = slice;
      const data = cutOrWhole(await batch.load(), slice);
      await this.options.quarantine.keep({
        bucket,
        lane: batch.lane,
        seq: batch.seq + from,
        rows: to - from,
        columns: batch.columns,
        data,
        reason,
      });
      this.options.counters.quarantinedRows += to - from;
      this.options.log.error('the engine refuses rows for what they hold: they are quarantined', {
        table: bucket.table,
        lane: batch.lane,
        seq: batch.seq + from,
        rows: to - from,
        reason,
      });
    }
    this.done(queue, group, true);
  }

  /** The journal keeps what cannot be read; the rest of the bucket must not wait for it. */
  private setAside(queue: BucketQueue, { batch, cause }: UnreadableBatch): void {
    const doubt = must(queue.doubt, 'what was sent is in doubt');
    const slices = doubt.slices.filter((slice) => slice.batch !== batch);
    queue.doubt = { ...doubt, slices };
    const { lane, seq, rows } = batch;
    this.options.log.error('a batch of the journal cannot be read and stays there', {
      lane,
      seq,
      rows,
      error: cause,
    });
  }

  private done(queue: BucketQueue, slices: readonly Slice[], quarantined = false): void {
    const { counters, release } = this.options;
    for (const slice of slices) {
      const rows = rowsOf(slice);
      const { protocol, rawBytes, rows: all } = slice.batch;
      counters.pendingRows -= rows;
      if (quarantined) continue;
      let stored = counters.stored.get(protocol);
      if (stored === undefined) counters.stored.set(protocol, (stored = { rows: 0, bytes: 0 }));
      stored.rows += rows;
      stored.bytes += Math.round((rawBytes * rows) / all);
    }
    for (const batch of queue.settle(slices)) release.release(batch);
  }
}

/** Query ids of our inserts name table and lane, so that a restarted server finds its own. */
function insertPrefix(table: string, lane: string): string {
  const hash = createHash('sha256').update(lane).digest('hex').slice(0, 16);
  return `meshtrail-${table}-${hash}-`;
}

async function endEarlierInserts(
  client: EngineClient,
  table: string,
  slices: readonly Slice[],
): Promise<void> {
  for (const lane of new Set(slices.map(({ batch }) => batch.lane))) {
    const params = { prefix: insertPrefix(table, lane) };
    await client.command('KILL QUERY WHERE startsWith(query_id, {prefix:String}) SYNC', { params });
  }
}

async function* readable(
  body: AsyncGenerator<Uint8Array>,
  failed: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    failed(error);
    throw error;
  }
}

/** `slices` less `missing`, both over the same batches. */
function without(slices: readonly Slice[], missing: readonly Slice[]): Slice[] {
  const stored: Slice[] = [];
  for (const slice of slices) {
    let { from } = slice;
    for (const gap of missing) {
      if (gap.batch !== slice.batch || gap.from < slice.from || gap.to > slice.to) continue;
      if (gap.from > from) stored.push({ batch: slice.batch, from, to: gap.from });
      from = gap.to;
    }
    if (from < slice.to) stored.push({ batch: slice.batch, from, to: slice.to });
  }
  return stored;
}

/**
 * Two groups to try apart, the first of them last (it is popped first): batches first, so that one
 * of broken bytes is alone before anything is cut out of it; then rows.
 */
function halves(group: readonly Slice[]): Slice[][] {
  const [only] = group;
  if (group.length > 1 || only === undefined) {
    const middle = Math.ceil(group.length / 2);
    return [group.slice(middle), group.slice(0, middle)];
  }
  if (rowsOf(only) === 1) return [[only]];
  const middle = only.from + Math.ceil(rowsOf(only) / 2);
  return [[{ ...only, from: middle }], [{ ...only, to: middle }]];
}

async function canBeCut({ batch }: Slice): Promise<boolean> {
  try {
    sliceBlock(await batch.load(), batch.columns, batch.rows, 0, 0);
    return true;
  } catch (error) {
    if (error instanceof BlockError) return false;
    throw error;
  }
}

function cutOrWhole(data: Uint8Array, { batch, from, to }: Slice): Uint8Array {
  try {
    return sliceBlock(data, batch.columns, batch.rows, from, to);
  } catch (error) {
    if (error instanceof BlockError) return data;
    throw error;
  }
}
