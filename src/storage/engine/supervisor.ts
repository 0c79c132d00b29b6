import { LIMITS } from '../../model/limits.ts';
import { MeshtrailError } from '../../model/errors.ts';
import { coreCount } from '../../platform/processes.ts';
import { ConnectionSlot } from './connection-slot.ts';
import { diskName, type EngineLimits } from './config.ts';
import type { EngineCounters } from './counters.ts';
import type { EngineConnection, EngineHome, EngineOptions } from './engine.ts';
import { startEngineProcess, type EngineProcess } from './engine-process.ts';

export interface SupervisorOptions extends EngineOptions {
  readonly counters: EngineCounters;
  /** The greatest disk that a bucket is bound to. */
  readonly boundDisks: () => number;
  /** Reads and inserts under way: a planned restart waits until there are none. */
  readonly underWay: () => number;
  readonly memoryBytes?: number | undefined;
  readonly threads?: number | undefined;
}

interface Running {
  readonly process: EngineProcess;
  readonly connection: EngineConnection;
}

/**
 * Keeps one embedded engine running: starts it again, with growing pauses, when it dies, and with
 * more disks when buckets have taken the spare ones. To those who use it a restart is a wait.
 */
export class Supervisor implements EngineHome {
  version = '';
  private readonly options: SupervisorOptions;
  private running: Running | undefined;
  private generation = 0;
  private loop: Promise<void> | undefined;
  private readonly slot: ConnectionSlot;
  private readonly stopSignal = new AbortController();
  private restartAsked = false;

  constructor(options: SupervisorOptions) {
    this.options = options;
    this.slot = new ConnectionSlot(options.clock);
  }

  get current(): EngineConnection | undefined {
    return this.slot.current;
  }

  get processId(): number | undefined {
    return this.running?.process.processId;
  }

  async start(): Promise<void> {
    // The first start is not repeated: what is wrong then (another server on this data, no
    // library) is for the operator to see at once. A dying predecessor may need a moment.
    let pauseMs = LIMITS.restartBackoffMs;
    for (let tries = 5; ; tries--) {
      try {
        await this.spawn();
        break;
      } catch (error) {
        if (tries === 1) throw error;
        await this.options.clock.sleep(pauseMs, this.stopSignal.signal);
        pauseMs *= 2;
      }
    }
    this.loop = this.supervise();
  }

  async stop(): Promise<void> {
    this.stopSignal.abort();
    this.slot.close();
    await this.running?.process.kill();
    await this.loop;
  }

  connection(waitMs: number): Promise<EngineConnection | undefined> {
    return this.slot.wait(waitMs);
  }

  diskSetting(disk: number): string {
    return `disk = '${diskName(disk)}',`;
  }

  /** Restarts the engine at once for a disk that it lacks, and when idle for the spares to come. */
  async needDisk(disk: number): Promise<void> {
    while (!this.isStopped()) {
      const running = this.running;
      if (running === undefined) {
        await this.connection(LIMITS.engineStartMs);
        continue;
      }
      const spare = running.process.disks - Math.max(disk, this.options.boundDisks());
      if (disk <= running.process.disks) {
        if (spare < LIMITS.spareDisksLow) this.restartWhenIdle(running);
        return;
      }
      await this.retire(running);
    }
    throw new MeshtrailError('engine_unavailable', 'the engine was stopped');
  }

  /** The engine's end is the only proof that nothing of an unanswered insert still runs. */
  async fence(connection: EngineConnection): Promise<void> {
    const running = this.running;
    if (running?.connection !== connection) return;
    await this.retire(running);
  }

  /** Ends a running engine; from now on its users wait for the next one. */
  private async retire(running: Running): Promise<void> {
    if (this.running === running) this.set(undefined);
    await running.process.kill();
  }

  private restartWhenIdle(running: Running): void {
    if (this.restartAsked) return;
    this.restartAsked = true;
    void this.whenIdle(running);
  }

  private async whenIdle(running: Running): Promise<void> {
    const { clock, log, underWay } = this.options;
    const deadlineMs = clock.monotonicMs() + LIMITS.restartIdleMs;
    while (underWay() > 0 && clock.monotonicMs() < deadlineMs && !this.isStopped()) {
      await clock.sleep(IDLE_CHECK_MS, this.stopSignal.signal);
    }
    this.restartAsked = false;
    if (this.isStopped() || this.running !== running) return;
    log.info('restarting the engine to give it more disks', { disks: running.process.disks });
    await this.retire(running);
  }

  private async supervise(): Promise<void> {
    const { clock, log, counters } = this.options;
    let pauseMs = 0;
    let latest = this.running;
    while (!this.isStopped()) {
      if (latest !== undefined) {
        const sinceMs = clock.monotonicMs();
        await latest.process.ended;
        const planned = this.running !== latest;
        if (!planned) this.set(undefined);
        if (this.isStopped()) return;
        if (!planned) log.warn('the engine died; starting it again');
        if (planned || clock.monotonicMs() - sinceMs > LIMITS.restartBackoffMaxMs) pauseMs = 0;
        latest = undefined;
      }
      await clock.sleep(pauseMs, this.stopSignal.signal);
      if (this.isStopped()) return;
      pauseMs = Math.min(
        Math.max(pauseMs * 2, LIMITS.restartBackoffMs),
        LIMITS.restartBackoffMaxMs,
      );
      counters.restarts += 1;
      try {
        await this.spawn();
        latest = this.running;
      } catch (error) {
        log.warn('the engine did not start; trying again', { error, pauseMs });
      }
    }
  }

  private async spawn(): Promise<void> {
    const { options } = this;
    const disks = options.boundDisks() + LIMITS.spareDisks;
    const process = await startEngineProcess(options, disks, limitsOf(options));
    if (this.isStopped()) {
      await process.kill();
      return;
    }
    this.version = process.version;
    this.generation += 1;
    const { writer, reader } = process;
    this.set({ process, connection: { writer, reader, generation: this.generation } });
  }

  private isStopped(): boolean {
    return this.stopSignal.signal.aborted;
  }

  private set(running: Running | undefined): void {
    this.running = running;
    this.slot.set(running?.connection);
  }
}

const IDLE_CHECK_MS = 20;

function limitsOf(options: SupervisorOptions): EngineLimits {
  const memoryBytes = options.memoryBytes ?? LIMITS.engineMemoryBytes;
  return {
    memoryBytes,
    threads: options.threads ?? Math.max(1, coreCount()),
    readSeconds: LIMITS.readSeconds,
    readMemoryBytes: Math.min(LIMITS.readMemoryBytes, Math.floor(memoryBytes / 2)),
  };
}
