import { C } from '../../model/columns.ts';
import { parseCount } from '../../model/duration.ts';
import { putField, VALUE } from '../../model/fields.ts';
import { keys, type Key } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
import { MAX_TIME_SEC } from '../../model/time.ts';
import type { EventSink } from './decode.ts';
import { putSyslogLevel } from './envelope-names.ts';

/** Fields of one entry: what systemd itself takes (ENTRY_FIELD_COUNT_MAX). */
const MOST_FIELDS = 1_024;

/** The fields of one journal entry: ranges of the buffer that holds it, in order. */
export class JournalFields {
  count = 0;
  /** Fields that had no room. */
  overflow = 0;
  readonly nameStarts: number[] = [];
  readonly nameEnds: number[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** Bytes at each value's end that are not kept. */
  readonly cuts: number[] = [];

  clear(): void {
    this.count = 0;
    this.overflow = 0;
  }

  add(nameStart: number, nameEnd: number, start: number, end: number, cut: number): void {
    if (this.count === MOST_FIELDS) {
      this.overflow++;
      return;
    }
    const i = this.count++;
    this.nameStarts[i] = nameStart;
    this.nameEnds[i] = nameEnd;
    this.starts[i] = start;
    this.ends[i] = end;
    this.cuts[i] = cut;
  }
}

/**
 * One journal entry into the record (systemd.journal-fields(7)). MESSAGE is the line; the fields
 * that mean a column are there, all others beside the line under their own names.
 */
const MESSAGE = keys.of('MESSAGE');
const CURSOR = keys.of('__CURSOR');
const TIME = keys.of('__REALTIME_TIMESTAMP');
const PRIORITY = keys.of('PRIORITY');
const UNIT = keys.of('_SYSTEMD_UNIT');
const COLUMNS = new Map<Key, number>([
  [keys.of('_HOSTNAME'), C.node],
  [keys.of('CONTAINER_NAME'), C.container],
  [keys.of('SYSLOG_IDENTIFIER'), C.service],
  [keys.of('TRACE_ID'), C.trace_id],
  [keys.of('SPAN_ID'), C.span_id],
]);
/** Names the service of what says no identifier. */
const COMMAND = keys.of('_COMM');
/** `jour`: keeps these tokens apart from those of other protocols. */
const TOKEN_KIND = 0x6a6f7572;

export const putEntry = (sink: EventSink, buf: Uint8Array, fields: JournalFields): void => {
  const record = sink.begin();
  record.setLine(buf, 0, 0);
  record.overflow = fields.overflow;
  let hasLine = false;
  for (let i = 0; i < fields.count; i++) {
    const key = keys.intern(buf, fields.nameStarts[i] as number, fields.nameEnds[i] as number);
    const start = fields.starts[i] as number;
    const end = fields.ends[i] as number;
    if (key === MESSAGE && !hasLine) {
      hasLine = true;
      record.setLine(buf, start, end);
      record.cutBytes = fields.cuts[i] as number;
    } else putJournalField(record, key, buf, start, end);
  }
  if (!record.has(C.service)) nameService(record);
  sink.commit();
};

const putJournalField = (
  record: LogRecord,
  key: Key,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  const column = COLUMNS.get(key);
  if (column !== undefined && start < end && !record.has(column)) {
    record.set(column, buf, start, end);
  } else if (key === CURSOR) record.token.begin(TOKEN_KIND).bytes(buf, start, end).end();
  else if (key === TIME && setTime(record, buf, start, end)) return;
  else if (key === PRIORITY) putSyslogLevel(record, VALUE.string, buf, start, end);
  else putField(record, 'envelope', key, VALUE.string, buf, start, end);
};

/** Microseconds since 1970. */
const setTime = (record: LogRecord, buf: Uint8Array, start: number, end: number): boolean => {
  const micros = parseCount(buf, start, end);
  const seconds = Math.floor(micros / 1_000_000);
  if (micros < 0 || seconds > MAX_TIME_SEC) {
    record.badTimes++;
    return false;
  }
  record.setTime(seconds, (micros - seconds * 1_000_000) * 1_000);
  return true;
};

/** The program, or the unit without what kind of unit it is. */
const nameService = (record: LogRecord): void => {
  for (const wanted of [COMMAND, UNIT]) {
    const { metadata } = record;
    for (let i = 0; i < metadata.count; i++) {
      if (metadata.keys[i] !== wanted) continue;
      const buf = metadata.bufs[i] as Uint8Array;
      const start = metadata.starts[i] as number;
      let end = metadata.ends[i] as number;
      if (wanted === UNIT && end - start > SERVICE.length && endsWith(buf, end)) {
        end -= SERVICE.length;
      }
      if (end > start) return record.set(C.service, buf, start, end);
    }
  }
};

const SERVICE = new TextEncoder().encode('.service');

const endsWith = (buf: Uint8Array, end: number): boolean => {
  for (let i = 0; i < SERVICE.length; i++)
    if (buf[end - SERVICE.length + i] !== SERVICE[i]) return false;
  return true;
};
