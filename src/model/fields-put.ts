import { C, COLUMNS } from './columns.ts';
import type { Origin } from './fields.ts';
import type { Key } from './key.ts';
import { LIMITS } from './limits.ts';
import { LOST, PLACE } from './placement.ts';
import type { LogRecord } from './record.ts';

/**
 * Columns that are concluded from other fields where they are empty: an empty value in the line
 * must not be taken for theirs.
 */
const CONCLUDED: ReadonlySet<number> = new Set([
  C.service,
  C.kind,
  C.mesh,
  C.direction,
  C.severity_text,
  C.path,
  C.protocol,
  C.trace_id,
  C.span_id,
  C.source_service,
  C.destination_service,
  C.mtls,
  C.policy_decision,
]);

/** The place of an empty value that names this column: the column, where that stays empty too. */
export const placeOfEmpty = (record: LogRecord, column: number): number =>
  (record.ends[column] as number) < 0 && !CONCLUDED.has(column)
    ? column | PLACE.blank
    : PLACE.empty;

/**
 * Keeps a field as it came: in `metadata` (envelope) or `attributes` (line).
 * @returns its place, for fields of the line
 */
export const putRest = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  if (origin === 'line') {
    if (record.attributes.count >= LIMITS.attributesPerRecord) {
      record.overflow++;
      return LOST;
    }
    record.attributes.put(key, buf, start, end);
    return C.attributes;
  }
  if (record.metadata.count >= LIMITS.metadataPerRecord) record.overflow++;
  else record.metadata.put(key, buf, start, end);
  return LOST;
};

/**
 * Sets a text column unless it holds something else, which then stays; the value is kept either
 * way.
 * @returns its place, for fields of the line
 */
export const putText = (
  record: LogRecord,
  origin: Origin,
  column: number,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  if (start === end) return placeOfEmpty(record, column);
  if (!record.has(column)) {
    record.set(column, buf, start, end);
    return column;
  }
  if (holds(record, column, buf, start, end)) return column;
  return putRest(record, origin, key, buf, start, end);
};

/** Whether a text column holds just these bytes. */
export const holds = (
  record: LogRecord,
  column: number,
  buf: Uint8Array,
  start: number,
  end: number,
): boolean => {
  const from = record.starts[column] as number;
  const length = end - start;
  if ((record.ends[column] as number) - from !== length) return false;
  const held = record.bufs[column] as Uint8Array;
  for (let i = 0; i < length; i++) if (held[from + i] !== buf[start + i]) return false;
  return true;
};

const LIMIT_OF = COLUMNS.map(({ kind }) =>
  kind === 'u8' ? 0xff : kind === 'u16' ? 0xffff : Number.MAX_SAFE_INTEGER,
);

/** Sets a number column; false where it holds another number already or the value does not fit. */
export const putNumber = (record: LogRecord, column: number, value: number): boolean => {
  const held = record.numbers[column] as number;
  if (held !== 0) return held === value;
  if (value < 0 || value > (LIMIT_OF[column] as number)) return false;
  record.numbers[column] = value;
  return true;
};
