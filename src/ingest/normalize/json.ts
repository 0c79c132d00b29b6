import { C } from '../../model/columns.ts';
import { NS } from '../../model/duration.ts';
import { messageRank, putDuration, putField, type ValueKind } from '../../model/fields.ts';
import type { Gap } from '../../model/gap.ts';
import type { FieldList } from '../../model/json-fields.ts';
import { isSpace } from '../../model/json-text.ts';
import { keys, type Key } from '../../model/key.ts';
import { columnOf, kindOf, PLACE, REST } from '../../model/placement.ts';
import type { LogRecord, Pairs } from '../../model/record.ts';
import type { Normalizer } from './normalize.ts';
import { isOwned } from './object-owner.ts';
import { keepWay, listObject } from './own-fields.ts';

const DURATION = keys.of('duration');

const putFields = (record: LogRecord, list: FieldList): void => {
  const { count, gaps, kinds, bufs, starts, ends } = list;
  const first = record.steps;
  const { places } = record;
  for (let i = 0; i < count; i++)
    places[first + i] = putField(
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

const remove = (pairs: Pairs, at: number): void => {
  const last = --pairs.count;
  for (let i = at; i < last; i++) {
    pairs.keys[i] = pairs.keys[i + 1] as Key;
    pairs.bufs[i] = pairs.bufs[i + 1] as Uint8Array;
    pairs.starts[i] = pairs.starts[i + 1] as number;
    pairs.ends[i] = pairs.ends[i + 1] as number;
  }
};

/** Moves the attribute `at` to another place, which its step learns too. */
const move = (record: LogRecord, at: number, place: number): void => {
  const { attributes, places, gaps } = record;
  const key = attributes.keys[at] as Key;
  remove(attributes, at);
  for (let i = 0; i < record.steps; i++) {
    const held = places[i] as number;
    if (gaps[i]?.key !== key || held < 0 || columnOf(held) !== C.attributes) continue;
    places[i] = place | (kindOf(held) === PLACE.json ? held & ~0xff : 0);
    return;
  }
  record.doubtful = true;
};

/** A line without a message proper has one of the second rank: `event`, `log`, Serilog's `@mt`. */
const findMessage = (record: LogRecord): void => {
  const { attributes } = record;
  for (let i = 0; i < attributes.count; i++) {
    if (messageRank(attributes.keys[i] as Key) !== 1) continue;
    const start = attributes.starts[i] as number;
    const end = attributes.ends[i] as number;
    if (start === end) continue;
    record.set(C.body, attributes.bufs[i] as Uint8Array, start, end);
    move(record, i, C.body);
    return;
  }
};

/** A bare `duration` is milliseconds in the logs of Envoy, Istio and Consul, anything elsewhere. */
const findDuration = (record: LogRecord): void => {
  const { attributes } = record;
  for (let i = 0; i < attributes.count; i++) {
    if (attributes.keys[i] !== DURATION) continue;
    const buf = attributes.bufs[i] as Uint8Array;
    const start = attributes.starts[i] as number;
    const end = attributes.ends[i] as number;
    const place = putDuration(record, C.duration_ns, NS.ms, buf, start, end);
    if (place !== REST) move(record, i, place);
    return;
  }
};

/**
 * Any JSON object (RFC 8259) that has no normalizer of its own (object-owner.ts): nested names
 * joined by dots, known names to columns.
 */
export const json: Normalizer = {
  name: 'json',

  // The last byte is not looked at: it lies where nobody has read yet, and that costs more.
  recognises(line, start, end) {
    let first = start;
    while (first < end && isSpace(line[first] as number)) first++;
    return line[first] === 0x7b;
  },

  normalize(record) {
    // A decoder that found no message in a document has listed its fields already.
    const list = listObject(record);
    if (list === undefined || isOwned(list)) return false;
    putFields(record, list);
    if (!record.has(C.body)) findMessage(record);
    if (record.numbers[C.duration_ns] === 0 && record.has(C.response_flags)) findDuration(record);
    record.structured = true;
    return true;
  },
};
