import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MeshtrailError } from '../../model/errors.ts';
import type { SegmentEnd } from '../../model/storage.ts';
import { systemClock } from '../../platform/clock.ts';
import { State } from './state.ts';

let directory: string;
const open = (): State => new State(join(directory, 'state.db'), systemClock);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-state-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const segment = (lane: string, number: number, lastSeq: number): SegmentEnd => ({
  lane,
  segment: number,
  bucket: 'default/default/2026-01-05',
  firstSeq: lastSeq - 9,
  lastSeq,
  bytes: 1_000,
  openedNs: 1_767_600_000_123_456_789n,
  closedNs: 1_767_600_005_000_000_000n,
});

test('ended segments are kept, in order, also when told twice', () => {
  const state = open();
  state.segmentEnded(segment('a', 2, 20));
  state.segmentEnded(segment('a', 1, 10));
  state.segmentEnded(segment('b', 1, 10));
  state.segmentEnded(segment('a', 2, 20));
  state.close();
  const again = open();
  expect(again.segments('a')).toEqual([segment('a', 1, 10), segment('a', 2, 20)]);
  expect([...again.floors()]).toEqual([
    ['a', 20],
    ['b', 10],
  ]);
  expect(again.latestNs()).toBe(1_767_600_005_000_000_000n);
  again.close();
});

test('the first name of the node stays', () => {
  const state = open();
  expect(state.nodeName('first')).toBe('first');
  state.close();
  const again = open();
  expect(again.nodeName('second')).toBe('first');
  again.close();
});

test('a second process is refused in words, and may have it after the first', () => {
  const state = open();
  let refused: unknown;
  try {
    open();
  } catch (error) {
    refused = error;
  }
  expect(refused).toBeInstanceOf(MeshtrailError);
  expect((refused as MeshtrailError).code).toBe('data_in_use');
  state.close();
  open().close();
});

test('watermarks of agents go on after a restart, and never back', () => {
  const state = open();
  const one = { tenant: 'acme', agent: 'a1', source: 'file 1' };
  state.agentSources.raise([
    { ...one, next: 10 },
    { ...one, source: 'file 2', next: 3 },
  ]);
  state.agentSources.raise([{ ...one, next: 7 }]);
  state.agentSources.raise([{ ...one, tenant: 'other', next: 2 ** 40 }]);
  state.close();
  const again = open();
  expect(again.agentSources.watermarks()).toEqual([
    { ...one, next: 10 },
    { ...one, source: 'file 2', next: 3 },
    { ...one, tenant: 'other', next: 2 ** 40 },
  ]);
  again.close();
});
