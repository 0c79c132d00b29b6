import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Catalog } from './catalog.ts';
import type { EngineCounters } from './counters.ts';
import { Delivery } from './delivery.ts';
import type { Engine, EngineHome, EngineOptions } from './engine.ts';
import { readFailure, wasAnswered } from './failure.ts';
import { createQuarantine } from './quarantine.ts';
import { Reader } from './reader.ts';
import { Tables } from './tables.ts';
import { EngineWriter } from './writer.ts';

interface Assembled {
  readonly engine: Engine;
  /** Reads and inserts under way. */
  readonly underWay: () => number;
}

/** Everything that is the same in both homes. */
export function assembleEngine(
  options: EngineOptions,
  home: EngineHome,
  catalog: Catalog,
  counters: EngineCounters,
): Assembled {
  const { clock, log, disk } = options;
  const tables = new Tables(catalog, home, disk);
  const reader = new Reader(home, clock);
  const quarantine = createQuarantine({
    ...options,
    directory: `${options.dataDirectory}/quarantine`,
  });
  const delivery = new Delivery({ ...options, home, tables, quarantine, counters });
  const writer = new EngineWriter({ home, delivery, tables, catalog, counters, clock, log });
  const engine: Engine = {
    async start() {
      await home.start();
      await migrate(home, tables, clock);
    },
    async stop() {
      const written = writer.stop();
      const enough = new AbortController();
      await Promise.race([written, clock.sleep(LIMITS.engineStopMs, enough.signal)]);
      enough.abort();
      await home.stop();
      await written;
      catalog.close();
    },
    get ready() {
      return home.current !== undefined;
    },
    get version() {
      return home.version;
    },
    get processId() {
      return home.processId;
    },
    reader,
    catalog,
    writer,
    counters,
  };
  return { engine, underWay: () => reader.active + writer.active };
}

/** Brings the schema up to date; an engine that ends meanwhile is waited for. */
async function migrate(home: EngineHome, tables: Tables, clock: Clock): Promise<void> {
  const deadlineMs = clock.monotonicMs() + LIMITS.engineStartMs;
  for (;;) {
    const connection = await home.connection(LIMITS.engineStartMs);
    if (connection === undefined) {
      throw new MeshtrailError('engine_unavailable', 'the engine ended during its start');
    }
    try {
      return await tables.migrate(connection);
    } catch (error) {
      if (wasAnswered(error) || clock.monotonicMs() > deadlineMs) throw readFailure(error, false);
      await clock.sleep(RETRY_MS);
    }
  }
}

/** Between two tries of the schema, ms. */
const RETRY_MS = 50;
