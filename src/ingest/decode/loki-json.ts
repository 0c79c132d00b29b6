import { skipSpace, skipValue, stringEnd, unescape, unescapeInto } from '../../model/json-text.ts';
import { keys } from '../../model/key.ts';
import type { LogRecord, Pairs } from '../../model/record.ts';
import { LIMITS } from '../../model/limits.ts';
import { MAX_TIME_SEC, parsed, parseTime } from '../../model/time.ts';
import {
  checkJson,
  isArray,
  isNull,
  isObject,
  isString,
  walkArray,
  walkObject,
} from './json-walk.ts';
import { isLabelName } from './loki-labels.ts';
import { keepOddTime, putMetadata, type LokiPush } from './loki-push.ts';
import type { ShapeMemory, StreamShape } from './loki-stream.ts';

/**
 * The JSON push: `{"streams":[{"stream":{...},"values":[["<ns>","<line>",{...}]]}]}`, and the older
 * `{"streams":[{"labels":"{...}","entries":[{"ts":"<RFC 3339>","line":"..."}]}]}` of
 * `/api/prom/push`. Lines are ranges of the request's bytes, or of the scratch where they held
 * escapes.
 */
export const decodeJsonPush = (
  body: Uint8Array,
  push: LokiPush,
  objects: ShapeMemory,
  texts: ShapeMemory,
): boolean => {
  const root = checkJson(body);
  if (root < 0 || !isObject(body, root)) return false;
  walkObject(body, root, (name, at) => {
    if (!name.is(STREAMS) || !isArray(body, at)) return -1;
    return walkArray(body, at, (stream) => {
      if (isObject(body, stream)) return decodeStream(body, stream, push, objects, texts);
      push.streams++;
      push.reject('bad_stream', 'a stream must be an object', sampleAt(body, stream));
      return -1;
    });
  });
  return true;
};

const word = (text: string): Uint8Array => new TextEncoder().encode(text);
const STREAMS = word('streams');
const STREAM = word('stream');
const VALUES = word('values');
const LABELS = word('labels');
const ENTRIES = word('entries');
const TS = word('ts');
const LINE = word('line');
const METADATA = word('structuredMetadata');
const NOTHING = new Uint8Array(0);
const SAMPLE_BYTES = 256;

const sampleAt = (body: Uint8Array, at: number): Uint8Array =>
  body.subarray(at, skipValue(body, at, body.length));

const decodeStream = (
  body: Uint8Array,
  at: number,
  push: LokiPush,
  objects: ShapeMemory,
  texts: ShapeMemory,
): number => {
  push.streams++;
  let shape: StreamShape | undefined;
  let values = -1;
  let entries = -1;
  const end = walkObject(body, at, (name, value) => {
    if (name.is(STREAM)) {
      const stop = skipValue(body, value, body.length);
      shape = objects.of(body, value, stop);
      return stop;
    }
    if (name.is(LABELS) && isString(body, value)) {
      const stop = stringEnd(body, value + 1, body.length);
      const text = new Uint8Array(stop - value);
      shape = texts.of(text, 0, unescapeInto(text, 0, body, value + 1, stop));
      return stop + 1;
    }
    if (name.is(VALUES)) values = value;
    else if (name.is(ENTRIES)) entries = value;
    return -1;
  });
  shape ??= texts.of(NOTHING, 0, 0);
  if (shape.error !== '') {
    push.reject('bad_labels', shape.error, body.subarray(at, end));
    return end;
  }
  const stream = shape;
  for (const list of [values, entries]) {
    if (list < 0 || isNull(body, list)) continue;
    if (!isArray(body, list)) {
      push.reject('bad_stream', "a stream's values must be an array", sampleAt(body, list));
      continue;
    }
    walkArray(body, list, (entry) => decodeEntry(body, entry, push, stream));
  }
  return end;
};

/** What is wrong with an entry: a reason for the counters and a sentence for the sender. */
type Fault = readonly [reason: string, message: string] | undefined;

const NOT_AN_ENTRY: Fault = [
  'bad_entry',
  'an entry must be an array of a timestamp, a line and, optionally, structured metadata',
];
const BAD_TIME: Fault = [
  'bad_timestamp',
  "an entry's timestamp must be a string of nanoseconds since 1970",
];
const BAD_TS: Fault = ['bad_timestamp', "an entry's ts must be an RFC 3339 time"];
const BAD_LINE: Fault = ['bad_entry', "an entry's line must be a string"];
const BAD_METADATA: Fault = [
  'bad_metadata',
  "an entry's structured metadata must be an object of strings",
];

const decodeEntry = (body: Uint8Array, at: number, push: LokiPush, shape: StreamShape): number => {
  if (isNull(body, at)) return -1;
  const record = push.begin(shape, body.subarray(at, at + SAMPLE_BYTES));
  if (record === undefined) return -1;
  record.setLine(body, at, at);
  const state: Entry = { seen: 0, fault: undefined };
  let end = -1;
  if (isArray(body, at)) end = readArray(body, at, record, state);
  else if (isObject(body, at)) end = readObject(body, at, record, state);
  if (state.fault === undefined && state.seen === 0) state.fault = NOT_AN_ENTRY;
  if (state.fault === undefined) push.commit(shape, record);
  else push.reject(state.fault[0], state.fault[1], sampleAt(body, at));
  return end;
};

interface Entry {
  seen: number;
  fault: Fault;
}

const readArray = (body: Uint8Array, at: number, record: LogRecord, state: Entry): number =>
  walkArray(body, at, (value, index) => {
    state.seen++;
    if (state.fault !== undefined || index > 2) return -1;
    if (index === 2) {
      const stop = readMetadata(body, value, record);
      if (stop < 0) state.fault = BAD_METADATA;
      return stop;
    }
    if (!isString(body, value)) {
      state.fault = index === 0 ? BAD_TIME : BAD_LINE;
      return -1;
    }
    if (index === 1) return readLine(body, value, record);
    const stop = stringEnd(body, value + 1, body.length);
    if (!readNanoseconds(body, value + 1, stop, record)) state.fault = BAD_TIME;
    return stop + 1;
  });

const readObject = (body: Uint8Array, at: number, record: LogRecord, state: Entry): number =>
  walkObject(body, at, (name, value) => {
    if (state.fault !== undefined) return -1;
    if (name.is(METADATA)) {
      const stop = isNull(body, value) ? value + 4 : readMetadata(body, value, record);
      if (stop < 0) state.fault = BAD_METADATA;
      return stop;
    }
    const isTime = name.is(TS);
    if (!isTime && !name.is(LINE)) return -1;
    state.seen++;
    if (!isString(body, value)) {
      state.fault = isTime ? BAD_TS : BAD_LINE;
      return -1;
    }
    if (!isTime) return readLine(body, value, record);
    const stop = stringEnd(body, value + 1, body.length);
    if (parseTime(body, value + 1, stop)) record.setTime(parsed.sec, parsed.nano);
    else if (isOddTime(body, value + 1, stop)) {
      keepOddTime(record, latin1.decode(body.subarray(value + 1, stop)));
    } else state.fault = BAD_TS;
    return stop + 1;
  });

const latin1 = new TextDecoder('latin1');
const ISO_TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d/;

/** A time well written, of a year that the record cannot hold. */
const isOddTime = (body: Uint8Array, start: number, end: number): boolean =>
  end - start < 64 && ISO_TIME.test(latin1.decode(body.subarray(start, end)));

/** Digits of 2^63 - 1, the greatest timestamp that Loki can read. */
const MOST = '9223372036854775807';

/** Nanoseconds since 1970 in digits, with a sign or without. */
const readNanoseconds = (
  body: Uint8Array,
  start: number,
  end: number,
  record: LogRecord,
): boolean => {
  const negative = body[start] === 0x2d;
  let from = negative ? start + 1 : start;
  if (from >= end) return false;
  for (let i = from; i < end; i++) {
    const byte = body[i] as number;
    if (byte < 0x30 || byte > 0x39) return false;
  }
  while (from < end - 1 && body[from] === 0x30) from++;
  const digits = end - from;
  if (digits > MOST.length) return false;
  if (negative || digits === MOST.length) {
    const text = latin1.decode(body.subarray(from, end));
    if (digits === MOST.length && text > MOST) return false;
    if (negative && text !== '0') {
      keepOddTime(record, `-${text}`);
      return true;
    }
  }
  let sec = 0;
  let nano = 0;
  for (let i = from; i < end; i++) {
    const digit = (body[i] as number) - 0x30;
    if (end - i > 9) sec = sec * 10 + digit;
    else nano = nano * 10 + digit;
  }
  if (sec <= MAX_TIME_SEC) record.setTime(sec, nano);
  else keepOddTime(record, latin1.decode(body.subarray(start, end)));
  return true;
};

const hasEscape = (body: Uint8Array, start: number, end: number): boolean => {
  for (let i = start; i < end; i++) if (body[i] === 0x5c) return true;
  return false;
};

const readLine = (body: Uint8Array, at: number, record: LogRecord): number => {
  const start = at + 1;
  const end = stringEnd(body, start, body.length);
  if (hasEscape(body, start, end)) {
    const { scratch } = record;
    const from = unescape(scratch, body, start, end);
    record.setLine(scratch.buf, from, scratch.used);
  } else record.setLine(body, start, end);
  return end + 1;
};

/** The position after the object, -1 where it is none or holds something else than strings. */
const readMetadata = (body: Uint8Array, at: number, record: LogRecord): number => {
  if (!isObject(body, at)) return -1;
  const state = { odd: false };
  const end = walkObject(body, at, (name, value) => {
    if (!isString(body, value)) {
      state.odd = true;
      return -1;
    }
    const start = value + 1;
    const quote = stringEnd(body, start, body.length);
    const { scratch } = record;
    const size = name.end - name.start;
    scratch.reserve(size + quote - start);
    // Name and value side by side, because they must lie in one buffer.
    const nameAt = scratch.used;
    scratch.buf.set(name.buf.subarray(name.start, name.end), nameAt);
    scratch.used += size;
    const from = unescape(scratch, body, start, quote);
    if (size > 0) {
      putMetadata(record, scratch.buf, nameAt, nameAt + size, from, scratch.used);
    }
    return quote + 1;
  });
  return state.odd ? -1 : end;
};

/**
 * Labels as the JSON push has them: an object of strings. As in Loki a name given twice counts
 * once, with its last value, and what is not a string is taken as written.
 * @param text the object; strings in it are unescaped in place
 * @returns what is wrong with them, '' where nothing is
 */
export const parseLabelObject = (text: Uint8Array, into: Pairs): string => {
  const at = skipSpace(text, 0, text.length);
  if (isNull(text, at)) return '';
  if (!isObject(text, at)) return "couldn't parse labels: a stream's labels must be an object";
  let error = '';
  walkObject(text, at, (name, value) => {
    // One more than there may be is enough to be refused for it.
    if (error !== '' || into.count > LIMITS.lokiLabels) return -1;
    const stop = skipValue(text, value, text.length);
    if (!isLabelName(name.buf, name.start, name.end)) {
      const shown = JSON.stringify(latin1.decode(name.buf.subarray(name.start, name.end)));
      error = `couldn't parse labels: parse error: invalid label name ${shown}`;
      return stop;
    }
    const key = keys.intern(name.buf, name.start, name.end);
    let place = 0;
    while (place < into.count && into.keys[place] !== key) place++;
    const { count } = into;
    into.count = place;
    if (isString(text, value)) {
      // In place: what is unescaped is never longer.
      const end = unescapeInto(text, value + 1, text, value + 1, stop - 1);
      into.put(key, text, value + 1, end);
    } else into.put(key, text, value, stop);
    into.count = Math.max(count, into.count);
    return stop;
  });
  return error;
};
