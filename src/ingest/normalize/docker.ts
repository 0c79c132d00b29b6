import { C } from '../../model/columns.ts';
import { readTime, VALUE } from '../../model/fields.ts';
import { putRest, putText } from '../../model/fields-put.ts';
import { fixedGap, type Gap } from '../../model/gap.ts';
import type { FieldList } from '../../model/json-fields.ts';
import { listFields } from '../../model/json-scanner.ts';
import { keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import { escapedPlace, LOST, PLACE, REST } from '../../model/placement.ts';
import type { LogRecord } from '../../model/record.ts';
import type { Normalizer } from './normalize.ts';

const LOG = keys.of('log');
const STREAM = keys.of('stream');
const TIME = keys.of('time');

const LINE_FEED = fixedGap('\n');

/** Where the wrapper's three members are in the list; -1 where one is not there. */
const found = { log: -1, stream: -1, time: -1 };

const isAttribute = (key: Key): boolean => key.text.startsWith('attrs.');

/** Whether the object has the wrapper's members once, and none but the driver's labels beside. */
const isWrapper = ({ count, gaps, kinds }: FieldList): boolean => {
  found.log = found.stream = found.time = -1;
  for (let i = 0; i < count; i++) {
    const { key } = gaps[i] as Gap;
    const isText = kinds[i] === VALUE.string;
    if (key === LOG && isText && found.log < 0) found.log = i;
    else if (key === STREAM && isText && found.stream < 0) found.stream = i;
    else if (key === TIME && isText && found.time < 0) found.time = i;
    else if (!isAttribute(key)) return false;
  }
  return found.log >= 0 && found.stream >= 0 && found.time >= 0;
};

/** Puts a member other than `log` into the record; its place. */
const putMember = (record: LogRecord, list: FieldList, i: number): number => {
  const { key } = list.gaps[i] as Gap;
  const buf = list.bufs[i] as Uint8Array;
  const start = list.starts[i] as number;
  const end = list.ends[i] as number;
  if (i === found.stream) return putText(record, 'line', C.stdio, STREAM, buf, start, end);
  if (i === found.time) {
    const place = readTime(record, buf, start, end);
    return place === REST ? putRest(record, 'line', TIME, buf, start, end) : place;
  }
  const { metadata } = record;
  if (metadata.count >= LIMITS.metadataPerRecord) return LOST;
  // What shippers have put there may bear the same name.
  if (metadata.count > 0) record.doubtful = true;
  metadata.put(key, buf, start, end);
  return C.metadata;
};

/**
 * Docker's json-file wrapper (Docker, "JSON File logging driver"):
 * `{"log":"line\n","stream":"stdout","time":"..."}`. What is inside is normalized, without the line
 * feed that the driver keeps; the line stays as it came. Objects with other members are documents
 * of their own.
 */
export const docker: Normalizer = {
  name: 'docker',

  recognises(line, start, end) {
    return (
      end - start > 40 &&
      line[start] === 0x7b &&
      line[start + 1] === 0x22 &&
      line[start + 2] === 0x6c &&
      line[start + 3] === 0x6f &&
      line[start + 4] === 0x67 &&
      line[start + 5] === 0x22
    );
  },

  normalize(record) {
    const { lineBuf, lineStart, lineEnd, scratch } = record;
    if (record.quotedAt >= 0) return false;
    const list = listFields(lineBuf, lineStart, lineEnd, scratch);
    if (list === undefined || !isWrapper(list)) return false;
    const { log } = found;
    const buf = list.bufs[log] as Uint8Array;
    const start = list.starts[log] as number;
    const end = list.ends[log] as number;
    const isFed = end > start && buf[end - 1] === 0x0a;
    for (let i = 0; i < list.count; i++) {
      const dialect = list.dialectOf(i);
      if (i === log) {
        const isKnown = dialect === undefined || dialect >= 0;
        record.quotedAt = record.steps;
        record.step(list.gaps[i], isKnown ? PLACE.quoted | ((dialect ?? 0) << 12) : LOST);
        if (isFed) record.stepAfter(LINE_FEED, PLACE.plain);
        else record.stepAfter(NOTHING, PLACE.plain);
      } else {
        const member = putMember(record, list, i);
        const place = dialect === undefined ? member : escapedPlace(member, dialect);
        if (i < log) record.step(list.gaps[i], place);
        else record.stepAfter(list.gaps[i], place);
      }
    }
    record.stepAfter(list.tail, PLACE.empty);
    record.look(buf, start, isFed ? end - 1 : end);
    return true;
  },
};

const NOTHING = fixedGap('');
