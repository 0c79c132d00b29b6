import { MeshtrailError } from '../model/errors.ts';
import type { EngineReader } from '../model/storage.ts';
import { systemClock } from '../platform/clock.ts';
import { systemDisk } from '../platform/disk.ts';

/** Time for which a full journal is told after its last refusal, ms: senders try again sooner. */
const FULL_SHOWN_MS = 10_000;
/** An engine that has not answered `SELECT 1` by then is not ready, ms. */
const PROBE_MS = 2_000;
/** One answer serves everyone who asks within this time, ms: /readyz is open to all. */
const PROBE_KEPT_MS = 1_000;

export interface ReadinessSources {
  readonly engine: { readonly ready: boolean; readonly reader: EngineReader };
  readonly journal: { readonly ready: boolean };
  /** The data directory. */
  readonly data: string;
}

/** Knows what keeps the server from being ready, for /readyz. */
export class Readiness {
  private readonly sources: ReadinessSources;
  private fullAtMs = -Infinity;
  private probe: { readonly atMs: number; readonly answers: Promise<boolean> } | undefined;

  constructor(sources: ReadinessSources) {
    this.sources = sources;
  }

  /** Notes from an append whether the journal has room. */
  async watch<T>(append: Promise<T>): Promise<T> {
    try {
      return await append;
    } catch (error) {
      const isFull = error instanceof MeshtrailError && error.code === 'journal_full';
      if (isFull) this.fullAtMs = systemClock.monotonicMs();
      throw error;
    }
  }

  /** In words; empty when all is well. */
  async missing(): Promise<string[]> {
    const { engine, journal, data } = this.sources;
    const missing: string[] = [];
    if (!engine.ready || !(await this.engineAnswers())) missing.push('the engine does not answer');
    if (!journal.ready) missing.push(`the journal cannot be written (${await spaceLeft(data)})`);
    else if (systemClock.monotonicMs() - this.fullAtMs < FULL_SHOWN_MS)
      missing.push('the journal is full until the engine catches up');
    return missing;
  }

  /** Asks the engine itself: a frozen one still has its connection. */
  private engineAnswers(): Promise<boolean> {
    const nowMs = systemClock.monotonicMs();
    if (this.probe === undefined || nowMs - this.probe.atMs > PROBE_KEPT_MS) {
      this.probe = { atMs: nowMs, answers: this.ask() };
    }
    return this.probe.answers;
  }

  private async ask(): Promise<boolean> {
    const signal = AbortSignal.timeout(PROBE_MS);
    const late = systemClock.sleep(PROBE_MS, signal).then(() => false);
    const asked = this.sources.engine.reader.rows('SELECT 1', { signal }).then(
      () => true,
      () => false,
    );
    return Promise.race([asked, late]);
  }
}

const spaceLeft = async (directory: string): Promise<string> => {
  try {
    const { freeBytes } = await systemDisk.space(directory);
    return `${Math.floor(freeBytes / 1_048_576)} MiB left on its disk`;
  } catch {
    return 'its disk does not answer';
  }
};
