import type { Clock } from '../../platform/clock.ts';
import type { EngineConnection } from './engine.ts';

/** The connection to the running engine, and those who wait for there to be one. */
export class ConnectionSlot {
  private held: EngineConnection | undefined;
  private closed = false;
  private waiting = new Set<() => void>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get current(): EngineConnection | undefined {
    return this.held;
  }

  set(connection: EngineConnection | undefined): void {
    this.held = connection;
    if (connection !== undefined) this.wake();
  }

  /** Nobody waits any more: the engine does not come back. */
  close(): void {
    this.held = undefined;
    this.closed = true;
    this.wake();
  }

  /** The connection, or undefined when there is none within `waitMs`. */
  async wait(waitMs: number): Promise<EngineConnection | undefined> {
    const deadlineMs = this.clock.monotonicMs() + waitMs;
    while (this.held === undefined && !this.closed) {
      const leftMs = deadlineMs - this.clock.monotonicMs();
      if (leftMs <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          timer.cancel();
          this.waiting.delete(done);
          resolve();
        };
        const timer = this.clock.setTimer(leftMs, done);
        this.waiting.add(done);
      });
    }
    return this.held;
  }

  private wake(): void {
    for (const done of [...this.waiting]) done();
  }
}
