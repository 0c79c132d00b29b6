import { C } from '../../model/columns.ts';
import { putField, VALUE } from '../../model/fields.ts';
import { isSpace, skipSpace, skipValue } from '../../model/json-text.ts';
import { keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import { LogRecord } from '../../model/record.ts';
import type { EventSink } from './decode.ts';
import { putEventTime } from './envelope-names.ts';
import { inflate } from './inflate.ts';
import { sampleOf } from './inflated-body.ts';
import { Members } from './json-members.ts';
import { RecordStamp, StampBudget } from './record-stamp.ts';

/**
 * What is in the records of one delivery: a subscription of CloudWatch Logs (a gzipped object that
 * names group and stream and lists events), or lines: VPC flow logs, load balancers, WAF, any
 * source's objects one behind another. Records that CloudWatch sends to see whether we are there
 * are taken and not kept.
 *
 * An event is one with its repetition by the request's id, the record's place in it and the event's
 * place in the record.
 */
const TYPE = keys.of('messageType');
const OWNER = keys.of('owner');
const GROUP = keys.of('logGroup');
const STREAM = keys.of('logStream');
const EVENTS = keys.of('logEvents');
const MESSAGE = keys.of('message');
const TIME = keys.of('timestamp');
const ATTRIBUTES = keys.of('commonAttributes');

/** OpenTelemetry's names for where CloudWatch keeps a line. */
const SAID: readonly (readonly [Key, Key])[] = [
  [OWNER, keys.of('cloud.account.id')],
  [GROUP, keys.of('aws.log.group.names')],
  [STREAM, keys.of('aws.log.stream.names')],
];
const ARN = keys.of('aws.firehose.arn');
/** `fire`: keeps these tokens apart from those of other protocols. */
const TOKEN_KIND = 0x66697265;
const LF = 0x0a;
/**
 * What unpacking one record costs at least: zlib's buffers are let go of only when the turn of the
 * thread ends, so that very many small records would add up.
 */
const INFLATION_BYTES = 8_192;

const encoder = new TextEncoder();
const head = new Members();
const event = new Members();
const template = new LogRecord();
/** What all records of a delivery share; its scratch outlives the template's. */
const shared = new LogRecord();

export class FirehoseRecords {
  private readonly id: Uint8Array;
  private readonly sink: EventSink;
  private readonly common = new RecordStamp();
  private readonly group = new RecordStamp();
  private readonly budget = new StampBudget();
  /** Bytes that all records may yet unpack to. */
  private room: number = LIMITS.inflatedBytes;
  private index = 0;
  private events = 0;

  constructor(headers: Readonly<Record<string, string>>, id: string, sink: EventSink) {
    this.id = encoder.encode(id);
    this.sink = sink;
    shared.reset();
    putCommon(headers['x-amz-firehose-common-attributes']);
    const arn = encoder.encode(headers['x-amz-firehose-source-arn'] ?? '');
    if (arn.length > 0) shared.metadata.put(ARN, arn, 0, arn.length);
    this.common.capture(shared);
  }

  /** Reads one record: base64 from `start` to `end`. */
  read(buf: Uint8Array, start: number, end: number, index: number): void {
    this.index = index;
    this.events = 0;
    const text = Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('latin1');
    // `\/` is how some write a slash in JSON.
    let data: Uint8Array = Buffer.from(text.replaceAll('\\/', '/'), 'base64');
    if (data.length === 0) {
      if (end > start) this.refuse('bad_record', buf, start, end);
      return;
    }
    if (data[0] === 0x1f && data[1] === 0x8b) {
      const inflated = inflate('gzip', data, Math.max(1, this.room));
      if (!inflated.ok) {
        const code = inflated.reason === 'too_large' ? 'too_large' : 'malformed_body';
        return this.refuse(code, data, 0, data.length);
      }
      data = inflated.bytes;
      this.room -= Math.max(data.length, INFLATION_BYTES);
    }
    if (!this.readSubscription(data)) this.readLines(data);
  }

  /** CloudWatch Logs' subscription; false where the record is something else. */
  private readSubscription(data: Uint8Array): boolean {
    const end = head.read(data, skipSpace(data, 0, data.length), data.length);
    if (end < 0 || head.find(TYPE) < 0 || head.find(GROUP) < 0) return false;
    template.reset();
    const type = head.text(TYPE, template.scratch);
    if (type === 'CONTROL_MESSAGE') return true;
    const events = head.find(EVENTS);
    if (type !== 'DATA_MESSAGE' || events < 0 || head.kinds[events] !== VALUE.array) return false;
    this.common.stamp(template);
    for (const [from, to] of SAID) {
      const i = head.find(from);
      if (i < 0 || head.kinds[i] !== VALUE.string) continue;
      const { buf, start, end: stop } = head.value(i, template.scratch);
      template.metadata.put(to, buf, start, stop);
      if (from === GROUP && !template.has(C.service)) template.set(C.service, buf, start, stop);
    }
    this.group.capture(template);
    this.readEvents(data, head.starts[events] as number, head.ends[events] as number);
    return true;
  }

  private readEvents(data: Uint8Array, start: number, end: number): void {
    let at = skipSpace(data, start + 1, end);
    while (at < end && data[at] !== 0x5d) {
      if (data[at] === 0x2c) at = skipSpace(data, at + 1, end);
      const from = at;
      at = event.read(data, at, end);
      const message = at < 0 ? -1 : event.find(MESSAGE);
      if (at < 0) at = skipValue(data, from, end);
      if (message < 0) this.refuse('bad_event', data, from, at);
      else this.putEvent(message);
      this.events++;
      at = skipSpace(data, at, end);
    }
  }

  private putEvent(message: number): void {
    const record = this.begin(this.group);
    const line = event.value(message, record.scratch);
    // Functions write lines with their end.
    let { end: stop } = line;
    if (stop > line.start && line.buf[stop - 1] === LF) stop--;
    record.setLine(line.buf, line.start, stop);
    for (let i = 0; i < event.count; i++) {
      if (i === message) continue;
      const key = event.names[i] as Key;
      const kind = event.kinds[i] ?? VALUE.null;
      const { buf, start, end } = event.value(i, record.scratch);
      if (key === TIME) putEventTime(record, kind, buf, start, end);
      else putField(record, 'envelope', key, kind, buf, start, end);
    }
    this.sink.commit();
  }

  /** Lines, and objects one behind another without anything between them. */
  private readLines(data: Uint8Array): void {
    const buf = Buffer.from(data.buffer, data.byteOffset, data.length);
    for (let at = 0; at < buf.length;) {
      while (at < buf.length && isSpace(buf[at] as number)) at++;
      if (at === buf.length) break;
      const feed = buf.indexOf(LF, at);
      const lineEnd = feed < 0 ? buf.length : feed;
      let stop = lineEnd;
      if (buf[at] === 0x7b) {
        const whole = skipValue(buf, at, lineEnd);
        if (whole > 0 && buf[whole] === 0x7b) stop = whole;
      }
      let end = stop;
      while (end > at && isSpace(buf[end - 1] as number)) end--;
      const record = this.begin(this.common);
      record.setLine(buf, at, end);
      this.sink.commit();
      this.events++;
      at = stop;
    }
  }

  private begin(stamp: RecordStamp): LogRecord {
    const record = this.sink.begin();
    if (this.budget.spend(stamp)) stamp.stamp(record);
    else record.overflow++;
    if (this.id.length > 0) {
      const token = record.token.begin(TOKEN_KIND).bytes(this.id, 0, this.id.length);
      token.number(this.index).number(this.events).end();
    }
    return record;
  }

  private refuse(code: string, buf: Uint8Array, start: number, end: number): void {
    this.sink.reject(code, sampleOf(buf, start, end));
  }
}

/** `{"commonAttributes":{"name":"value"}}`: fields of every record of the stream. */
const putCommon = (text: string | undefined): void => {
  if (text === undefined) return;
  const buf = encoder.encode(text);
  if (head.read(buf, skipSpace(buf, 0, buf.length), buf.length) < 0) return;
  const i = head.find(ATTRIBUTES);
  if (i < 0 || head.kinds[i] !== VALUE.object) return;
  if (event.read(buf, head.starts[i] as number, head.ends[i] as number) < 0) return;
  for (let at = 0; at < event.count; at++) {
    const { buf: value, start, end } = event.value(at, shared.scratch);
    const key = event.names[at] as Key;
    if (end > start) {
      putField(shared, 'envelope', key, event.kinds[at] ?? VALUE.null, value, start, end);
    }
  }
};
