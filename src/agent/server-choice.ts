import type { Clock } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';

/**
 * Which server is asked next: the first in the operator's order that is not resting. One that
 * failed rests for a random part of a span that doubles with each failure (exponential backoff with
 * full jitter), or for as long as it asked for; when its rest is over it is tried again, so that
 * the agent comes back to the server it prefers.
 */
interface Rest {
  untilMs: number;
  failures: number;
}

export interface Backoff {
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

/** Longest rest that a server may ask for, ms: a mistake must not silence the agent for a day. */
const ASKED_MAX_MS = 300_000;
const MOST_DOUBLINGS = 20;

export class ServerChoice {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly rests = new Map<string, Rest>();

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  /** The server to ask now, or how long all of them rest, ms. */
  pick(servers: readonly URL[]): URL | number {
    const nowMs = this.clock.monotonicMs();
    let soonestMs = Infinity;
    for (const server of servers) {
      const untilMs = this.rests.get(server.href)?.untilMs ?? 0;
      if (untilMs <= nowMs) return server;
      soonestMs = Math.min(soonestMs, untilMs);
    }
    return soonestMs - nowMs;
  }

  answered(server: URL): void {
    this.rests.delete(server.href);
  }

  /** @param askedMs how long the server itself said to wait (Retry-After) */
  failed(server: URL, { backoffMs, backoffMaxMs }: Backoff, askedMs?: number): void {
    const failures = (this.rests.get(server.href)?.failures ?? 0) + 1;
    const spanMs = Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(failures - 1, MOST_DOUBLINGS));
    const jitterMs = this.random.below(Math.max(1, Math.round(spanMs)) + 1);
    const restMs =
      askedMs === undefined ? jitterMs : Math.min(ASKED_MAX_MS, askedMs) + jitterMs / 4;
    this.rests.set(server.href, { untilMs: this.clock.monotonicMs() + restMs, failures });
  }
}
