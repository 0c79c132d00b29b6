import { join } from 'node:path';
import { overrideLimits } from '../model/limits.ts';
import type { Timer } from '../platform/clock.ts';
import type { AgentConfiguration } from './configuration.ts';
import { Delivery } from './delivery.ts';
import type { DeliverySettings } from './delivery-settings.ts';
import { DiskBuffer, type BufferedBatch } from './disk-buffer.ts';
import type { AgentDoors } from './doors.ts';
import { agentFields } from './fields.ts';
import { Health, type HealthView } from './health.ts';
import { Inputs } from './inputs.ts';
import { Ledger } from './ledger.ts';
import { openAgentKeyring } from './keyring.ts';
import { metricsText } from './metrics.ts';
import { Pipeline } from './pipeline.ts';
import { quarantine } from './quarantine.ts';
import { redactNothing } from './redaction.ts';
import { readSecrets } from './secrets.ts';

/**
 * A running agent: everything is wired here. It starts from the far end, so that nothing is read
 * before it can be kept, and stops in the reverse order.
 */
export interface Agent {
  readonly id: string;
  /** The address of /metrics and /healthz; undefined where it has none. */
  readonly health: string | undefined;
  /**
   * Goes on with a new configuration; inputs that it leaves as they are read on undisturbed.
   * Rejects and changes nothing where it cannot be used.
   */
  reload(configuration: AgentConfiguration): Promise<void>;
  /** Reads no more, makes what was read durable, and delivers as much as `withinMs` allows. */
  stop(withinMs: number): Promise<void>;
  /**
   * Resolves when all inputs have ended by themselves (standard input, for example): true where
   * none of them failed.
   */
  readonly exhausted: Promise<boolean>;
}

/** What left the buffer is let go of together, after the ledger was written; ms. */
const RELEASE_MS = 1_000;
/** Bytes of the buffer kept in memory to be sent; the rest is read back. */
const HELD_BYTES = 4_194_304;

export const startAgent = async (
  configuration: AgentConfiguration,
  doors: AgentDoors,
): Promise<Agent> => {
  const running = new RunningAgent(configuration, doors);
  await running.start();
  return running;
};

class RunningAgent implements Agent {
  private configuration: AgentConfiguration;
  private readonly doors: AgentDoors;
  private ledger!: Ledger;
  private buffer!: DiskBuffer;
  private delivery!: Delivery;
  private pipeline!: Pipeline;
  private inputs!: Inputs;
  private healthServer: Health | undefined;
  /** Delivered, and to be released with the next write of the ledger. */
  private delivered: BufferedBatch[] = [];
  private releasing: Promise<void> = Promise.resolve();
  private timer: Timer | undefined;

  constructor(configuration: AgentConfiguration, doors: AgentDoors) {
    this.configuration = configuration;
    this.doors = doors;
  }

  get id(): string {
    return this.ledger.agent;
  }

  get health(): string | undefined {
    return this.healthServer?.address;
  }

  get exhausted(): Promise<boolean> {
    return this.inputs.exhausted;
  }

  async start(): Promise<void> {
    const { configuration, doors } = this;
    const { disk, clock, random, log, sockets } = doors;
    const { data: directory, batchBytes, batchWaitMs, packing } = configuration;
    overrideLimits({ pendingMemoryBytes: HELD_BYTES });
    await disk.makeDirectory(directory);
    const secrets = await readSecrets(configuration, doors);
    const keyring = await openAgentKeyring(configuration, doors);
    const host = configuration.host ?? doors.hostName;
    this.ledger = await Ledger.open(join(directory, 'ledger.json'), host, disk, random);
    const { ledger } = this;
    const { bufferMaxBytes: maxBytes } = configuration;
    const buffer = { directory, disk, clock, keyring, ledger, maxBytes, log };
    this.buffer = await DiskBuffer.open(buffer);
    this.delivery = new Delivery(
      {
        ...{ buffer: this.buffer, clock, random, sockets, log, version: doors.version },
        setAside: async (body, why) => {
          const path = await quarantine({ directory, disk, clock, keyring, random }, body, why);
          log.error('set aside', { path });
        },
        delivered: (batch) => this.release(batch),
      },
      settingsOf(configuration, secrets),
    );
    this.pipeline = new Pipeline({
      ...{ ledger, buffer: this.buffer, clock, log, redact: redactNothing, host },
      ...{ version: doors.version, batchBytes, batchWaitMs, packing },
      unreadBytes: () => this.inputs.unreadBytes(),
      buffered: (batch) => this.delivery.add(batch),
    });
    this.inputs = new Inputs(this.pipeline, ledger, doors, directory);
    for (const batch of this.buffer.recovered.splice(0)) this.delivery.add(batch);
    await this.inputs.change(configuration.inputs, await agentFields(configuration, doors));
    const { listen } = configuration;
    if (listen !== undefined) {
      this.healthServer = await Health.open(listen, sockets, log, () => this.view());
    }
  }

  async reload(next: AgentConfiguration): Promise<void> {
    const { doors } = this;
    const now = this.configuration;
    const secrets = await readSecrets(next, doors);
    const fields = await agentFields(next, doors);
    await this.inputs.change(next.inputs, fields);
    this.delivery.configure(settingsOf(next, secrets));
    const fixed = ['data', 'host', 'listen', 'bufferMaxBytes', 'rootKeyFile'] as const;
    const batch = ['batchBytes', 'batchWaitMs', 'packing'] as const;
    const unheeded = [...fixed, ...batch].filter(
      (name) => JSON.stringify(now[name]) !== JSON.stringify(next[name]),
    );
    if (unheeded.length > 0) {
      doors.log.warn('some settings are heeded at the next start only', { settings: unheeded });
    }
    this.configuration = next;
  }

  async stop(withinMs: number): Promise<void> {
    const { clock } = this.doors;
    const deadline = clock.monotonicMs() + withinMs;
    const leftMs = (): number => Math.max(0, deadline - clock.monotonicMs());
    // A full buffer must not hold up the end: what has no room was not acknowledged.
    const giveUp = clock.setTimer(Math.max(1, withinMs / 2), () => this.pipeline.abandon());
    await this.inputs.stop();
    await this.pipeline.flush();
    giveUp.cancel();
    await this.delivery.stop(leftMs());
    this.timer?.cancel();
    await this.writeAndRelease();
    await this.inputs.close();
    await this.healthServer?.close();
    await this.buffer.close();
  }

  private release(batch: BufferedBatch): void {
    this.delivered.push(batch);
    // Readers that wait for room should not wait for the timer too.
    if (this.buffer.isFull) void this.writeAndRelease();
    else this.timer ??= this.doors.clock.setTimer(RELEASE_MS, () => void this.writeAndRelease());
  }

  /** Writes the ledger, then lets go of what was delivered before. One after another. */
  private writeAndRelease(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    this.releasing = this.releasing.then(async () => {
      const batches = this.delivered;
      if (batches.length === 0) return;
      this.delivered = [];
      try {
        await this.ledger.write();
        for (const batch of batches) this.buffer.release(batch);
      } catch (error) {
        this.doors.log.warn('the ledger could not be written; the buffer keeps what it has', {
          error,
        });
        this.delivered.unshift(...batches);
        this.timer ??= this.doors.clock.setTimer(RELEASE_MS, () => void this.writeAndRelease());
      }
    });
    return this.releasing;
  }

  private view(): HealthView {
    const { ledger, buffer, delivery, pipeline, inputs, doors } = this;
    const parts = { ledger, buffer, delivery, pipeline, inputs: inputs.status() };
    const { version } = doors;
    return {
      metrics: () => metricsText({ ...parts, clock: doors.clock, agent: ledger.agent, version }),
      troubles: () => [
        ...inputs.troubles(),
        ...(buffer.isFull ? ['the disk buffer is full: nothing more is read'] : []),
        ...(delivery.trouble === '' ? [] : [`delivery: ${delivery.trouble}`]),
      ],
    };
  }
}

const settingsOf = (
  configuration: AgentConfiguration,
  { key, tls }: Pick<DeliverySettings, 'key' | 'tls'>,
): DeliverySettings => {
  const { servers, tenant, requests, timeoutMs, backoffMs, backoffMaxMs } = configuration;
  return { servers, tenant, requests, timeoutMs, backoffMs, backoffMaxMs, key, tls };
};
