import { C } from '../../model/columns.ts';
import { putField, VALUE, type ValueKind } from '../../model/fields.ts';
import { keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import type { LogRecord, Pairs } from '../../model/record.ts';
import { MAX_TIME_SEC } from '../../model/time.ts';
import { KIND, MsgpackReader, type Kind } from './forward-msgpack.ts';
import { JsonText } from './forward-text.ts';

/**
 * One record of an entry: a MessagePack map into the row.
 *
 * The line is `log` (what containers wrote: Docker, Fluent Bit's tail), else `message`, else
 * journald's `MESSAGE`, where that is text or bytes; all other fields are the envelope, nested ones
 * under dotted names. A record without them is its own line, as compact JSON, and the normalizers
 * read it. Fluentd sends what it never decoded as bytes, so bytes are text here wherever they are
 * UTF-8.
 */
const TAG = keys.of('tag');
const OWN_TAG = keys.of('record.tag');
const STREAM = keys.of('stream');
const SOURCE = keys.of('source');
const TIMESTAMP = keys.of('timestamp');
const encoder = new TextEncoder();
/** Names of the line, the surest first. */
const LINES = ['log', 'message', 'MESSAGE'].map((name) => encoder.encode(name));
/** What Fluent Bit puts around the metadata of OTLP records; what is in it has OTLP's names. */
const OTLP = 'otlp.';

const text = new JsonText();
const inner = new MsgpackReader(Buffer.alloc(0), 0);
let name = new Uint8Array(1_024);

const isLine = (buf: Uint8Array, start: number, stop: number): number => {
  for (let i = 0; i < LINES.length; i++) {
    const word = LINES[i] as Uint8Array;
    if (word.length !== stop - start) continue;
    let at = 0;
    while (at < word.length && word[at] === buf[start + at]) at++;
    if (at === word.length) return i;
  }
  return -1;
};

/** Where the line's value is read next; -1 where the map at the reader has none. */
const lineOf = (reader: MsgpackReader): number => {
  const { count } = reader;
  const { buf, pos } = reader;
  let best = LINES.length;
  let found = -1;
  for (let i = 0; i < count; i++) {
    const key = reader.next();
    const rank = key === KIND.text ? isLine(buf, reader.start, reader.stop) : -1;
    if (key >= KIND.array) reader.skip();
    const at = reader.pos;
    const kind = reader.next();
    if (rank >= 0 && rank < best && (kind === KIND.text || kind === KIND.bytes)) {
      best = rank;
      found = at;
      if (rank === 0) break;
    }
    reader.skip();
  }
  reader.open(buf, pos);
  return found;
};

/** Lets go of what the entry before had written out; called before each. */
export const beginEntry = (): void => text.reset();

/**
 * Fills the row from the map whose head the reader has read; false where it cannot be kept (nested
 * too deep, or as JSON larger than a record may be).
 */
export const putRecord = (record: LogRecord, reader: MsgpackReader): boolean => {
  const { buf, pos, count } = reader;
  const line = lineOf(reader);
  if (line >= 0) return putFields(record, reader, count, 0, 0, line);
  text.begin();
  reader.open(buf, pos);
  reader.kind = KIND.map;
  reader.count = count;
  text.value(reader);
  if (text.ok) record.setLine(text.buf, text.start, text.used);
  return text.ok;
};

/** An entry's metadata (protocol v1.5): into columns and `metadata`. */
export const putMetadata = (record: LogRecord, reader: MsgpackReader): boolean =>
  putFields(record, reader, reader.count, 0, 0, -1);

/** The tag; a field of the record with that name keeps its value under another. */
export const putTag = (record: LogRecord, buf: Uint8Array, start: number, stop: number): void => {
  record.metadata.put(TAG, buf, start, stop);
};

/** Puts the pairs of a map; `line` is the position of the value that is the line. */
const putFields = (
  record: LogRecord,
  reader: MsgpackReader,
  count: number,
  prefix: number,
  depth: number,
  line: number,
): boolean => {
  let ok = true;
  for (let i = 0; i < count; i++) {
    const stop = readName(reader, prefix);
    if (stop < 0) ok = false;
    const at = reader.pos;
    const kind = reader.next();
    if (at === line) putLine(record, reader);
    else if (!ok) reader.skip();
    else if (kind === KIND.map && isNested(reader, depth)) {
      const { count: pairs } = reader;
      name[stop] = DOT;
      const within = isOtlp(stop + 1) ? 0 : stop + 1;
      ok = putFields(record, reader, pairs, within, depth + 1, -1);
    } else ok = putValue(record, reader, kind, keyOf(stop, depth));
  }
  return ok;
};

/** The newline that Docker and tails of container files leave ends the line: it is not in it. */
const putLine = (record: LogRecord, { buf, start, stop }: MsgpackReader): void =>
  record.setLine(buf, start, stop > start && buf[stop - 1] === LF ? stop - 1 : stop);

const DOT = 0x2e;
const LF = 0x0a;

/** Maps that are empty, too deep or named by data are one value each. */
const isNested = (reader: MsgpackReader, depth: number): boolean =>
  reader.count > 0 && depth + 1 < LIMITS.jsonDepth && !isNamedByData(reader);

/** Whether the first name is a number or mostly digits, as JSON's objects are judged. */
const isNamedByData = ({ buf, pos }: MsgpackReader): boolean => {
  inner.open(buf, pos);
  const kind = inner.next();
  if (kind === KIND.integer) return true;
  if (kind !== KIND.text && kind !== KIND.bytes) return false;
  const { start } = inner;
  const size = Math.min(inner.stop - start, 64);
  let digits = 0;
  for (let i = 0; i < size; i++) {
    const byte = buf[start + i] as number;
    if (byte >= 0x30 && byte <= 0x39) digits++;
  }
  return digits > 0 && (digits === size || (digits >= 4 && digits * 2 >= size));
};

const isOtlp = (size: number): boolean => {
  if (size !== OTLP.length) return false;
  for (let i = 0; i < size; i++) if (name[i] !== OTLP.charCodeAt(i)) return false;
  return true;
};

/** Reads a key behind `prefix` bytes of the name; where the name ends, or -1 where it is none. */
const readName = (reader: MsgpackReader, prefix: number): number => {
  const kind = reader.next();
  if (kind >= KIND.array) {
    reader.skip();
    return -1;
  }
  let { buf, start, stop }: { buf: Uint8Array; start: number; stop: number } = reader;
  if (kind !== KIND.text && kind !== KIND.bytes) {
    text.begin();
    text.value(reader);
    ({ buf, start, used: stop } = text);
    if (!text.ok) return -1;
  }
  const end = prefix + stop - start;
  if (end + 1 > name.length) {
    const grown = new Uint8Array(end * 2);
    grown.set(name.subarray(0, prefix));
    name = grown;
  }
  for (let i = start, to = prefix; i < stop; i++) name[to++] = buf[i] as number;
  return end;
};

const keyOf = (stop: number, depth: number): Key => {
  const key = keys.intern(name, 0, stop);
  // The tag that the sender routes by has this name already.
  return key === TAG && depth === 0 ? OWN_TAG : key;
};

const KINDS: readonly ValueKind[] = [
  VALUE.null,
  VALUE.boolean,
  VALUE.number,
  VALUE.number,
  VALUE.string,
  VALUE.string,
  VALUE.array,
  VALUE.object,
  VALUE.object,
];

const putValue = (record: LogRecord, reader: MsgpackReader, kind: Kind, key: Key): boolean => {
  if (kind === KIND.text) {
    const { buf, start, stop } = reader;
    // Docker's fluentd driver says `source` for the stream.
    const meant = key === SOURCE && isStdio(buf, start, stop) && !record.has(C.stdio);
    putField(record, 'envelope', meant ? STREAM : key, VALUE.string, buf, start, stop);
    return true;
  }
  text.begin();
  text.value(reader);
  if (!text.ok) return false;
  const { buf, start, used } = text;
  let valueKind = KINDS[kind] as ValueKind;
  const first = buf[start];
  // Bytes, times and odd numbers are told by what they became; a string goes without its quotes.
  if (kind === KIND.extension && first !== BRACE) valueKind = VALUE.number;
  if (kind === KIND.bytes) return putBytes(record, reader, key, start, used);
  if (kind === KIND.float && first === QUOTE) {
    putField(record, 'envelope', key, VALUE.string, buf, start + 1, used - 1);
  } else putField(record, 'envelope', key, valueKind, buf, start, used);
  return true;
};

const BRACE = 0x7b;
const QUOTE = 0x22;

/** Bytes that are UTF-8 are put as they are; others as the base64 that was written. */
const putBytes = (
  record: LogRecord,
  reader: MsgpackReader,
  key: Key,
  start: number,
  used: number,
): boolean => {
  if (text.isBase64) {
    putField(record, 'envelope', key, VALUE.string, text.buf, start + 1, used - 1);
  } else putField(record, 'envelope', key, VALUE.string, reader.buf, reader.start, reader.stop);
  return true;
};

const isStdio = (buf: Uint8Array, start: number, stop: number): boolean =>
  stop - start === 6 &&
  buf[start] === 0x73 &&
  buf[start + 1] === 0x74 &&
  buf[start + 2] === 0x64 &&
  (buf[start + 3] === 0x6f || buf[start + 3] === 0x65);

/**
 * What a group of Fluent Bit's records shares (`{"resource":{"attributes":{...}},"scope":{...}}`):
 * resource attributes are labels, and columns by their names.
 */
export const putResource = (record: LogRecord, reader: MsgpackReader): boolean => {
  const { labels, metadata } = record;
  const found = memberOf(reader, 'resource') && memberOf(reader, 'attributes');
  if (!found) return true;
  const { count } = reader;
  let ok = true;
  for (let i = 0; i < count; i++) {
    const stop = readName(reader, 0);
    const kind = reader.next();
    if (stop < 0 || !ok) {
      ok = false;
      reader.skip();
      continue;
    }
    const key = keyOf(stop, 1);
    const before = metadata.count;
    const size = metadata.bytes;
    ok = putValue(record, reader, kind, key);
    metadata.count = before;
    metadata.bytes = size;
    if (ok) putLabel(labels, reader, kind, key);
  }
  return ok;
};

const putLabel = (labels: Pairs, reader: MsgpackReader, kind: Kind, key: Key): void => {
  if (kind === KIND.text) labels.put(key, reader.buf, reader.start, reader.stop);
  else labels.put(key, text.buf, text.start, text.used);
};

/** Goes to the map that is the member of that name of the map at the reader. */
const memberOf = (reader: MsgpackReader, word: string): boolean => {
  const { count } = reader;
  for (let i = 0; i < count; i++) {
    const key = reader.next();
    const isIt =
      key === KIND.text && reader.buf.toString('latin1', reader.start, reader.stop) === word;
    if (key >= KIND.array) reader.skip();
    const kind = reader.next();
    if (isIt && kind === KIND.map) return true;
    reader.skip();
  }
  return false;
};

/**
 * The time of an entry, whose head the reader has read: EventTime (extension 0: seconds and
 * nanoseconds), seconds as a number; 0 and nil say that there is none.
 */
export const putTime = (record: LogRecord, reader: MsgpackReader): void => {
  const { kind, buf, start, stop, type, value } = reader;
  if (kind === KIND.extension && type === 0 && stop - start === 8) {
    const nanos = buf.readUInt32BE(start + 4);
    if (nanos < 1_000_000_000) return setTime(record, reader, buf.readUInt32BE(start), nanos);
    return keepTime(record, reader);
  }
  if (kind === KIND.nil) return undefined;
  if (kind !== KIND.integer && kind !== KIND.float) return keepTime(record, reader);
  const seconds = Math.floor(value);
  // A double has about a fifth of a microsecond left here.
  const nanos = kind === KIND.float ? Math.round((value - seconds) * 1e6) * 1_000 : 0;
  return setTime(record, reader, seconds, Math.min(nanos, 999_999_000));
};

const setTime = (record: LogRecord, reader: MsgpackReader, sec: number, nano: number): void => {
  if (sec === 0 && nano === 0) return;
  if (sec >= 0 && sec <= MAX_TIME_SEC) record.setTime(sec, nano);
  else keepTime(record, reader);
};

/** A time that is none: its text is kept. */
const keepTime = (record: LogRecord, reader: MsgpackReader): void => {
  record.badTimes++;
  text.begin();
  text.value(reader);
  if (text.ok) record.attributes.put(TIMESTAMP, text.buf, text.start, text.used);
};
