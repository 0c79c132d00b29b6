import { expect, test } from 'vitest';
import { Bytes } from '../../model/bytes.ts';
import { C } from '../../model/columns.ts';
import { BlockError } from '../../model/block-rows.ts';
import { sliceBlock } from './block-slice.ts';
import { batchOfLines, numberedLines } from './test-batches.ts';

/** 40 rows with all kinds of columns, maps of 0 to 4 pairs among them. */
const batch = batchOfLines(numberedLines('line', 40), 'acme', (record, row) => {
  record.setTime(1_700_000_000 + row, row);
  record.numbers[C.severity] = row;
  record.numbers[C.status] = 200 + row;
  record.numbers[C.duration_ns] = row * 1e12;
  record.setText(C.service, `service ${row % 7}`);
  for (let pair = 0; pair < row % 5; pair++) record.attributes.putText(`k${pair}`, `v${row}`);
  if (row === 20) record.labels.putText('only', 'here');
});

const cut = (from: number, to: number, data: Uint8Array = batch.data): Uint8Array =>
  sliceBlock(data, batch.columns, batch.rows, from, to);

test('the whole is the whole', () => {
  expect(Buffer.compare(cut(0, 40), batch.data)).toBe(0);
});

test('a cut of a cut is the same as one cut', () => {
  for (let from = 0; from <= 40; from += 3) {
    for (let to = from; to <= 40; to += 5) {
      const first = sliceBlock(cut(from, 40), batch.columns, 40 - from, 0, to - from);
      const second = sliceBlock(cut(0, to), batch.columns, to, from, to);
      expect(Buffer.compare(first, cut(from, to)), `${from}-${to}`).toBe(0);
      expect(Buffer.compare(second, cut(from, to)), `${from}-${to}`).toBe(0);
    }
  }
});

test('a cut has its own rows and no others', () => {
  const text = Buffer.from(cut(7, 9)).toString('latin1');
  expect(text).toContain('line 7');
  expect(text).toContain('line 8');
  expect(text).not.toContain('line 6');
  expect(text).not.toContain('line 9');
  expect(text).not.toContain('v9');
});

test('every truncation is refused', () => {
  for (let size = 0; size < batch.data.length; size++) {
    expect(() => cut(3, 9, batch.data.subarray(0, size)), String(size)).toThrow(BlockError);
  }
});

test('bytes after the last column are refused', () => {
  const longer = new Bytes(batch.data.length + 1);
  longer.raw(batch.data, 0, batch.data.length);
  longer.raw(new Uint8Array(1), 0, 1);
  expect(() => cut(0, 1, longer.take())).toThrow(/follow/);
});

test('a broken byte anywhere is refused or stays within its bounds', () => {
  for (let at = 0; at < batch.data.length; at++) {
    for (const value of [0, 0x7f, 0x80, 0xff]) {
      const broken = batch.data.slice();
      broken[at] = value;
      try {
        expect(cut(3, 9, broken).length).toBeLessThanOrEqual(batch.data.length + 16);
      } catch (error) {
        expect(error).toBeInstanceOf(BlockError);
      }
    }
  }
});
