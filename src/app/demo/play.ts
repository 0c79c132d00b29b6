import type { Clock } from '../../platform/clock.ts';
import { MONITOR_AGENT, type Shop } from './arrivals.ts';
import type { Journey } from './journey.ts';
import type { Line } from './lines.ts';
import type { Trail } from './queries.ts';
import type { Courier } from './send/courier.ts';
import { US_PER_SECOND } from './stamp.ts';
import { Traffic } from './traffic.ts';

/** Lines that are made before the next are sent; about a megabyte. */
const CHUNK_LINES = 5_000;
/** Lines that one customer's request leaves, about. */
const LINES_PER_REQUEST = 6;
/** Played before the minutes asked for, so that each minute's scripted requests are over by now. */
const MARGIN_SECONDS = 10;
/** How often lines are sent once live, ms. */
const LIVE_MS = 500;

export interface PlayOptions {
  readonly shop: Shop;
  readonly minutes: number;
  readonly courier: Courier;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called after each part of the history, with the share that is done (0 to 1). */
  readonly onHistory: (share: number) => void;
}

/** Plays the shop: what was first, as fast as the server takes it, then what is. */
export class Play {
  /** The last purchase that went well and is over. */
  trail: Trail | undefined;
  private readonly options: PlayOptions;
  private readonly traffic: Traffic;
  private readonly startUs: number;
  private readonly nowUs: number;
  /** Journeys whose spans are not sent yet. */
  private journeys: Journey[] = [];

  constructor(options: PlayOptions) {
    const { clock, shop, minutes } = options;
    this.options = options;
    this.nowUs = Math.floor(clock.nowMs() * 1000);
    this.startUs = this.nowUs - (minutes * 60 + MARGIN_SECONDS) * US_PER_SECOND;
    this.traffic = new Traffic(shop, this.startUs, (journey) => this.look(journey));
  }

  /** Sends the minutes before the start; lines are made while those before them are sent. */
  async history(): Promise<void> {
    const { shop, signal, onHistory } = this.options;
    const chunkUs = Math.max(1, CHUNK_LINES / LINES_PER_REQUEST / shop.rate) * US_PER_SECOND;
    const { startUs, nowUs } = this;
    let sending: Promise<void> = Promise.resolve();
    for (let atUs = startUs; atUs < nowUs && !signal.aborted;) {
      atUs = Math.min(nowUs, atUs + chunkUs);
      const lines = this.traffic.linesUntil(atUs);
      await sending;
      onHistory((atUs - startUs) / (nowUs - startUs));
      sending = this.send(lines, atUs);
    }
    await sending;
    if (!signal.aborted) onHistory(1);
  }

  /** Sends what happens until it is told to stop. After a pause of the server it catches up. */
  async live(): Promise<void> {
    const { clock, shop, signal } = this.options;
    const chunkUs = Math.max(1, CHUNK_LINES / LINES_PER_REQUEST / shop.rate) * US_PER_SECOND;
    for (let atUs = this.nowUs; !signal.aborted;) {
      const nowUs = Math.floor(clock.nowMs() * 1000);
      if (nowUs > atUs) {
        atUs = Math.min(nowUs, atUs + chunkUs);
        await this.send(this.traffic.linesUntil(atUs), atUs);
      }
      if (atUs >= nowUs) await clock.sleep(LIVE_MS, signal);
    }
  }

  /** Lines as they are written; spans once their request is over. */
  private async send(lines: readonly Line[], untilUs: number): Promise<void> {
    const over = this.journeys.filter(({ root }) => root.endUs < untilUs);
    this.journeys = this.journeys.filter(({ root }) => root.endUs >= untilUs);
    const { courier } = this.options;
    await Promise.all([courier.send(lines), courier.sendSpans(over)]);
  }

  private look(journey: Journey): void {
    this.journeys.push(journey);
    const { userAgent, root, traceId, requestId } = journey;
    if (userAgent !== MONITOR_AGENT || root.endUs > this.nowUs) return;
    if (root.status < 400 || this.trail === undefined) this.trail = { traceId, requestId };
  }
}
