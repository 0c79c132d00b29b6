import { expect, test } from 'vitest';
import { encodeAgentHead, type AgentSource } from '../model/agent-batch.ts';
import { AgentWatermarks } from './agent-watermarks.ts';

const source = (name: string, from: number, count: number): AgentSource => ({
  ...{ source: name, kind: 'file', path: '', content: 'line', fields: {}, format: '', with: 0 },
  ...{ from, count, readNs: 1n, dropped: {}, lostBytes: 0 },
});

const bodyOf = (...sources: AgentSource[]): Uint8Array =>
  encodeAgentHead({
    ...{ agent: 'a', host: 'h', version: '1', packing: 'identity', behindBytes: 0, sources },
    blocks: sources.map(({ count }, i) => [i, count, count]),
  });

const origins = (name: string, from: number, to: number) => ({
  tenant: 't',
  origins: [{ agent: 'a', source: name, from, to }],
});

const open = () => new AgentWatermarks([]);

test('what a batch stored is known to the next one', async () => {
  const marks = open();
  const first = await marks.turn('t', bodyOf(source('x', 0, 10)));
  expect(first?.stored).toEqual([0]);
  expect(first?.end(true)).toEqual({ gaps: [], duplicates: 0, dropped: {} });
  const again = await marks.turn('t', bodyOf(source('x', 5, 10), source('y', 3, 1)));
  expect(again?.stored).toEqual([10, 0]);
  again?.end(true);
  const other = await marks.turn('other', bodyOf(source('x', 5, 10)));
  expect(other?.stored).toEqual([0]);
});

test('of a batch that was refused halfway, what is durable is known', async () => {
  const marks = open();
  (await marks.turn('t', bodyOf(source('x', 0, 10))))?.end(true);
  const turn = await marks.turn('t', bodyOf(source('x', 10, 10)));
  marks.durable(origins('x', 10, 13));
  expect(turn?.end(false)).toEqual({ gaps: [], duplicates: 0, dropped: {} });
  expect((await marks.turn('t', bodyOf(source('x', 10, 10))))?.stored).toEqual([14]);
});

test('batches of one source take turns, those of others do not wait', async () => {
  const marks = open();
  const first = await marks.turn('t', bodyOf(source('x', 0, 2)));
  let isIn = false;
  const second = marks.turn('t', bodyOf(source('y', 0, 1), source('x', 0, 2))).then((turn) => {
    isIn = true;
    return turn;
  });
  await marks.turn('t', bodyOf(source('z', 0, 1)));
  expect(isIn).toBe(false);
  first?.end(true);
  expect((await second)?.stored).toEqual([0, 2]);
});

test('a gap is told once, when what follows it is stored', async () => {
  const marks = open();
  (await marks.turn('t', bodyOf(source('x', 0, 2))))?.end(true);
  expect((await marks.turn('t', bodyOf(source('x', 5, 2))))?.end(false).gaps).toEqual([]);
  expect((await marks.turn('t', bodyOf(source('x', 5, 2))))?.end(true).gaps).toEqual([
    { from: 2, to: 4 },
  ]);
  expect((await marks.turn('t', bodyOf(source('x', 5, 2))))?.end(true).gaps).toEqual([]);
  // Of a source that was never heard here nobody knows where it began.
  expect((await marks.turn('t', bodyOf(source('new', 7, 1))))?.end(true).gaps).toEqual([]);
});

test('what the journal and the database held at the start is known, the greater of both', async () => {
  const mark = { tenant: 't', agent: 'a', source: 'x' };
  const marks = new AgentWatermarks([
    { ...mark, next: 10 },
    { ...mark, next: 7 },
  ]);
  expect((await marks.turn('t', bodyOf(source('x', 0, 12))))?.stored).toEqual([10]);
});

test('duplicates and what rules left out are counted once', async () => {
  const marks = open();
  const dropping = (from: number, count: number, sampled: number) =>
    bodyOf({ ...source('x', from, count), dropped: { sampled } });
  const tell = async (body: Uint8Array) => (await marks.turn('t', body))?.end(true);
  expect(await tell(dropping(0, 5, 3))).toMatchObject({ duplicates: 0, dropped: { sampled: 3 } });
  expect(await tell(dropping(0, 5, 3))).toMatchObject({ duplicates: 5, dropped: {} });
  expect(await tell(dropping(3, 5, 9))).toMatchObject({ duplicates: 2, dropped: { sampled: 6 } });
});
