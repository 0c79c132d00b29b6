import type { Emit, Input, InputDoors, InputStatus, Position, SourceKind } from '../input.ts';
import type { Tally } from './reader.ts';

/** What inputs without files have in common: they run until they are stopped, and count. */
export interface Live {
  readonly name: string;
  readonly kind: SourceKind;
  readonly tally: Tally;
  /** Runs until `signal` aborts, or ends by itself. */
  run(emit: Emit, signal: AbortSignal): Promise<void>;
  acknowledge?(source: string, position: Position): void;
  close?(): Promise<void>;
  /** Sources known, and open ones. */
  sources(): number;
  open(): number;
  lagBytes?(): number;
}

export const liveInput = (live: Live): Input => {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopping.abort();
    await running?.catch(() => undefined);
  };
  return {
    run(emit) {
      running = live.run(emit, stopping.signal);
      return running;
    },
    stop,
    async close() {
      await stop();
      await live.close?.();
    },
    acknowledge: (source, position) => live.acknowledge?.(source, position),
    status(): InputStatus {
      const { tally } = live;
      return {
        ...{ input: live.name, kind: live.kind, sources: live.sources(), open: live.open() },
        ...{ readBytes: tally.readBytes, events: tally.events },
        lagBytes: live.lagBytes?.() ?? 0,
        ...{ drops: { ...tally.drops }, troubles: { ...tally.troubles }, behind: [] },
      };
    },
  };
};

/** Pauses between tries of what keeps failing: longer each time, and anew after a good while. */
export class Backoff {
  private pauseMs = LEAST_MS;
  private readonly doors: InputDoors;

  constructor(doors: InputDoors) {
    this.doors = doors;
  }

  /** `lastedMs`: how long it went well before it failed. */
  async wait(lastedMs: number, signal: AbortSignal): Promise<void> {
    if (lastedMs >= MOST_MS) this.pauseMs = LEAST_MS;
    const jitterMs = this.doors.random.below(LEAST_MS);
    await this.doors.clock.sleep(this.pauseMs + jitterMs, signal);
    this.pauseMs = Math.min(MOST_MS, this.pauseMs * 2);
  }
}

const LEAST_MS = 500;
const MOST_MS = 60_000;
