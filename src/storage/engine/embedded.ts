import { Catalog } from './catalog.ts';
import { newCounters } from './counters.ts';
import { assembleEngine } from './assemble.ts';
import type { Engine, EngineHome, EngineOptions } from './engine.ts';
import { Supervisor } from './supervisor.ts';

export interface EmbeddedEngineOptions extends EngineOptions {
  /** Memory of the engine's process, bytes; `LIMITS.engineMemoryBytes` by default. */
  readonly memoryBytes?: number;
  /** Threads of a query and of all merges; one a core by default. */
  readonly threads?: number;
}

/** ClickHouse as a child process of ours, its data below `<dataDirectory>/engine`. */
export function createEmbeddedEngine(options: EmbeddedEngineOptions): Engine {
  return assembleEmbedded(options).engine;
}

/** The same with the home beside it, for tests that need to reach behind the engine. */
export function assembleEmbedded(options: EmbeddedEngineOptions): {
  readonly engine: Engine;
  readonly home: EngineHome;
} {
  const catalog = new Catalog(`${options.dataDirectory}/catalog.db`);
  const counters = newCounters();
  let underWay = (): number => 0;
  const home = new Supervisor({
    ...options,
    counters,
    boundDisks: () => catalog.lastDisk,
    underWay: () => underWay(),
    memoryBytes: options.memoryBytes,
    threads: options.threads,
  });
  const assembled = assembleEngine(options, home, catalog, counters);
  underWay = assembled.underWay;
  return { engine: assembled.engine, home };
}
