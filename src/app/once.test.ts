import { afterEach, beforeEach, expect, test } from 'vitest';
import { RecordBatch, type Batch } from '../model/batch.ts';
import { C } from '../model/columns.ts';
import { LIMITS, overrideLimits } from '../model/limits.ts';
import { NativeReader } from '../model/native-reader.ts';
import { LogRecord } from '../model/record.ts';
import { Once, type Refused } from './once.ts';

const LIMITS_BEFORE = { ...LIMITS };
afterEach(() => overrideLimits(LIMITS_BEFORE));

/** A journal set by hand: what it was given, and how to end it. */
interface Kept {
  readonly lines: string[];
  end(refused?: Refused): void;
}

let nowMs: number;
let kept: Kept[];
let duplicates: Record<string, number>;
let once: Once;

beforeEach(() => {
  nowMs = 1_000;
  kept = [];
  duplicates = {};
  const clock = { monotonicMs: () => nowMs, nowNs: () => BigInt(nowMs) * 1_000_000n };
  once = new Once(clock, (protocol, rows) => {
    duplicates[protocol] = (duplicates[protocol] ?? 0) + rows;
  });
});

const batchOf = (lines: string, tenant = 'acme'): Batch => {
  const batch = new RecordBatch();
  const record = new LogRecord();
  batch.begin(1_700_000_000_000_000_000n);
  for (const line of lines) {
    record.reset();
    record.setText(C.body, line);
    // A capital letter has no token.
    if (line === line.toLowerCase()) record.token.begin(1).text(line).end();
    batch.append(record);
  }
  return batch.take(tenant, 'loki');
};

const linesOf = (batch: Batch): string[] => {
  const reader = new NativeReader(batch.data, batch.columns, batch.rows);
  return Array.from({ length: batch.rows }, (_, row) =>
    Buffer.from(reader.text(C.body, row)).toString(),
  );
};

const send = (lines: string, tenant?: string): Promise<Refused | undefined> =>
  once.store(
    batchOf(lines, tenant),
    (batch) =>
      new Promise((resolve) => {
        kept.push({ lines: linesOf(batch), end: (refused) => resolve(refused) });
      }),
  );

/** Sends, and lets the journal take everything at once. */
const sent = async (lines: string, tenant?: string): Promise<string> => {
  const from = kept.length;
  const outcome = send(lines, tenant);
  for (const one of kept.slice(from)) one.end();
  expect(await outcome).toBe(undefined);
  return kept
    .slice(from)
    .flatMap((one) => one.lines)
    .join('');
};

const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

const isDone = async (outcome: Promise<unknown>): Promise<boolean> => {
  let done = false;
  void outcome.then(() => (done = true));
  await turns();
  return done;
};

test('what is stored is left out, and counted', async () => {
  expect(await sent('abc')).toBe('abc');
  expect(await sent('abc')).toBe('');
  expect(await sent('bxcy')).toBe('xy');
  expect(duplicates).toEqual({ loki: 5 });
});

test('items that are the same within one batch are stored once; those without a token always', async () => {
  expect(await sent('abaXXa')).toBe('abXX');
  expect(await sent('aX')).toBe('X');
  expect(await sent('YY')).toBe('YY');
  expect(duplicates).toEqual({ loki: 3 });
});

test('tenants are apart', async () => {
  expect(await sent('a', 'acme')).toBe('a');
  expect(await sent('a', 'other')).toBe('a');
});

test('who sends what is under way is answered when that is durable, and not before', async () => {
  const first = send('ab');
  const second = send('ab');
  const third = send('bc');
  expect(kept.map(({ lines }) => lines)).toEqual([['a', 'b'], ['c']]);
  kept[1]?.end();
  expect(await isDone(second)).toBe(false);
  expect(await isDone(third)).toBe(false);
  expect(duplicates).toEqual({});
  kept[0]?.end();
  expect(await Promise.all([first, second, third])).toEqual([undefined, undefined, undefined]);
  expect(duplicates).toEqual({ loki: 3 });
});

test('where the first fails the second is stored, once among those that wait', async () => {
  const first = send('ab');
  const second = send('abc');
  const third = send('ba');
  kept[1]?.end();
  kept[0]?.end('busy');
  expect(await first).toBe('busy');
  await turns();
  expect(kept.map(({ lines }) => lines.sort().join(''))).toEqual(['ab', 'c', 'ab']);
  expect(await isDone(second)).toBe(false);
  expect(await isDone(third)).toBe(false);
  kept[2]?.end();
  expect(await Promise.all([second, third])).toEqual([undefined, undefined]);
  expect(duplicates).toEqual({ loki: 2 });
});

test('an outcome that comes while a batch writes its own rows is not missed', async () => {
  const first = send('a');
  const second = send('ab');
  kept[0]?.end('failed');
  expect(await first).toBe('failed');
  kept[1]?.end();
  await turns();
  expect(kept.map(({ lines }) => lines.join(''))).toEqual(['a', 'b', 'a']);
  kept[2]?.end();
  expect(await second).toBe(undefined);
  expect(duplicates).toEqual({});
});

test('a batch that is not durable takes its tokens back', async () => {
  const first = send('ab');
  kept[0]?.end('failed');
  expect(await first).toBe('failed');
  expect(await sent('ab')).toBe('ab');
  const partly = send('bc');
  kept[2]?.end('busy');
  expect(await partly).toBe('busy');
  expect(await sent('abc')).toBe('c');
});

test('beyond the window an item is stored again: too many, or too long ago', async () => {
  overrideLimits({ onceEntries: 6, onceMs: 10_000 });
  expect(await sent('abcdef')).toBe('abcdef');
  expect(await sent('def')).toBe('');
  expect(await sent('abc')).toBe('abc');
  expect(await sent('abc')).toBe('');
  nowMs += 10_000;
  expect(await sent('abc')).toBe('abc');
});

test('tenants that have most make room for the others', async () => {
  overrideLimits({ onceEntries: 80 });
  for (let i = 0; i < 20; i++) await sent(String.fromCharCode(0x100 + 2 * i + 1), 'large');
  await sent('a', 'small');
  await sent('a', 'third');
  expect(await sent('a', 'third')).toBe('');
  expect(await sent('a', 'small')).toBe('');
  expect(await sent('\u0101', 'large')).toBe('\u0101');
});

test('what the journal held is known again, unless it is too old', async () => {
  const { tokens } = batchOf('ab');
  once.remember('acme', tokens as Uint32Array, BigInt(nowMs) * 1_000_000n);
  expect(await sent('abc')).toBe('c');
  const old = batchOf('de').tokens as Uint32Array;
  once.remember('acme', old, BigInt(nowMs - LIMITS.onceMs - 1) * 1_000_000n);
  expect(await sent('d')).toBe('d');
});
