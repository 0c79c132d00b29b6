import type { EngineReader, JournalRelease, Keyring } from '../../model/storage.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Disk } from '../../platform/disk.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import type { Catalog } from './catalog.ts';
import type { EngineClient } from './client.ts';
import type { EngineWriter } from './writer.ts';
import type { EngineCounters } from './counters.ts';

/** ClickHouse in one of its two homes: a child process of ours, or a server by URL. */
export interface Engine {
  /** Resolves once the engine answers and its schema stands. Throws `engine_unavailable`. */
  start(): Promise<void>;
  /** Stops taking batches, waits for inserts under way (bounded), ends the engine. */
  stop(): Promise<void>;
  /** True while the engine answers. */
  readonly ready: boolean;
  /** ClickHouse's version, '' before the start. */
  readonly version: string;
  readonly reader: EngineReader;
  readonly catalog: Catalog;
  readonly writer: EngineWriter;
  readonly counters: EngineCounters;
  /** The embedded engine's process while it runs. */
  readonly processId: number | undefined;
}

/** What both homes are handed. */
export interface EngineOptions {
  /** Absolute path of the server's data directory. */
  readonly dataDirectory: string;
  readonly keyring: Keyring;
  readonly release: JournalRelease;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
  readonly random: Random;
}

/** One running engine: new ones come with every restart. */
export interface EngineConnection {
  readonly writer: EngineClient;
  readonly reader: EngineClient;
  /** Counts the starts of the engine: another number means that nothing of before still runs. */
  readonly generation: number;
}

/** Where an engine lives. */
export interface EngineHome {
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly version: string;
  readonly processId: number | undefined;
  /** The connection while the engine answers. */
  readonly current: EngineConnection | undefined;
  /** Waits for a running engine; undefined when there is none after `waitMs` or it was stopped. */
  connection(waitMs: number): Promise<EngineConnection | undefined>;
  /** Makes the disk usable: may restart the engine. Resolves when it is. */
  needDisk(disk: number): Promise<void>;
  /** The table setting that puts a table on a disk, '' where the home has no disks of ours. */
  diskSetting(disk: number): string;
  /** After an insert without an answer: ends what may still run of it, by a restart if need be. */
  fence(connection: EngineConnection, queryId: string): Promise<void>;
}
