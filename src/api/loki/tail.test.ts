import { afterEach, expect, test } from 'vitest';
import { LIMITS } from '../../model/limits.ts';
import { createClock } from '../../platform/clock.ts';
import { lokiRecord, testRows, type TestRecord } from '../../query/testing.ts';
import { createLokiApi, type LokiApi } from './loki.ts';
import type { Tail } from './tail.ts';

const clock = createClock();
/** Nothing is stored: the catalog is empty and the engine is never asked. */
const loki: LokiApi = createLokiApi({
  reader: {
    stream: () => Promise.reject(new Error('not asked')),
    rows: () => Promise.reject(new Error('not asked')),
  },
  catalog: { ranges: () => [] },
  flush: () => Promise.resolve(),
  discoverLogLevels: false,
  clock,
});

const open: Tail[] = [];
afterEach(() => {
  for (const tail of open.splice(0)) tail.close();
});

const tailOf = (parameters: Record<string, string>): Tail => {
  const tail = loki.openTail({ tenant: 't', query: new URLSearchParams(parameters), headers: {} });
  open.push(tail);
  return tail;
};

const rows = (...lines: string[]) => {
  const records = lines.map((line): TestRecord => lokiRecord(clock.nowNs(), { app: 'x' }, line));
  return testRows(records, { discoverLogLevels: false });
};

interface Message {
  readonly streams: { stream: Record<string, string>; values: [string, string][] }[];
  readonly dropped_entries: unknown[];
}

const next = async (messages: AsyncIterator<string>): Promise<Message> =>
  JSON.parse(String((await messages.next()).value)) as Message;

test('pushed rows that the query matches come as messages', async () => {
  const tail = tailOf({ query: '{app="x"} |= "yes"' });
  const messages = tail.messages[Symbol.asyncIterator]();
  const first = next(messages);
  tail.push(rows('no', 'yes 1', 'yes 2'));
  const { streams } = await first;
  expect(streams).toMatchObject([{ stream: { app: 'x' } }]);
  expect(streams[0]?.values.map(([, line]) => line)).toEqual(['yes 1', 'yes 2']);
  const second = next(messages);
  tail.push(rows('yes 3'));
  expect((await second).streams[0]?.values[0]?.[1]).toBe('yes 3');
});

test('a slow reader loses lines, counted and told', async () => {
  const tail = tailOf({ query: '{app="x"}' });
  const many = rows(...Array.from({ length: LIMITS.tailRows + 7 }, (_, i) => `line ${i}`));
  tail.push(many);
  expect(tail.dropped).toBe(7);
  const messages = tail.messages[Symbol.asyncIterator]();
  const message = await next(messages);
  expect(message.dropped_entries).toHaveLength(7);
  let lines = message.streams[0]?.values.length ?? 0;
  while (lines < LIMITS.tailRows) lines += (await next(messages)).streams[0]?.values.length ?? 0;
  expect(lines).toBe(LIMITS.tailRows);
});

test('delay_for holds lines back', async () => {
  const tail = tailOf({ query: '{app="x"}', delay_for: '1' });
  const began = clock.monotonicMs();
  tail.push(rows('later'));
  await next(tail.messages[Symbol.asyncIterator]());
  expect(clock.monotonicMs() - began).toBeGreaterThan(900);
});

test('close ends the messages', async () => {
  const tail = tailOf({ query: '{app="x"}' });
  const ended = tail.messages[Symbol.asyncIterator]().next();
  tail.close();
  expect(await ended).toEqual({ done: true, value: undefined });
  tail.push(rows('too late'));
});

test.each([
  [{ query: '{app=' }, 'parse error'],
  [{ query: 'rate({a="b"}[1m])' }, 'only log queries can be tailed'],
  [{ query: '{app="x"}', delay_for: '6' }, "delay_for can't be greater than 5"],
  [{ query: '{app="x"}', limit: '9999' }, 'max entries limit per query exceeded'],
])('%j is refused', (parameters, words) => {
  expect(() => tailOf(parameters as unknown as Record<string, string>)).toThrow(words);
});
