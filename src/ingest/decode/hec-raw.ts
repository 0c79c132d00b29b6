import { putField, VALUE } from '../../model/fields.ts';
import { keys } from '../../model/key.ts';
import { LogRecord } from '../../model/record.ts';
import type { DecodeRequest, EventSink } from './decode.ts';
import { putEventTime, queryOf } from './envelope-names.ts';
import { RecordStamp, StampBudget } from './record-stamp.ts';

/** Raw data: each line is an event; what is said of all of them stands in the query. */
const NAMES = ['host', 'source', 'sourcetype', 'index'].map((name) => keys.of(name));
const template = new LogRecord();
const encoder = new TextEncoder();
const LF = 0x0a;
const CR = 0x0d;

/** Reads all lines; says where there was none. */
export const readRaw = (
  { query }: DecodeRequest,
  bytes: Uint8Array,
  sink: EventSink,
): 'no_data' | undefined => {
  const said = queryOf(query);
  template.reset();
  template.observedSec = sink.observedSec;
  const text = encoder.encode(said.get('time') ?? '');
  putEventTime(template, VALUE.string, text, 0, text.length);
  for (const key of NAMES) {
    const value = encoder.encode(said.get(key.text) ?? '');
    if (value.length > 0) {
      putField(template, 'envelope', key, VALUE.string, value, 0, value.length);
    }
  }
  const stamp = new RecordStamp();
  stamp.capture(template);
  const { timeSec, timeNano } = template;
  const budget = new StampBudget();
  const buf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let count = 0;
  for (let at = 0; at < buf.length;) {
    const feed = buf.indexOf(LF, at);
    const stop = feed < 0 ? buf.length : feed;
    const end = stop > at && buf[stop - 1] === CR ? stop - 1 : stop;
    if (end > at) {
      const record = sink.begin();
      record.setLine(buf, at, end);
      if (budget.spend(stamp)) stamp.stamp(record);
      else record.overflow++;
      if (timeSec >= 0) record.setTime(timeSec, timeNano);
      sink.commit();
      count++;
    }
    at = stop + 1;
  }
  return count === 0 ? 'no_data' : undefined;
};
