import { COLUMNS } from '../model/columns.ts';
import { keys } from '../model/key.ts';
import { LIMITS } from '../model/limits.ts';
import type { LogRecord } from '../model/record.ts';

/** The columns whose values are byte ranges. */
const RANGES = Uint8Array.from(
  COLUMNS.flatMap(({ kind }, column) => (kind === 'name' || kind === 'text' ? [column] : [])),
);

/** The mark of a line that was cut: its size as sent, bytes. */
const LINE_MARK = keys.of('meshtrail_cut_from_bytes');
/** The mark of a record of which other values were cut, or left out: how many. */
const VALUES_MARK = keys.of('meshtrail_cut_values');
const encoder = new TextEncoder();

const mark = (record: LogRecord, key: typeof LINE_MARK, value: number): void => {
  const text = encoder.encode(String(value));
  record.metadata.put(key, text, 0, text.length);
};

export const isLong = (record: LogRecord): boolean =>
  record.lineEnd - record.lineStart > LIMITS.lineBytes || record.cutBytes > 0;

/** Where a value of that range ends once it is cut: not inside a UTF-8 sequence. */
const cutEnd = (buf: Uint8Array, start: number, most: number): number => {
  let end = start + most;
  // continuation bytes are 10xxxxxx
  for (let i = 0; i < 3 && ((buf[end] as number) & 0xc0) === 0x80; i++) end--;
  return end;
};

/** Cuts the line to the limit and marks the record with its size as sent. */
export const cutLine = (record: LogRecord): void => {
  const held = record.lineEnd - record.lineStart;
  const size = held + record.cutBytes;
  record.cutBytes = 0;
  const { lineBuf, lineStart } = record;
  if (held > LIMITS.lineBytes) {
    record.setLine(lineBuf, lineStart, cutEnd(lineBuf, lineStart, LIMITS.lineBytes));
  }
  mark(record, LINE_MARK, size);
};

const rangesBytes = (record: LogRecord): number => {
  const { starts, ends } = record;
  let bytes = 0;
  for (let i = 0; i < RANGES.length; i++) {
    const column = RANGES[i] as number;
    const end = ends[column] as number;
    if (end >= 0) bytes += end - (starts[column] as number);
  }
  return bytes;
};

const valueBytes = (record: LogRecord): number =>
  rangesBytes(record) + record.labels.bytes + record.metadata.bytes + record.attributes.bytes;

/**
 * Bounds what a record holds beside its line: values longer than a line may be are cut, and pairs
 * beyond the record's room are left out, both counted and marked.
 * @returns the number of values cut and of pairs left out
 */
export const boundValues = (record: LogRecord): { cut: number; leftOut: number } | undefined => {
  // Nothing can be too long where all of it together is not: one sum for the usual record.
  if (valueBytes(record) <= LIMITS.lineBytes) return undefined;
  let cut = 0;
  for (const column of RANGES) {
    const start = record.starts[column] as number;
    if ((record.ends[column] as number) - start <= LIMITS.lineBytes) continue;
    const end = cutEnd(record.bufs[column] as Uint8Array, start, LIMITS.lineBytes);
    record.ends[column] = end;
    cut++;
  }
  let room = LIMITS.recordBytes - rangesBytes(record);
  let leftOut = 0;
  for (const pairs of [record.labels, record.metadata, record.attributes]) {
    const { count } = pairs;
    pairs.clear();
    for (let i = 0; i < count; i++) {
      const key = pairs.keys[i] as typeof LINE_MARK;
      const buf = pairs.bufs[i] as Uint8Array;
      const start = pairs.starts[i] as number;
      let end = pairs.ends[i] as number;
      const isTooLong = end - start > LIMITS.lineBytes;
      if (isTooLong) end = cutEnd(buf, start, LIMITS.lineBytes);
      const size = key.bytes.length + end - start;
      if (size > room) leftOut++;
      else {
        room -= size;
        if (isTooLong) cut++;
        pairs.put(key, buf, start, end);
      }
    }
  }
  if (cut + leftOut > 0) mark(record, VALUES_MARK, cut + leftOut);
  return { cut, leftOut };
};
