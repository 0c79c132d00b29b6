import { expect, test } from 'vitest';
import { createClock, systemClock } from './clock.ts';

const NS_PER_MS = 1_000_000n;

/** A clock whose wall and monotonic counter are moved by hand, in milliseconds. */
function handClock(startMs: number) {
  const time = { wallMs: startMs, monotonicMs: 0 };
  const clock = createClock({
    wallMs: () => time.wallMs,
    monotonicNs: () => BigInt(Math.round(time.monotonicMs * 1e6)),
  });
  return { clock, time };
}

test('nanoseconds run finer than the wall clock shows', () => {
  const { clock, time } = handClock(1_000);
  time.monotonicMs += 0.25;
  expect(clock.nowNs()).toBe(1_000_250_000n);
});

test('wall time follows a wall clock that was set, forward and back', () => {
  const { clock, time } = handClock(10_000_000);
  time.wallMs += 3_600_000;
  expect(clock.nowNs()).toBe(13_600_000n * NS_PER_MS);
  time.wallMs -= 7_200_000;
  expect(clock.nowNs()).toBe(6_400_000n * NS_PER_MS);
  expect(clock.nowMs()).toBe(6_400_000);
});

test('observed time goes on from its last value while the wall clock is an hour behind', () => {
  const { clock, time } = handClock(10_000_000);
  const before = clock.observedNs();
  time.wallMs -= 3_600_000;
  expect(clock.observedNs()).toBe(before);
  time.wallMs += 1_500;
  time.monotonicMs += 1_500;
  expect(clock.observedNs()).toBe(before + 1_500n * NS_PER_MS);
  time.monotonicMs += 0.000001;
  expect(clock.observedNs()).toBe(before + 1_500n * NS_PER_MS + 1n);
});

test('observed time follows the wall again once that has caught up', () => {
  const { clock, time } = handClock(10_000_000);
  const before = clock.observedNs();
  time.wallMs -= 3_600_000;
  time.monotonicMs += 1_000;
  expect(clock.observedNs()).toBe(before + 1_000n * NS_PER_MS);
  time.wallMs += 3_700_000;
  time.monotonicMs += 1_000;
  expect(clock.observedNs()).toBe(before + 100_000n * NS_PER_MS);
});

test('observed time never goes back, however the wall clock is set', () => {
  const { clock, time } = handClock(10_000_000);
  let last = clock.observedNs();
  for (let n = 0; n < 1_000; n++) {
    time.wallMs += ((n * 7_919) % 4_001) - 2_000;
    time.monotonicMs += (n * 31) % 17;
    const now = clock.observedNs();
    expect(now >= last).toBe(true);
    last = now;
  }
});

test('observed time starts no lower than what is on disk', () => {
  const { clock, time } = handClock(1_000);
  clock.observeAtLeast(5_000n * NS_PER_MS);
  clock.observeAtLeast(2_000n * NS_PER_MS);
  expect(clock.observedNs()).toBe(5_000n * NS_PER_MS);
  time.wallMs += 250;
  time.monotonicMs += 250;
  expect(clock.observedNs()).toBe(5_250n * NS_PER_MS);
});

test('the system clock is near the wall, and a sleep ends early when aborted', async () => {
  const apartMs = Number(systemClock.nowNs() / NS_PER_MS) - Date.now();
  expect(Math.abs(apartMs)).toBeLessThan(50);
  const startMs = systemClock.monotonicMs();
  await systemClock.sleep(60_000, AbortSignal.timeout(5));
  await systemClock.sleep(60_000, AbortSignal.abort());
  expect(systemClock.monotonicMs() - startMs).toBeLessThan(10_000);
});

test('a cancelled timer does not run', async () => {
  let runs = 0;
  systemClock.setTimer(1, () => (runs += 1)).cancel();
  await new Promise<void>((resolve) => systemClock.setTimer(10, resolve));
  expect(runs).toBe(0);
});
