import { LIMITS } from '../../model/limits.ts';
import { MeshtrailError } from '../../model/errors.ts';
import type { Timer } from '../../platform/clock.ts';
import { assembleEngine } from './assemble.ts';
import { Catalog } from './catalog.ts';
import { EngineClient, readSilenceMs, type EngineAddress, type EngineSettings } from './client.ts';
import { ConnectionSlot } from './connection-slot.ts';
import { newCounters } from './counters.ts';
import type { Engine, EngineConnection, EngineHome, EngineOptions } from './engine.ts';
import { readFailure, wasAnswered } from './failure.ts';

export interface ClusterEngineOptions extends EngineOptions {
  readonly url: string;
  /** The user that inserts and makes tables. */
  readonly user: string;
  /** File with that user's password; its last newline is not part of it. None: no password. */
  readonly passwordFile?: string | undefined;
  /**
   * The user that reads: its profile bounds time and memory, and has `readonly = 2` (1 where
   * `output_format_json_quote_64bit_integers` may be changed). Without one the writing user reads,
   * each time with `readonly` and bounds of ours.
   */
  readonly readerUser?: string | undefined;
  readonly readerPasswordFile?: string | undefined;
}

/** How often the server is asked whether it is there, ms. */
const PROBE_MS = 1_000;
/**
 * A request whose connection broke may still lie in the server's queue: it is looked for again
 * after this pause before its outcome is trusted, ms.
 */
const GRACE_MS = 2_000;

/** A ClickHouse server or cluster by URL: its disks, its limits, our tables. */
export function createClusterEngine(options: ClusterEngineOptions): Engine {
  const catalog = new Catalog(`${options.dataDirectory}/catalog.db`);
  const counters = newCounters();
  const home = new ClusterHome(options);
  return assembleEngine(options, home, catalog, counters).engine;
}

/** JavaScript's numbers end at 2^53. */
const EXACT_NUMBERS: EngineSettings = { output_format_json_quote_64bit_integers: 1 };

const boundedRead = (): EngineSettings => ({
  ...EXACT_NUMBERS,
  readonly: 2,
  max_execution_time: LIMITS.readSeconds,
  max_memory_usage: LIMITS.readMemoryBytes,
  cancel_http_readonly_queries_on_client_close: 1,
});

class ClusterHome implements EngineHome {
  version = '';
  readonly processId = undefined;
  private readonly options: ClusterEngineOptions;
  private readonly stopSignal = new AbortController();
  private readonly slot: ConnectionSlot;
  private known: EngineConnection | undefined;
  private probes: Timer | undefined;
  private probing = false;

  constructor(options: ClusterEngineOptions) {
    this.options = options;
    this.slot = new ConnectionSlot(options.clock);
  }

  get current(): EngineConnection | undefined {
    return this.slot.current;
  }

  async start(): Promise<void> {
    const { url, user, readerUser = user } = this.options;
    const password = await this.password(this.options.passwordFile);
    const readerPassword =
      this.options.readerUser === undefined
        ? password
        : await this.password(this.options.readerPasswordFile);
    const connect = (address: EngineAddress): EngineClient => new EngineClient(address);
    const writer = connect({ url, user, password });
    const settings = this.options.readerUser === undefined ? boundedRead() : EXACT_NUMBERS;
    const silenceMs = readSilenceMs();
    const reader = connect({
      url,
      user: readerUser,
      password: readerPassword,
      settings,
      silenceMs,
    });
    this.known = { writer, reader, generation: 1 };
    try {
      const [row] = await writer.rows('SELECT version()');
      this.version = String(row?.[0]);
    } catch (error) {
      await this.stop();
      throw readFailure(error, false);
    }
    this.slot.set(this.known);
    this.probes = this.options.clock.setRepeating(PROBE_MS, () => void this.probe());
  }

  async stop(): Promise<void> {
    this.stopSignal.abort();
    this.probes?.cancel();
    this.slot.close();
    await Promise.all([this.known?.writer.close(), this.known?.reader.close()]);
  }

  connection(waitMs: number): Promise<EngineConnection | undefined> {
    return this.slot.wait(waitMs);
  }

  /** Reads and inserts wait while the server is away, as they do for the embedded engine. */
  private async probe(): Promise<void> {
    if (this.probing || this.stopSignal.signal.aborted) return;
    this.probing = true;
    try {
      await this.known?.writer.command('SELECT 1');
      if (this.slot.current === undefined) this.slot.set(this.known);
    } catch (error) {
      if (wasAnswered(error)) return;
      if (this.slot.current !== undefined) this.options.log.warn('the engine does not answer');
      this.slot.set(undefined);
    } finally {
      this.probing = false;
    }
  }

  needDisk(): Promise<void> {
    return Promise.resolve();
  }

  diskSetting(): string {
    return '';
  }

  async fence({ writer }: EngineConnection, queryId: string): Promise<void> {
    const end = 'KILL QUERY WHERE query_id = {id:String} SYNC';
    await writer.command(end, { params: { id: queryId } });
    await this.options.clock.sleep(GRACE_MS, this.stopSignal.signal);
    await writer.command(end, { params: { id: queryId } });
  }

  private async password(path: string | undefined): Promise<string> {
    if (path === undefined) return '';
    try {
      return (await this.options.disk.readFile(path)).toString('utf8').replace(/\r?\n$/, '');
    } catch (error) {
      throw new MeshtrailError('engine_password', `the password file ${path} cannot be read`, '', {
        cause: error,
      });
    }
  }
}
