import { parseAgentBatch } from '../model/agent-batch.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { Sockets } from '../platform/sockets.ts';
import type { DeliverySettings } from './delivery-settings.ts';
import type { BufferedBatch, DiskBuffer } from './disk-buffer.ts';
import { Requests, type ServerAnswer } from './request.ts';
import { ServerChoice } from './server-choice.ts';
import { splitBatch } from './split.ts';

/**
 * Brings batches from the disk buffer to a server, oldest first:
 *
 *   waiting ── none of its sources under way ──► sending ──► 2xx: delivered
 *                                                  │ ▲ │
 *          no answer, 401, 403, 404, 408, 429, 5xx ┘ │ ├──► 413: halves, one after the other
 *          (the server rests, another may be asked) ─┘ └──► 400, 422 ...: set aside
 *
 * A source's batches go one at a time, so that they arrive in order. Nothing is given up but what
 * no server will ever take; that is set aside, encrypted, and counted.
 */
export interface DeliveryOptions {
  readonly buffer: Pick<DiskBuffer, 'bodyOf'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly sockets: Sockets;
  readonly log: Log;
  readonly version: string;
  /** Keeps what no server takes. */
  setAside(body: Uint8Array, why: string): Promise<void>;
  /** A server has the batch durably. */
  delivered(batch: BufferedBatch): void;
}

export interface DeliveryCounts {
  batches: number;
  events: number;
  /** Bodies as sent and accepted. */
  bytes: number;
  rawBytes: number;
  /** Events that the server had already. */
  duplicates: number;
  retries: number;
  splits: number;
  setAsideEvents: number;
  /** Tries that failed, by why: a status, or `connection`. */
  readonly failures: Record<string, number>;
}

/** A warning about one failing server is not repeated within this time, ms. */
const SAY_MS = 60_000;

export class Delivery {
  readonly counts: DeliveryCounts = {
    ...{ batches: 0, events: 0, bytes: 0, rawBytes: 0, duplicates: 0 },
    ...{ retries: 0, splits: 0, setAsideEvents: 0, failures: {} },
  };
  /** When a server last took a batch, monotonic ms; undefined before the first. */
  lastDeliveredMs: number | undefined;
  /** Why the last try failed; '' while all is well. */
  trouble = '';
  private readonly options: DeliveryOptions;
  private readonly choice: ServerChoice;
  private readonly requests: Requests;
  private settings: DeliverySettings;
  private readonly waiting: BufferedBatch[] = [];
  private readonly busy = new Set<string>();
  private readonly running = new Set<Promise<void>>();
  private readonly ended = new AbortController();
  private filling: Promise<void> | undefined;
  private saidAtMs = -SAY_MS;

  constructor(options: DeliveryOptions, settings: DeliverySettings) {
    this.options = options;
    this.settings = settings;
    this.choice = new ServerChoice(options.clock, options.random);
    this.requests = new Requests(options.sockets, options.version);
  }

  get waitingBatches(): number {
    return this.waiting.length + this.running.size;
  }

  /** Requests that begin from now on follow these. */
  configure(settings: DeliverySettings): void {
    this.settings = settings;
    this.requests.close();
    this.fill();
  }

  /** Batches come in the order of the buffer. */
  add(batch: BufferedBatch): void {
    this.waiting.push(batch);
    this.fill();
  }

  /** Resolves when nothing waits any more, or after `withinMs`; then ends what is under way. */
  async stop(withinMs: number): Promise<void> {
    const { clock } = this.options;
    const deadline = clock.monotonicMs() + withinMs;
    while (this.waitingBatches > 0 && clock.monotonicMs() < deadline) await clock.sleep(10);
    this.ended.abort();
    await Promise.all(this.running);
    await this.filling;
    this.requests.close();
  }

  private fill(): void {
    this.filling ??= this.start()
      .catch((error: unknown) => this.options.log.error('the delivery broke', { error }))
      .finally(() => (this.filling = undefined));
  }

  /** Starts requests for the oldest batches until all are under way, or one has to wait. */
  private async start(): Promise<void> {
    while (!this.ended.signal.aborted && this.running.size < this.settings.requests) {
      const batch = this.waiting[0];
      if (batch === undefined) return;
      const body = await this.options.buffer.bodyOf(batch).catch((error: unknown) => {
        this.options.log.error('a batch in the buffer cannot be read; it is lost', { error });
      });
      if (body === undefined) {
        this.waiting.shift();
        this.options.delivered(batch);
        continue;
      }
      const parsed = parseAgentBatch(body);
      const sources = typeof parsed === 'string' ? [] : parsed.head.sources.map((s) => s.source);
      if (sources.some((source) => this.busy.has(source))) return;
      this.waiting.shift();
      for (const source of sources) this.busy.add(source);
      const run = this.bring(batch, body).finally(() => {
        this.running.delete(run);
        for (const source of sources) this.busy.delete(source);
        this.fill();
      });
      this.running.add(run);
    }
  }

  private async bring(batch: BufferedBatch, body: Uint8Array): Promise<void> {
    try {
      if (!(await this.send(body))) return;
    } catch (error) {
      // Not to be expected: it stays in the buffer, and is sent after the next start.
      this.options.log.error('a batch could not be dealt with', { error });
      return;
    }
    this.counts.batches++;
    this.counts.rawBytes += batch.rawBytes;
    this.options.delivered(batch);
  }

  /** True once the body is taken or set aside; false where the agent ends first. */
  private async send(body: Uint8Array): Promise<boolean> {
    const { clock } = this.options;
    const { signal } = this.ended;
    for (let tries = 0; !this.isEnded(); tries++) {
      const { settings } = this;
      const server = this.choice.pick(settings.servers);
      if (typeof server === 'number') {
        await clock.sleep(server, signal);
        continue;
      }
      if (tries > 0) this.counts.retries++;
      const answer = await this.requests.send(server, body, settings, signal).catch(asError);
      if (this.isEnded()) return false;
      if (answer instanceof Error) {
        this.failed(server, settings, 'connection', answer.message);
        continue;
      }
      const { status } = answer;
      if (status >= 200 && status < 300) return this.taken(server, body, answer);
      if (status === 413 || FINAL.has(status)) this.choice.answered(server);
      if (status === 413) return this.sendHalves(body);
      if (FINAL.has(status)) return this.setAside(body, `${status} ${answer.text}`);
      this.failed(server, settings, String(status), answer.text, answer.retryAfterMs);
    }
    return false;
  }

  private isEnded(): boolean {
    return this.ended.signal.aborted;
  }

  private taken(server: URL, body: Uint8Array, { text }: ServerAnswer): true {
    const { counts } = this;
    this.choice.answered(server);
    this.trouble = '';
    this.lastDeliveredMs = this.options.clock.monotonicMs();
    counts.bytes += body.length;
    counts.events += numberIn(text, 'accepted');
    counts.duplicates += numberIn(text, 'duplicates');
    return true;
  }

  private async sendHalves(body: Uint8Array): Promise<boolean> {
    const halves = splitBatch(body);
    if (halves === undefined) return this.setAside(body, '413 one event alone is too large');
    this.counts.splits++;
    for (const half of halves) if (!(await this.send(half))) return false;
    return true;
  }

  private async setAside(body: Uint8Array, why: string): Promise<true> {
    const batch = parseAgentBatch(body);
    const events =
      typeof batch === 'string' ? 0 : batch.head.sources.reduce((sum, s) => sum + s.count, 0);
    this.options.log.error('a server will never take this batch: it is set aside', { events, why });
    await this.options.setAside(body, why);
    this.counts.setAsideEvents += events;
    return true;
  }

  private failed(
    server: URL,
    settings: DeliverySettings,
    why: string,
    words: string,
    askedMs?: number,
  ): void {
    const { clock, log } = this.options;
    const { failures } = this.counts;
    failures[why] = (failures[why] ?? 0) + 1;
    this.trouble = `${server.origin}: ${why === 'connection' ? words : `${why} ${words.trim()}`}`;
    this.choice.failed(server, settings, askedMs);
    const nowMs = clock.monotonicMs();
    if (nowMs - this.saidAtMs < SAY_MS) return;
    this.saidAtMs = nowMs;
    const isKey = why === '401' || why === '403';
    const message = isKey
      ? 'the server refuses our key; everything waits until it is right'
      : 'a server does not take batches; everything waits, nothing is lost';
    if (isKey) log.error(message, { trouble: this.trouble });
    else log.warn(message, { trouble: this.trouble });
  }
}

/** A server will say the same the next time. */
const FINAL = new Set([400, 415, 422]);

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error));

const numberIn = (text: string, name: string): number =>
  Number(new RegExp(`"${name}":(\\d{1,15})`).exec(text)?.[1] ?? 0);
