import type { Budget } from '../ingest/receive/budget.ts';
import { systemClock } from '../platform/clock.ts';
import { residentBytes, usageOf, type EventLoopDelay } from '../platform/processes.ts';
import type { Counters } from './counters.ts';
import type { OpenStorage } from './storage.ts';

/** Engine's memory is asked for at this interval, ms: /metrics itself stays synchronous. */
const USAGE_MS = 2_000;

/** Sets the gauges each time the metrics are read. */
export const watch = (
  counters: Counters,
  storage: OpenStorage,
  budget: Budget,
  loop: EventLoopDelay,
): void => {
  let engineBytes = 0;
  const look = async (): Promise<void> => {
    const pid = storage.engineProcess();
    const usage = pid === undefined ? undefined : await usageOf(pid);
    engineBytes = usage?.residentBytes ?? 0;
  };
  systemClock.setRepeating(USAGE_MS, () => void look());
  void look();
  counters.onRead(() => {
    storage.readGauges(counters);
    counters.set('meshtrail_in_flight_bytes', budget.usedBytes);
    counters.set('meshtrail_process_resident_bytes', residentBytes());
    counters.set('meshtrail_engine_resident_bytes', engineBytes);
    counters.set('meshtrail_event_loop_p99_ms', loop.takeP99Ms());
  });
};
