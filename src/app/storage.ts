import { join } from 'node:path';
import type { Batch, Signal } from '../model/batch.ts';
import { MeshtrailError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { watermarksOf, type Watermark } from '../model/origin.ts';
import type { Bucket, EngineReader, NumberedBatch } from '../model/storage.ts';
import { systemClock } from '../platform/clock.ts';
import { systemDisk } from '../platform/disk.ts';
import { systemEnvironment } from '../platform/environment.ts';
import type { Log } from '../platform/log.ts';
import { systemRandom } from '../platform/random.ts';
import { openJournal, type Journal } from '../storage/journal/journal.ts';
import { openKeyring } from '../storage/lifecycle/keyring.ts';
import type { KeyWrapper } from '../storage/lifecycle/keyring-wrapper.ts';
import { createClusterEngine } from '../storage/engine/cluster.ts';
import { createEmbeddedEngine } from '../storage/engine/embedded.ts';
import type { Engine, EngineOptions } from '../storage/engine/engine.ts';
import type { SourceTable } from '../storage/state/source-table.ts';
import { State } from '../storage/state/state.ts';
import type { Storage } from './acknowledge.ts';
import type { Configuration } from './configuration.ts';
import type { Counters } from './counters.ts';
import { Once } from './once.ts';
import { Readiness } from './readiness.ts';

/** Keyring, journal and engine, wired; closed in the reverse order. */
export interface OpenStorage extends Storage {
  readonly reader: EngineReader;
  /** Who ever sent here. */
  readonly sources: SourceTable;
  /** Seals small secrets under the root key. */
  readonly wrapper: KeyWrapper;
  readonly catalog: Engine['catalog'];
  readonly engineHome: string;
  engineVersion(): string;
  engineProcess(): number | undefined;
  /**
   * False while the journal cannot take more: requests are then refused before they are decoded.
   */
  accepting(): boolean;
  /** What keeps the server from being ready, in words; empty when it is. */
  notReady(): Promise<string[]>;
  /** Makes what is pending of a signal in that range readable. */
  flush(tenant: string, startNs: bigint, endNs: bigint, signal: Signal): Promise<void>;
  /** Calls `tell` for each batch once it is durable. */
  onDurable(tell: (batch: NumberedBatch) => void): void;
  /** What clients have set up by name. */
  readonly definitions: State['definitions'];
  /** How far the lines of agents' sources were stored when the server started. */
  readonly watermarks: readonly Watermark[];
  readGauges(counters: Counters): void;
  stop(drainMs: number): Promise<void>;
}

export interface StorageOptions {
  readonly config: Configuration;
  readonly data: string;
  readonly counters: Counters;
  readonly log: Log;
  readonly hostName: string;
}

/** One class until policies bring more. */
const RETENTION_CLASS = 'default';

/** A clock set back by more than this was wrong before, not now. */
const TRUSTED_LEAD_NS = 86_400_000_000_000n;

/** Times of receipt go on from the newest one kept, when the clock was set back a little. */
const keepTimeGoing = (latestNs: bigint, log: Log): void => {
  const leadNs = latestNs - systemClock.nowNs();
  if (leadNs <= 0n) return;
  if (leadNs <= TRUSTED_LEAD_NS) systemClock.observeAtLeast(latestNs);
  else log.warn('rows were received in the future: the clock was wrong then', { latestNs });
};

const rootKeyOf = (text: string | undefined): Uint8Array | undefined => {
  if (text === undefined || text === '') return undefined;
  const key = Buffer.from(text.trim(), 'hex');
  if (key.length !== 32) {
    throw new MeshtrailError(
      'root_key_invalid',
      'MESHTRAIL_ROOT_KEY is not 64 hexadecimal digits',
      'make one with: openssl rand -hex 32',
    );
  }
  return key;
};

const createEngine = (config: Configuration, options: EngineOptions): Engine => {
  const { home, user, passwordFile, memoryBytes, threads } = config.engine;
  if (home === 'embedded') return createEmbeddedEngine({ ...options, memoryBytes, threads });
  return createClusterEngine({ ...options, url: home, user, passwordFile });
};

export const openStorage = async (options: StorageOptions): Promise<OpenStorage> => {
  const { config, data, log } = options;
  const state = new State(join(data, 'state.db'), systemClock);
  keepTimeGoing(state.latestNs(), log);
  const rootKey = rootKeyOf(systemEnvironment.get('MESHTRAIL_ROOT_KEY'));
  const keyring = await openKeyring({
    file: join(data, 'keyring'),
    disk: systemDisk,
    log,
    ...(rootKey && { rootKey }),
  });
  const engine = createEngine(config, {
    dataDirectory: data,
    keyring,
    release: { release: (batch) => journal.release(batch) },
    clock: systemClock,
    disk: systemDisk,
    log,
    random: systemRandom,
  });
  const once = new Once(systemClock, (protocol, rows) => {
    options.counters.add('meshtrail_duplicates_total', rows, { protocol });
  });
  const listeners: ((batch: NumberedBatch) => void)[] = [];
  const buckets = new Map(engine.catalog.buckets().map((bucket) => [bucket.id, bucket]));
  const journal: Journal = await openJournal({
    directory: join(data, 'journal'),
    disk: systemDisk,
    clock: systemClock,
    keyring,
    node: state.nodeName(
      config.node ?? (options.hostName.replace(/[^A-Za-z0-9._-]/g, '-') || 'node'),
    ),
    maxBytes: config.journalMaxBytes,
    log,
    floors: state.floors(),
    onTokens: (batch, tokens) => once.remember(batch.tenant, tokens, batch.observedNs),
    onStored: (batches) =>
      state.agentSources.raise(batches.flatMap((batch) => watermarksOf(batch))),
    onDurable: (batch) => {
      engine.writer.enqueue(batch);
      for (const tell of listeners) tell(batch);
    },
    onSegmentEnd: (end) => state.segmentEnded(end),
    resolveBucket: (id) => {
      const bucket = buckets.get(id);
      if (bucket !== undefined) return bucket;
      throw new MeshtrailError(
        'bucket_unknown',
        `the journal names the bucket ${id}, which the catalog does not have`,
        'restore catalog.db and journal/ from the same moment',
      );
    },
  });
  try {
    await engine.start();
    engine.writer.recover(journal.recovered);
  } catch (error) {
    await engine.stop();
    await journal.close();
    state.close();
    throw error;
  }
  const readiness = new Readiness({ engine, journal, data });
  const { wrapper } = keyring;
  return assemble(options, { engine, journal, state, wrapper, listeners, readiness, once });
};

interface Parts {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly state: State;
  readonly wrapper: KeyWrapper;
  readonly listeners: ((batch: NumberedBatch) => void)[];
  readonly readiness: Readiness;
  readonly once: Once;
}

const assemble = (
  { config, counters }: StorageOptions,
  { engine, journal, state, wrapper, listeners, readiness, once }: Parts,
): OpenStorage => ({
  once,
  watermarks: [
    ...state.agentSources.watermarks(),
    ...journal.recovered.flatMap((batch) => watermarksOf(batch)),
  ],
  reader: engine.reader,
  wrapper,
  sources: state.sources,
  definitions: state.definitions,
  catalog: engine.catalog,
  engineHome: config.engine.home,
  engineVersion: () => engine.version,
  engineProcess: () => engine.processId,
  bucketFor: (tenant, observedNs, signal): Promise<Bucket> =>
    Promise.resolve(engine.catalog.bucketFor(tenant, RETENTION_CLASS, observedNs, signal)),
  learn: (bucket, layouts) => engine.catalog.learn(bucket, layouts),
  layoutsFull: (bucket) => engine.catalog.layoutCount(bucket) >= LIMITS.layoutsPerBucket,
  append: (batch: Batch, bucket: Bucket) => readiness.watch(journal.append(batch, bucket)),
  accepting: () => journal.ready,
  notReady: () => readiness.missing(),
  flush: (tenant, startNs, endNs, signal) => engine.writer.flush(tenant, startNs, endNs, signal),
  onDurable: (tell) => void listeners.push(tell),
  readGauges: () => readGauges(counters, engine, journal),
  stop: async (drainMs) => {
    const drained = Promise.all(
      engine.catalog
        .tenants()
        .map((tenant) => engine.writer.flush(tenant, 0n, 9_223_372_036_854_775_807n)),
    );
    await Promise.race([drained.catch(() => undefined), systemClock.sleep(drainMs)]);
    await engine.stop();
    await journal.close();
    state.close();
  },
});

const readGauges = (counters: Counters, engine: Engine, journal: Journal): void => {
  counters.set('meshtrail_engine_up', engine.ready ? 1 : 0);
  counters.set('meshtrail_engine_restarts_total', engine.counters.restarts);
  counters.set('meshtrail_engine_inserts_total', engine.counters.inserts);
  counters.set('meshtrail_engine_insert_retries_total', engine.counters.retries);
  counters.set('meshtrail_engine_quarantined_records_total', engine.counters.quarantinedRows);
  for (const [protocol, { rows, bytes }] of engine.counters.stored) {
    counters.set('meshtrail_stored_records_total', rows, { protocol });
    counters.set('meshtrail_stored_bytes_total', bytes, { protocol });
  }
  for (const tenant of engine.catalog.tenants()) {
    counters.set('meshtrail_layouts', engine.catalog.tenantLayoutCount(tenant), { tenant });
  }
  counters.set('meshtrail_journal_bytes', journal.diskBytes);
  counters.set('meshtrail_journal_pending_bytes', journal.pendingBytes);
  counters.set('meshtrail_journal_oldest_age_ns', Number(journal.oldestAgeNs));
  counters.set('meshtrail_journal_torn_tails_total', journal.counters.cutTails);
  counters.set('meshtrail_journal_corrupt_frames_total', journal.counters.damages);
};
