import { expect, test } from 'vitest';
import type { NumberedBatch } from '../model/storage.ts';
import { rowsOfBatch } from './batch-rows.ts';
import { must } from '../model/errors.ts';
import { parseLayout } from '../model/layout.ts';
import { laidOut, lokiRecord, testBatch, testRows, type TestRecord } from './testing.ts';

const LAYOUT = must(
  parseLayout(
    '<timestamp:epoch 9> "<body:json>" <attributes.x> <attributes.none:dash> <status:number>',
  ),
  'a layout',
);

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
  laidOut(
    {
      timestampNs: 8n,
      line: '',
      columns: { body: 'a "b"' },
      numbers: { status: 503 },
      attributes: { w: '1', x: Uint8Array.from([0xff, 0x61]) },
    },
    LAYOUT,
  ),
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

test('lines are filled from layouts', async () => {
  const { data, ...rest } = testBatch('t', 9n, RECORDS);
  const numbered = { ...rest, lane: 'l', seq: 0, load: () => Promise.resolve(data) };
  const lines = [];
  for await (const row of rowsOfBatch(numbered as unknown as NumberedBatch, {
    discoverLogLevels: true,
  }))
    lines.push(Buffer.from(row.lineRaw ?? row.line).toString('latin1'));
  expect(lines[3]).toBe('8 "a \\"b\\"" \xffa - 503');
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
