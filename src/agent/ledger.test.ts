import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LIMITS } from '../model/limits.ts';
import { systemDisk } from '../platform/disk.ts';
import { systemRandom } from '../platform/random.ts';
import { Ledger } from './ledger.ts';

let directory = '';
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'meshtrail-ledger-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const open = (host = 'node-1') =>
  Ledger.open(join(directory, 'ledger.json'), host, systemDisk, systemRandom);

test('id, numbers, places and counts outlive the process; what is not durable does not', async () => {
  const first = await open();
  const state = first.of('s1', 'app');
  Object.assign(state, { next: 12, durableNext: 10, position: 'p10', lostBytes: 7, lastNs: 5n });
  state.dropped['sampled'] = 3;
  first.of('s2', 'app').next = 4;
  first.upTo = 9;
  await first.write();
  const second = await open();
  expect(second.agent).toBe(first.agent);
  expect(second.upTo).toBe(9);
  expect([...second.sources.values()]).toEqual([
    {
      ...{ id: 's1', input: 'app', next: 10, durableNext: 10, position: 'p10', underWay: 0 },
      ...{ dropped: { sampled: 3 }, lostBytes: 7, lastNs: 5n },
    },
  ]);
});

test('on another host it is another agent, which numbers on', async () => {
  const first = await open();
  Object.assign(first.of('s1', 'app'), { next: 3, durableNext: 3 });
  await first.write();
  const moved = await open('node-2');
  expect(moved.agent).not.toBe(first.agent);
  expect(moved.sources.get('s1')?.next).toBe(3);
  expect((await open('node-2')).agent).toBe(moved.agent);
});

test('a damaged one is refused: an agent with old numbers would lose lines', async () => {
  await open();
  const file = join(directory, 'ledger.json');
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, -5));
  await expect(open()).rejects.toMatchObject({ code: 'agent_ledger_damaged' });
});

test('of too many sources those silent longest are forgotten', async () => {
  const ledger = await open();
  const count = LIMITS.agentSourcesKept + 10;
  for (let i = 0; i < count; i++) {
    Object.assign(ledger.of(`s${i}`, 'app'), { durableNext: 1, lastNs: BigInt(i) });
  }
  await ledger.write();
  expect(ledger.sources.size).toBeLessThanOrEqual(LIMITS.agentSourcesKept);
  expect(ledger.sources.has('s0')).toBe(false);
  expect(ledger.sources.has(`s${count - 1}`)).toBe(true);
});
