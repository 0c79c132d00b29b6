import { describe, expect, it } from 'vitest';
import { arrivalsOf } from './arrivals.ts';
import { burstAt, burstOf, BURST_US, SLOT_US } from './bursts.ts';
import { chanceOf } from './chance.ts';
import { loadAt } from './curve.ts';
import { deployNear, instanceAt, ROLL_US } from './deploys.ts';
import { eachCall, type Call } from './journey.ts';
import { US_PER_SECOND } from './stamp.ts';

/** When things happen: the daily curve, the bursts, the deploys. */
const hour = (h: number): number => (Date.UTC(2026, 5, 15) / 1000 + h * 3600) * US_PER_SECOND;

describe('the daily curve', () => {
  it.each([
    [3, 0.2],
    [9, 0.6],
    [15, 1],
    [21, 0.6],
    [27, 0.2],
  ])('at %i:00 UTC is %f', (h, load) => {
    expect(loadAt(hour(h))).toBeCloseTo(load, 6);
  });

  it('decides how many requests come', () => {
    const shop = { seed: 3, rate: 40 };
    const countFrom = (second: number): number => {
      let count = 0;
      for (let i = 0; i < 60; i++) count += arrivalsOf(shop, second + i).length;
      return count;
    };
    const quiet = countFrom(hour(3) / US_PER_SECOND);
    const busy = countFrom(hour(15) / US_PER_SECOND);
    // 480 and 2,400 are expected, with two scripted ones each.
    expect(quiet).toBeGreaterThan(400);
    expect(quiet).toBeLessThan(560);
    expect(busy).toBeGreaterThan(2_250);
    expect(busy).toBeLessThan(2_550);
  });

  it("comes in other numbers for rates that Knuth's method cannot do", () => {
    const count = arrivalsOf({ seed: 3, rate: 2_000 }, hour(15) / US_PER_SECOND).length;
    expect(count).toBeGreaterThan(1_850);
    expect(count).toBeLessThan(2_150);
  });
});

describe('bursts', () => {
  it('come once in twenty minutes and last for two', () => {
    const slot = Math.floor(hour(9) / SLOT_US);
    for (let i = 0; i < 200; i++) {
      const burst = burstOf(5, slot + i);
      expect(burst.startUs).toBeGreaterThanOrEqual((slot + i) * SLOT_US);
      expect(burst.endUs).toBeLessThanOrEqual((slot + i + 1) * SLOT_US);
      expect(burst.endUs - burst.startUs).toBe(BURST_US);
      expect(burstAt(5, burst.startUs - 1)).toBeUndefined();
      expect(burstAt(5, burst.startUs)).toEqual(burst);
      expect(burstAt(5, burst.endUs)).toBeUndefined();
    }
  });

  it('take all four forms and differ between seeds', () => {
    const modes = new Set(Array.from({ length: 60 }, (_, slot) => burstOf(1, slot).mode));
    expect([...modes].sort()).toEqual(['broken', 'ejected', 'hanging', 'refusing']);
    expect(burstOf(1, 77)).not.toEqual(burstOf(2, 77));
  });

  it("fail most calls of their service, in the proxy's own words, and hardly any else", () => {
    const expected: Record<string, (call: Call) => boolean> = {
      refusing: ({ flags, status }) => flags === 'UF,URX' && status === 503,
      ejected: ({ flags, status, upstream }) =>
        flags === 'UH' && status === 503 && upstream === undefined,
      hanging: ({ flags, status }) => flags === 'UT' && status === 504,
      broken: ({ visits }) => visits.some(({ failure }) => failure === 'exception'),
    };
    const seen = new Set<string>();
    for (let slot = 90_000; slot < 90_020; slot++) {
      const burst = burstOf(1, slot);
      if (burst.service !== 'catalog' && burst.service !== 'search') continue;
      seen.add(burst.mode);
      let calls = 0;
      let failed = 0;
      for (let second = burst.startUs; second < burst.endUs; second += US_PER_SECOND) {
        for (const { root } of arrivalsOf({ seed: 1, rate: 30 }, second / US_PER_SECOND)) {
          eachCall(root, (call) => {
            // What began just before the end may call after it.
            if (call.operation.service !== burst.service || call.startUs >= burst.endUs) return;
            calls++;
            if (expected[burst.mode]?.(call) === true) failed++;
          });
        }
      }
      expect(failed / calls).toBeGreaterThan(0.55);
      expect(failed / calls).toBeLessThan(0.92);
    }
    expect(seen.size).toBeGreaterThan(0);
  });
});

describe('deploys', () => {
  it('give a service a new version and new pods, one replica after the other', () => {
    const { service, timeUs } = deployNear(8, hour(12));
    const before = instanceAt(8, service, 0, timeUs - 1);
    const after = instanceAt(8, service, 0, timeUs);
    expect(after.version).not.toBe(before.version);
    expect(after.pod).not.toBe(before.pod);
    const second = instanceAt(8, service, 1, timeUs);
    expect(second.version).toBe(before.version);
    expect(instanceAt(8, service, 1, timeUs + ROLL_US).version).toBe(after.version);
  });

  it('keep instances as they are in between, and machines for ever', () => {
    const { service, timeUs } = deployNear(8, hour(12));
    const later = timeUs + ROLL_US;
    expect(instanceAt(8, service, 0, later)).toBe(instanceAt(8, service, 0, later + 60e6));
    expect(instanceAt(8, 'edge', 0, hour(1)).pod).toBe(instanceAt(8, 'edge', 0, hour(300)).pod);
  });
});

describe('chance', () => {
  it('is the same for the same key only', () => {
    const draw = (...key: (string | number)[]): string => chanceOf(...key).hex(32);
    expect(draw(1, 'a', 2)).toBe(draw(1, 'a', 2));
    const keys = [draw(1, 'a', 2), draw(1, 'a', 3), draw(2, 'a', 2), draw(1, 'a2'), draw(12, 'a')];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('makes version 4 UUIDs and ids that are never all zero', () => {
    const chance = chanceOf('uuid');
    for (let i = 0; i < 500; i++) {
      expect(chance.uuid()).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      expect(chance.hex(1)).toMatch(/^[1-9a-f]$/);
    }
  });
});
