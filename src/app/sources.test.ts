import { expect, test } from 'vitest';
import { LIMITS, overrideLimits } from '../model/limits.ts';
import type { Heard, Source } from '../model/source.ts';
import { createClock } from '../platform/clock.ts';
import { Sources } from './sources.ts';

const key = { tenant: 'default', protocol: 'loki', address: '10.0.0.1', identity: '', agent: 'a' };
const heard = (over: Partial<Heard> = {}): Heard => ({
  observedNs: 100n,
  encrypted: false,
  records: 1,
  bytes: 10,
  rejects: [],
  newestNs: undefined,
  ...over,
});

/** A shelf in memory that shows what was written. */
const shelf = (): { load: () => Source[]; saved: Source[][]; forgotten: string[] } & {
  save: (sources: readonly Source[]) => void;
  forget: (source: { address: string }) => void;
} => {
  const saved: Source[][] = [];
  const forgotten: string[] = [];
  return {
    saved,
    forgotten,
    load: () => [],
    save: (some) => void saved.push([...some]),
    forget: ({ address }) => void forgotten.push(address),
  };
};

test('counts, lag and rejects of one sender add up', () => {
  const sources = new Sources(shelf(), createClock());
  sources.heard(key, heard({ newestNs: 60n }));
  sources.heard(key, heard({ observedNs: 200n, newestNs: 199n, encrypted: true }));
  const sample = Buffer.from('{"a":');
  sources.heard(
    key,
    heard({ records: 0, bytes: 0, rejects: [{ reason: 'bad', count: 2, sample }] }),
  );
  expect(sources.of('default')).toEqual([
    {
      ...key,
      encrypted: false,
      firstNs: 100n,
      lastNs: 200n,
      records: 2,
      bytes: 20,
      lagNs: 1n,
      rejects: new Map([['bad', { count: 2, sample }]]),
      gaps: [],
    },
  ]);
  expect(sources.of('other')).toEqual([]);
  sources.stop();
});

test('agents of one address are told apart, up to a bound: a header can be forged', () => {
  const sources = new Sources(shelf(), createClock());
  for (let i = 0; i < 100; i++) sources.heard({ ...key, agent: `agent ${i}` }, heard());
  const agents = sources.of('default').map(({ agent }) => agent);
  expect(agents).toHaveLength(33);
  expect(agents).toContain('other');
  sources.stop();
});

test('when there are too many, one that never brought a record goes first', () => {
  const before = { ...LIMITS };
  overrideLimits({ sources: 3 });
  try {
    const held = shelf();
    const sources = new Sources(held, createClock());
    sources.heard({ ...key, address: 'old' }, heard({ observedNs: 1n }));
    sources.heard({ ...key, address: 'empty' }, heard({ observedNs: 9n, records: 0 }));
    sources.heard({ ...key, address: 'new' }, heard({ observedNs: 3n }));
    sources.heard({ ...key, address: 'next' }, heard({ observedNs: 4n }));
    sources.heard({ ...key, address: 'last' }, heard({ observedNs: 5n }));
    expect(held.forgotten).toEqual(['empty', 'old']);
    expect(sources.of('default').map(({ address }) => address)).toEqual(['last', 'next', 'new']);
    sources.stop();
    expect(held.saved.flat()).toHaveLength(3);
  } finally {
    overrideLimits(before);
  }
});

test('gaps are kept, the last hundred of them', () => {
  const sources = new Sources(shelf(), createClock());
  for (let i = 0; i < 150; i++) sources.gap(key, heard(), { from: i * 10, to: i * 10 + 4 });
  const [source] = sources.of('default');
  expect(source?.gaps).toHaveLength(100);
  expect(source?.gaps.at(-1)).toEqual({ from: 1_490, to: 1_494 });
  sources.stop();
});
