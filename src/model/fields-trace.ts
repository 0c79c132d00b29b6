import { viewOf } from './bytes.ts';
import { C } from './columns.ts';
import { putText } from './fields-put.ts';
import type { Origin } from './fields.ts';
import { REST } from './placement.ts';
import type { Key } from './key.ts';
import type { LogRecord } from './record.ts';

const isHex = (buf: Uint8Array, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) {
    const byte = buf[at] as number;
    const lower = byte | 0x20;
    if (!((byte >= 0x30 && byte <= 0x39) || (lower >= 0x61 && lower <= 0x66))) return false;
  }
  return true;
};

/** Capitals, and little else in text, lack the bit that sets small letters and digits apart. */
const mayHaveCapitals = (buf: Uint8Array, start: number, end: number): boolean => {
  const view = viewOf(buf);
  for (let at = start; at < end; at += 4)
    if ((view.getInt32(at, true) & 0x20202020) !== 0x20202020) return true;
  return false;
};

/**
 * Trace and span ids: hexadecimal ones of 16 or 32 digits in lower case, others as written.
 * @returns the place; REST where capitals were made small, so that the text must be kept too
 */
export const putTraceId = (
  record: LogRecord,
  origin: Origin,
  column: number,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  const size = end - start;
  if (
    (size !== 32 && size !== 16) ||
    !mayHaveCapitals(buf, start, end) ||
    !isHex(buf, start, end)
  ) {
    return putText(record, origin, column, key, buf, start, end);
  }
  const { scratch } = record;
  scratch.reserve(size);
  const from = scratch.used;
  for (let i = 0; i < size; i++) {
    const byte = buf[start + i] as number;
    scratch.buf[from + i] = byte < 0x3a ? byte : byte | 0x20;
  }
  scratch.used = from + size;
  if (!record.has(column)) record.set(column, scratch.buf, from, from + size);
  return REST;
};

/** GCP's `projects/P/traces/ID`; a bare id is taken as it is. REST where the text says more. */
export const readTraceName = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  let from = end;
  while (from > start && buf[from - 1] !== 0x2f) from--;
  if (end - from !== 32 || !isHex(buf, from, end)) return REST;
  if (record.has(C.trace_id)) return REST;
  const place = putTraceId(record, origin, C.trace_id, key, buf, from, end);
  return from === start ? place : REST;
};

/** W3C Trace Context's `00-<trace id>-<span id>-01`; the text is kept too, it says more. */
export const readTraceParent = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  buf: Uint8Array,
  start: number,
): void => {
  const trace = start + 3;
  const span = start + 36;
  if (buf[start + 2] !== 0x2d || buf[trace + 32] !== 0x2d || buf[span + 16] !== 0x2d) return;
  if (!isHex(buf, trace, trace + 32) || !isHex(buf, span, span + 16)) return;
  if (!record.has(C.trace_id)) putTraceId(record, origin, C.trace_id, key, buf, trace, trace + 32);
  if (!record.has(C.span_id)) putTraceId(record, origin, C.span_id, key, buf, span, span + 16);
};
