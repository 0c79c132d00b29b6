import { putField, VALUE } from '../../model/fields.ts';
import { keys } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
import type { EventSink } from './decode.ts';
import { JsonText } from './forward-text.ts';
import { sampleOf } from './inflated-body.ts';
import { DocumentReader } from './ndjson-document.ts';

/**
 * One event of a Lumberjack window into the row.
 *
 * JSON (v2) is a document as in `_bulk`: a top-level string `message` is the line and the rest the
 * envelope, `@metadata` included. Of key-value data (v1) the line is `line` or `message`; pairs
 * without either are their own line, as JSON.
 */
const documents = new DocumentReader();
const text = new JsonText();
const LINE = keys.of('line');
const MESSAGE = keys.of('message');
/** Keeps the tokens of this protocol apart from others'. */
const TOKEN_KIND = 0x5044;

/** A document; where it is none, it is counted and the window goes on. */
export const putJson = (sink: EventSink, buf: Buffer, start: number, end: number): void => {
  const record = documents.read(sink, buf, start, end);
  if (record === undefined) {
    sink.reject('not_json_object', sampleOf(buf, start, end));
    return;
  }
  identify(record);
  sink.commit();
};

/** What makes a line of a file one with its repetition, all of them as Filebeat names them. */
const PLACE = ['agent.ephemeral_id', '@timestamp', 'log.file.path', 'log.offset', 'message'];
/** By `key.id`: the place of each of these names, and behind them that of the document's id. */
const places: (number | undefined)[] = [];
for (const [place, name] of [...PLACE, '@metadata._id'].entries()) places[keys.of(name).id] = place;

const at = new Int32Array(PLACE.length + 1);

/**
 * Events have no identity of their own in this protocol, but some senders give one: the document's
 * id (`add_id`, `fingerprint`), and Filebeat where it read the line, by which run of it, and when.
 */
const identify = (record: LogRecord): void => {
  const { count, gaps, starts, ends } = record.scratch.fields;
  at.fill(-1);
  let found = 0;
  for (let i = 0; i < count; i++) {
    const place = places[gaps[i]?.key.id ?? -1];
    if (place === undefined || at[place] !== -1 || starts[i] === ends[i]) continue;
    at[place] = i;
    found++;
  }
  if (at[PLACE.length] !== -1) putToken(record, PLACE.length, PLACE.length + 1);
  else if (found === PLACE.length) putToken(record, 0, PLACE.length);
};

/** Makes the token of the values at these places. */
const putToken = ({ token, scratch }: LogRecord, from: number, to: number): void => {
  const { bufs, starts, ends } = scratch.fields;
  token.begin(TOKEN_KIND);
  for (const i of at.subarray(from, to)) {
    token.bytes(bufs[i] as Uint8Array, starts[i] as number, ends[i] as number);
  }
  token.end();
};

/** The pairs at `at`, which are known to be whole. */
export const putPairs = (sink: EventSink, buf: Buffer, from: number, pairs: number): void => {
  const record = sink.begin();
  text.reset();
  let hasLine = false;
  let next = from;
  const read = (): readonly [start: number, end: number] => {
    const start = next + 4;
    next = start + buf.readUInt32BE(next);
    return [start, next];
  };
  for (let i = 0; i < pairs; i++) {
    const [keyStart, keyEnd] = read();
    const [start, end] = read();
    const key = keys.intern(buf, keyStart, keyEnd);
    if (!hasLine && (key === LINE || key === MESSAGE)) {
      record.setLine(buf, start, end);
      hasLine = true;
    } else putField(record, 'envelope', key, VALUE.string, buf, start, end);
  }
  if (hasLine) return sink.commit();
  return commitPairs(sink, buf, from, pairs);
};

/** Pairs of which none is the line: an object of strings. */
const commitPairs = (sink: EventSink, buf: Buffer, from: number, pairs: number): void => {
  const record = sink.begin();
  text.begin();
  let next = from;
  const write = (): void => {
    const start = next + 4;
    next = start + buf.readUInt32BE(next);
    text.string(buf, start, next);
  };
  text.ascii('{');
  for (let i = 0; i < pairs; i++) {
    if (i > 0) text.ascii(',');
    write();
    text.ascii(':');
    write();
  }
  text.ascii('}');
  if (!text.ok) return sink.reject('bad_entry', sampleOf(buf, from, buf.length));
  record.setLine(text.buf, text.start, text.used);
  return sink.commit();
};
