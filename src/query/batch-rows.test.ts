import { expect, test } from 'vitest';
import type { NumberedBatch } from '../model/storage.ts';
import { rowsOfBatch } from './batch-rows.ts';
import { lokiRecord, testBatch, testRows, type TestRecord } from './testing.ts';

const RECORDS: readonly TestRecord[] = [
  lokiRecord(5n, { app: 'shop' }, 'a line', { severity: 17, metadata: { 'a.b': 'c' } }),
  {
    timestampNs: 6n,
    line: Uint8Array.from([0x61, 0xff]),
    columns: { receiver: 'otlp', service: 'cart' },
  },
  {
    timestampNs: 7n,
    line: '{"a":1}',
    structured: true,
    columns: { body: 'text', path: '/x' },
    attributes: { k: 'v' },
  },
];

test('rows of a batch are those of its records', async () => {
  const batch = testBatch('t', 9n, RECORDS);
  const { data, ...rest } = batch;
  const numbered = { ...rest, lane: 'l', seq: 40, load: () => Promise.resolve(data) };
  const options = { discoverLogLevels: true };
  const found = [];
  for await (const row of rowsOfBatch(numbered as unknown as NumberedBatch, options)) {
    const { timestampNs, lane, seq, stream, metadata, line, lineBytes, lineRaw } = row;
    found.push({ timestampNs, lane, seq, stream, metadata, line, lineBytes, lineRaw });
    expect(row.fields?.columns.get('timestamp')).toBe(String(timestampNs));
  }
  const expected = testRows(RECORDS, options, { lane: 'l', seq: 40 }).map(({ fields, ...row }) => {
    expect(fields).toBeDefined();
    return row;
  });
  expect(found).toEqual(expected);
});

test('a row has all its fields when asked', async () => {
  const { data, ...rest } = testBatch('t', 9n, RECORDS);
  const numbered = { ...rest, lane: 'l', seq: 0, load: () => Promise.resolve(data) };
  const rows = [];
  for await (const row of rowsOfBatch(numbered as unknown as NumberedBatch, {
    discoverLogLevels: true,
  }))
    rows.push(row);
  expect(Object.fromEntries(rows[2]?.fields?.columns ?? [])).toEqual({
    timestamp: '7',
    observed_at: '9',
    body: 'text',
    line: '{"a":1}',
    path: '/x',
    lane: 'l',
    seq: '2',
  });
  expect(rows[2]?.fields?.attributes).toEqual([['k', 'v']]);
});
