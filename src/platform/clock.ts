/** The only door to time. Everything that waits or stamps is handed a Clock. */

export interface Timer {
  /** Stops the timer; a second call does nothing. */
  cancel(): void;
}

export interface Clock {
  /** Wall time, nanoseconds since 1970 UTC. May jump back when the machine's clock is set. */
  nowNs(): bigint;
  /** Wall time, milliseconds since 1970 UTC. May jump back. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start, with fractions; never goes back. For durations. */
  monotonicMs(): number;
  /**
   * Wall time for `observed_at`, nanoseconds: never less than any value given before, also when
   * the wall clock jumps back. It then goes on from the last value at the monotonic counter's pace,
   * until the wall has caught up.
   */
  observedNs(): bigint;
  /** Raises `observedNs` to at least `floorNs`: call it at start with the last time on disk. */
  observeAtLeast(floorNs: bigint): void;
  /** Calls `run` once after `delayMs`. */
  setTimer(delayMs: number, run: () => void): Timer;
  /** Calls `run` every `intervalMs` until cancelled. Does not keep the process alive. */
  setRepeating(intervalMs: number, run: () => void): Timer;
  /** Resolves after `delayMs`, or as soon as `signal` aborts (it never rejects). */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

const NS_PER_MS = 1_000_000n;
/** Date.now counts whole milliseconds; more apart than this and the wall clock was set. */
const DRIFT_NS = 2n * NS_PER_MS;

/** Where a clock reads from; a test passes its own. */
export interface TimeSource {
  wallMs(): number;
  monotonicNs(): bigint;
}

const systemSource: TimeSource = {
  wallMs: () => Date.now(),
  monotonicNs: () => process.hrtime.bigint(),
};

/**
 * Makes a clock. Wall nanoseconds run on the monotonic counter, so that they are finer than a
 * millisecond, and are set anew whenever they differ from the wall by more than `DRIFT_NS`.
 */
export function createClock(source: TimeSource = systemSource): Clock {
  let anchorWallNs = BigInt(source.wallMs()) * NS_PER_MS;
  let anchorMonotonicNs = source.monotonicNs();
  const startNs = anchorMonotonicNs;
  let lastObservedNs = 0n;
  /** Monotonic time at which `lastObservedNs` was given or raised. */
  let lastObservedAtNs = anchorMonotonicNs;

  function nowNs(): bigint {
    const wallNs = BigInt(source.wallMs()) * NS_PER_MS;
    const monotonicNs = source.monotonicNs();
    const fineNs = anchorWallNs + (monotonicNs - anchorMonotonicNs);
    const apartNs = fineNs - wallNs;
    if (apartNs < DRIFT_NS && apartNs > -DRIFT_NS) return fineNs;
    anchorWallNs = wallNs;
    anchorMonotonicNs = monotonicNs;
    return wallNs;
  }

  function observeAtLeast(floorNs: bigint): void {
    if (floorNs <= lastObservedNs) return;
    lastObservedNs = floorNs;
    lastObservedAtNs = source.monotonicNs();
  }

  function observedNs(): bigint {
    const wallNs = nowNs();
    const atNs = source.monotonicNs();
    // Behind the wall the time that has passed since is real all the same: two records an hour
    // apart must not get one instant because somebody set the clock back.
    const passedNs = lastObservedNs + (atNs - lastObservedAtNs);
    // Within the drift the wall is the better witness, as long as it does not go back.
    const aheadNs = lastObservedNs > 0n ? passedNs - wallNs : 0n;
    if (aheadNs >= DRIFT_NS) lastObservedNs = passedNs;
    else if (wallNs > lastObservedNs) lastObservedNs = wallNs;
    lastObservedAtNs = atNs;
    return lastObservedNs;
  }

  return {
    nowNs,
    nowMs: () => source.wallMs(),
    monotonicMs: () => Number(source.monotonicNs() - startNs) / 1e6,
    observedNs,
    observeAtLeast,
    setTimer,
    setRepeating,
    sleep,
  };
}

function setTimer(delayMs: number, run: () => void): Timer {
  const handle = setTimeout(run, delayMs);
  return { cancel: () => clearTimeout(handle) };
}

function setRepeating(intervalMs: number, run: () => void): Timer {
  const handle = setInterval(run, intervalMs);
  handle.unref();
  return { cancel: () => clearInterval(handle) };
}

function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      clearTimeout(handle);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const handle = setTimeout(done, delayMs);
    signal?.addEventListener('abort', done);
  });
}

/** The machine's own clock. */
export const systemClock: Clock = createClock();
