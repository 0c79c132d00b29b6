import { describe, expect, it } from 'vitest';
import { arrivalsOf, CHECK_SECOND, FAIL_SECOND, MONITOR_AGENT } from './arrivals.ts';
import { eachCall, type Call, type Journey, type Visit } from './journey.ts';
import { linesOf } from './lines.ts';
import { LONGEST_SECONDS, Traffic } from './traffic.ts';
import { US_PER_SECOND } from './stamp.ts';

const SHOP = { seed: 7, rate: 30 };
/** 14:00 UTC, near the day's peak; the minutes hold three bursts. */
const FROM = Date.UTC(2026, 5, 15, 14) / 1000;

const journeysOf = (seconds: number): Journey[] =>
  Array.from({ length: seconds }, (_, i) => arrivalsOf(SHOP, FROM + i)).flat();

const hour = journeysOf(3_600);

const visitsOf = (journey: Journey): Visit[] => {
  const visits: Visit[] = [];
  eachCall(journey.root, (call) => visits.push(...call.visits));
  return visits;
};

describe('a journey', () => {
  /** Counted, not asserted one by one: there are a hundred thousand calls. */
  const countCalls = (wrong: (call: Call) => boolean): number => {
    let count = 0;
    for (const { root } of hour) eachCall(root, (call) => void (count += wrong(call) ? 1 : 0));
    return count;
  };

  it('nests in time, hop by hop, and latencies add up', () => {
    const outside = (call: Call): boolean =>
      call.visits.some(
        (visit) =>
          visit.startUs <= call.startUs ||
          visit.appStartUs <= visit.startUs ||
          visit.appEndUs >= visit.endUs ||
          visit.endUs >= call.endUs,
      );
    const disordered = (call: Call): boolean =>
      call.visits.some((visit) => {
        const times = visit.calls.flatMap(({ startUs, endUs }) => [startUs, endUs]);
        const all = [visit.appStartUs, ...times, visit.appEndUs];
        return all.some((time, i) => i > 0 && time <= (all[i - 1] as number));
      });
    expect(countCalls(() => true)).toBeGreaterThan(50_000);
    expect(countCalls(outside)).toBe(0);
    expect(countCalls(disordered)).toBe(0);
  });

  it('has whole microseconds and ends within the time that lines are waited for', () => {
    const whole = ({ startUs, endUs }: Call): boolean =>
      Number.isInteger(startUs) && Number.isInteger(endUs);
    expect(countCalls((call) => !whole(call))).toBe(0);
    const longest = Math.max(...hour.map(({ root }) => root.endUs - root.startUs));
    expect(longest).toBeLessThan((LONGEST_SECONDS - 1) * US_PER_SECOND);
    expect(longest).toBeGreaterThan(2 * US_PER_SECOND);
  });

  it("has a span of its own for each visit, with its caller's for a parent", () => {
    const ids = hour.map(({ traceId }) => traceId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const journey of hour.slice(0, 300)) {
      const visits = visitsOf(journey);
      expect(new Set(visits.map(({ spanId }) => spanId)).size).toBe(visits.length);
      for (const visit of visits) {
        for (const call of visit.calls) {
          for (const next of call.visits) expect(next.parentSpanId).toBe(visit.spanId);
        }
      }
    }
  });

  it('answers its caller with what the one that it called last made it answer', () => {
    const failed = hour.filter(({ root }) => root.status >= 500);
    expect(failed.length).toBeGreaterThan(100);
    const causes = failed.map(({ root }) => {
      const [visit] = root.visits;
      return visit?.failure === 'upstream' ? visit.calls.at(-1)?.status : visit?.status;
    });
    expect(causes.filter((status) => status === undefined || status < 500)).toEqual([]);
  });

  it('is tried again by proxies and by programs', () => {
    let byProxy = 0;
    let byProgram = 0;
    for (const { root } of hour) {
      eachCall(root, ({ visits }) => {
        if (visits.length > 1) byProxy++;
        for (const { calls } of visits) {
          if (calls.some((call, i) => calls[i + 1]?.operation === call.operation)) byProgram++;
        }
      });
    }
    expect(byProxy).toBeGreaterThan(10);
    expect(byProgram).toBeGreaterThan(0);
  });
});

describe('every minute', () => {
  it('has a purchase that crosses all four platforms under the same ids', () => {
    const found = arrivalsOf(SHOP, FROM + CHECK_SECOND).filter(
      ({ userAgent }) => userAgent === MONITOR_AGENT,
    );
    expect(found).toHaveLength(1);
    const lines = linesOf(found[0] as Journey);
    const { traceId, requestId } = found[0] as Journey;
    const crossed = lines.filter(({ text }) => text.includes(traceId) || text.includes(requestId));
    const platforms = new Set(crossed.map(({ source }) => source.mesh));
    expect([...platforms].sort()).toEqual(['consul', 'istio', 'linkerd', 'vm']);
    // All but NGINX's own format, which has no place for an id.
    expect(lines.length - crossed.length).toBe(1);
  });

  it('has a request that fails with a stack trace and a 5xx', () => {
    for (let minute = 0; minute < 14; minute++) {
      const lines = arrivalsOf(SHOP, FROM + minute * 60 + FAIL_SECOND).flatMap(linesOf);
      expect(lines.some(({ text }) => /goroutine |Traceback|\.java:\d+|\.js:\d+/.test(text))).toBe(
        true,
      );
      expect(lines.some(({ text }) => /\b50\d\b/.test(text))).toBe(true);
    }
  });
});

describe('the traffic', () => {
  const startUs = (FROM + 100) * US_PER_SECOND;
  const textOf = (traffic: Traffic, steps: readonly number[]): string[] =>
    steps.flatMap((second) =>
      traffic
        .linesUntil(startUs + second * US_PER_SECOND)
        .map(({ timeUs, source, text }) => `${timeUs} ${source.pod} ${text}`),
    );

  it('comes in the order of its times, from its start to what was asked for', () => {
    const traffic = new Traffic(SHOP, startUs);
    const lines = traffic.linesUntil(startUs + 20 * US_PER_SECOND);
    expect(lines.length).toBeGreaterThan(1_000);
    const times = lines.map(({ timeUs }) => timeUs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(startUs);
    expect(times.at(-1)).toBeLessThan(startUs + 20 * US_PER_SECOND);
  });

  it('is the same for the same seed, however it is asked for, and another for another', () => {
    const whole = textOf(new Traffic(SHOP, startUs), [30]);
    const parts = textOf(new Traffic(SHOP, startUs), [0.25, 1, 1.5, 7, 7.001, 29.9, 30]);
    expect(parts.toSorted()).toEqual(whole.toSorted());
    const again = textOf(new Traffic(SHOP, startUs - 60 * US_PER_SECOND), [0, 30]);
    expect(again.slice(-whole.length).toSorted()).toEqual(whole.toSorted());
    expect(textOf(new Traffic({ ...SHOP, seed: 8 }, startUs), [30])).not.toEqual(whole);
  });

  it('has health checks of each pod every ten seconds, controllers and deploys', () => {
    const lines = new Traffic({ seed: 1, rate: 0.1 }, startUs).linesUntil(startUs + 3_600e6);
    const probes = lines.filter(({ text }) => text.includes('kube-probe/'));
    expect(probes).toHaveLength(7 * 2 * 360);
    const klog = lines.filter(({ source }) => source.carrier === 'ndjson');
    expect(klog.length).toBeGreaterThan(300);
    expect(klog.some(({ text }) => text.includes('Scaled up replica set'))).toBe(true);
    expect(lines.some(({ text }) => text.includes('received SIGTERM'))).toBe(true);
  });
});
