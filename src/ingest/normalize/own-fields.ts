import { parseCount } from '../../model/duration.ts';
import {
  putDuration,
  putField,
  readTime,
  VALUE,
  type PutField,
  type ValueKind,
} from '../../model/fields.ts';
import { putNumber, putRest, putText } from '../../model/fields-put.ts';
import type { Gap } from '../../model/gap.ts';
import type { FieldList } from '../../model/json-fields.ts';
import { listFields } from '../../model/json-scanner.ts';
import { keys, type Key } from '../../model/key.ts';
import { escapedPlace, PLACE, REST } from '../../model/placement.ts';
import type { LogRecord } from '../../model/record.ts';

/**
 * Puts a value that one format alone writes under this name.
 * @returns the place; REST where the value is to be kept (also) under its own name
 */
export type Reader = (
  record: LogRecord,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
) => number;

/** The value is the column's, as it stands. */
export const textOf =
  (column: number): Reader =>
  (record, key, buf, start, end) =>
    putText(record, 'line', column, key, buf, start, end);

/** A number of things. */
export const countOf =
  (column: number): Reader =>
  (record, _key, buf, start, end) => {
    const value = parseCount(buf, start, end);
    return value >= 0 && putNumber(record, column, value) ? column | PLACE.number : REST;
  };

/** A duration in units of `unitNs`. */
export const durationOf =
  (column: number, unitNs: number): Reader =>
  (record, _key, buf, start, end) =>
    putDuration(record, column, unitNs, buf, start, end);

/** When it happened. */
export const readInstant: Reader = (record, _key, buf, start, end) =>
  readTime(record, buf, start, end);

/** A format's own names, and the general ones for all others. */
export const ownFields = (own: Readonly<Record<string, Reader>>): PutField => {
  const readers: (Reader | undefined)[] = [];
  for (const [name, reader] of Object.entries(own)) readers[keys.of(name).id] = reader;
  return (record, origin, key, kind, buf, start, end) => {
    const reader = key.id < 0 ? undefined : readers[key.id];
    if (reader === undefined) return putField(record, origin, key, kind, buf, start, end);
    if (kind === VALUE.null) return PLACE.null;
    const place = reader(record, key, buf, start, end);
    return place === REST ? putRest(record, origin, key, buf, start, end) : place;
  };
};

/** The fields of the line's JSON object; undefined where it is none. It is scanned once for all. */
export const listObject = (record: LogRecord): FieldList | undefined => {
  const { lineBuf, lineStart, lineEnd, scratch } = record;
  const list = scratch.fields.isOf(lineBuf, lineStart, lineEnd)
    ? scratch.fields
    : listFields(lineBuf, lineStart, lineEnd, scratch);
  return list === undefined || list.count === 0 ? undefined : list;
};

/** Tells the way through an object whose values have been put, from step `first` on. */
export const keepWay = (record: LogRecord, list: FieldList, first: number): void => {
  const { count, gaps } = list;
  const { places } = record;
  for (let i = 0; i < list.escapes; i++) {
    const at = first + (list.escapedAt[i] as number);
    places[at] = escapedPlace(places[at] as number, list.dialects[i] as number);
  }
  if (first === 0) {
    // Nobody reads the list any more: its gaps are the record's, without a copy.
    list.gaps = record.gaps;
    record.gaps = gaps;
    list.forget();
  } else for (let i = 0; i < count; i++) record.gaps[first + i] = gaps[i];
  record.steps = first + count;
  record.tail = list.tail;
};

/** Puts the fields of a JSON object, and the way through it. */
export const putObject = (record: LogRecord, list: FieldList, put: PutField): void => {
  const { count, gaps, kinds, bufs, starts, ends } = list;
  const first = record.steps;
  const { places } = record;
  for (let i = 0; i < count; i++)
    places[first + i] = put(
      record,
      'line',
      (gaps[i] as Gap).key,
      kinds[i] as ValueKind,
      bufs[i] as Uint8Array,
      starts[i] as number,
      ends[i] as number,
    );
  keepWay(record, list, first);
};
