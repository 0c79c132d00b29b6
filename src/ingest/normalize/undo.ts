import { COLUMNS } from '../../model/columns.ts';
import type { LogRecord } from '../../model/record.ts';

const ends = new Int32Array(COLUMNS.length);
const numbers = new Float64Array(COLUMNS.length);
let timeSec = -1;
let timeNano = 0;
let metadata = 0;
let attributes = 0;
let overflow = 0;
let badTimes = 0;

/**
 * Remembers how far the record is filled, for formats that write while they read. One place per
 * thread: normalizers do not nest between `remember` and `restore`.
 */
export const remember = (record: LogRecord): void => {
  ends.set(record.ends);
  numbers.set(record.numbers);
  ({ timeSec, timeNano, overflow, badTimes } = record);
  metadata = record.metadata.count;
  attributes = record.attributes.count;
};

/** Takes back everything that was set since `remember`; what was set before is still there. */
export const restore = (record: LogRecord): void => {
  record.ends.set(ends);
  record.numbers.set(numbers);
  record.timeSec = timeSec;
  record.timeNano = timeNano;
  record.overflow = overflow;
  record.badTimes = badTimes;
  record.metadata.count = metadata;
  record.attributes.count = attributes;
};
