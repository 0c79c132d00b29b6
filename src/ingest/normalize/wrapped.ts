import { C } from '../../model/columns.ts';
import { fixedGap, NO_GAP, type Gap } from '../../model/gap.ts';
import { binary } from '../../model/layout.ts';
import { escapesJson } from '../../model/layout-json.ts';
import { columnOf, kindOf, LOST, PLACE } from '../../model/placement.ts';
import { RecordValues } from '../../model/record-values.ts';
import type { LogRecord } from '../../model/record.ts';

const BODY_GAP = fixedGap('', 'body');
const values = new RecordValues();

/** The value of a step's hole of text. */
const valueOf = (record: LogRecord, gap: Gap, place: number): Uint8Array => {
  const column = columnOf(place);
  values.record = record;
  const isMap = column === C.attributes || column === C.metadata;
  return isMap ? values.pair(column, binary(gap.key.bytes)) : values.text(column);
};

/** The place of a value that stands in a line inside a JSON string. */
const quotedPlace = (record: LogRecord, i: number, dialect: number): number => {
  const place = record.places[i] as number;
  const gap = record.gaps[i];
  const kind = kindOf(place);
  // What is escaped within the inner line would be escaped twice.
  if (place < 0 || gap === undefined || kind === PLACE.json) return LOST;
  if (kind !== PLACE.text && kind !== PLACE.dash) return place;
  if (!escapesJson(valueOf(record, gap, place), dialect)) return place;
  return columnOf(place) | PLACE.json | (dialect << 12);
};

/**
 * Ends the way through a wrapped line whose inside has been normalized: text without structure is
 * the body, and what stands behind the inside follows.
 */
export const finishWrapped = (record: LogRecord): void => {
  if (!record.structured) {
    record.set(C.body, record.lineBuf, record.lineStart, record.lineEnd);
    record.step(BODY_GAP, C.body);
    record.tail = NO_GAP;
    record.structured = true;
  }
  const { quotedAt } = record;
  if (quotedAt >= 0) {
    const dialect = (record.places[quotedAt] as number) >> 12;
    for (let i = quotedAt + 1; i < record.steps; i++) {
      record.places[i] = quotedPlace(record, i, dialect);
    }
    record.step(record.tail, PLACE.empty);
    for (let i = 0; i < record.stepsAfter; i++) {
      record.step(record.gapsAfter[i], record.placesAfter[i] as number);
    }
    record.tail = NO_GAP;
  }
  record.look(record.receivedBuf, record.receivedStart, record.receivedEnd);
};
