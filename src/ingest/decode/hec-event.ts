import { putField, VALUE, type ValueKind } from '../../model/fields.ts';
import { scanObject, type ValueVisitor } from '../../model/json-scanner.ts';
import { isSpace } from '../../model/json-text.ts';
import { keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import { LogRecord } from '../../model/record.ts';
import type { EventSink } from './decode.ts';
import { putEventTime } from './envelope-names.ts';
import { HEC, type BadEvent, type HecCode } from './hec-reply.ts';
import { sampleOf } from './inflated-body.ts';
import { Members, nextObject } from './json-members.ts';

/**
 * The collector's events: objects one after another, with or without anything between them, or in
 * an array. `event` is the line: a string, or any other JSON value byte for byte. `time`, `host`,
 * `source`, `sourcetype`, `index`, `fields` and whatever else stands beside it are its envelope.
 */
const EVENT = keys.of('event');
const TIME = keys.of('time');
const FIELDS = keys.of('fields');

const members = new Members();

/** Reads all events; gives the first bad one, or that there was none at all. */
export const readEvents = (buf: Uint8Array, sink: EventSink): BadEvent | 'no_data' | undefined => {
  const end = buf.length;
  let bad: BadEvent | undefined;
  let count = 0;
  let broken = 0;
  for (let at = skipBetween(buf, 0, end); at < end; at = skipBetween(buf, at, end)) {
    const stop = members.read(buf, at, end);
    const code = stop < 0 ? HEC.badFormat : readEvent(sink);
    if (code !== undefined) {
      bad ??= { code, event: count };
      // Finding out where a broken event ends may take a look at all that follows it.
      const next = stop < 0 && broken++ < LIMITS.brokenItems ? nextObject(buf, at, end) : stop;
      sink.reject(reasonOf(code), sampleOf(buf, at, next < 0 ? end : next));
      at = next < 0 ? end : next;
    } else at = stop;
    count++;
  }
  return count === 0 ? 'no_data' : bad;
};

const reasonOf = (code: HecCode): string =>
  code === HEC.badFormat ? 'malformed_json' : 'missing_event';

/** Commits the event whose members were read last, or says why it is none. */
const readEvent = (sink: EventSink): HecCode | undefined => {
  const event = members.find(EVENT);
  if (event < 0 || members.kinds[event] === VALUE.null) return HEC.eventRequired;
  if (members.starts[event] === members.ends[event]) return HEC.eventBlank;
  const record = sink.begin();
  const line = members.value(event, record.scratch);
  record.setLine(line.buf, line.start, line.end);
  for (let i = 0; i < members.count; i++) {
    const key = members.names[i] as Key;
    if (key === EVENT) continue;
    const kind = members.kinds[i] as ValueKind;
    const { buf, start, end } = members.value(i, record.scratch);
    if (key === TIME) putEventTime(record, kind, buf, start, end);
    else if (key === FIELDS && kind === VALUE.object) putFields(record, buf, start, end);
    else if (kind !== VALUE.null) putField(record, 'envelope', key, kind, buf, start, end);
  }
  sink.commit();
  return undefined;
};

let target: LogRecord = new LogRecord();
const visitor: ValueVisitor = {
  value: (key, kind, buf, start, end) => {
    putField(target, 'envelope', key, kind, buf, start, end);
  },
};

/** Puts the fields of an object beside the line. */
export const putFields = (record: LogRecord, buf: Uint8Array, start: number, end: number): void => {
  target = record;
  if (!scanObject(buf, start, end, record.scratch, visitor)) {
    putField(record, 'envelope', FIELDS, VALUE.object, buf, start, end);
  }
};

/** Behind what may stand between two events. */
const skipBetween = (buf: Uint8Array, at: number, end: number): number => {
  for (; at < end; at++) {
    const byte = buf[at] as number;
    if (!isSpace(byte) && byte !== 0x2c && byte !== 0x5b && byte !== 0x5d) break;
  }
  return at;
};
