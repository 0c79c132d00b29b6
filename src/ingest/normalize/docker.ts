import { C } from '../../model/columns.ts';
import { readTime, VALUE, type ValueKind } from '../../model/fields.ts';
import { putText } from '../../model/fields-put.ts';
import { scanObject, type ValueVisitor } from '../../model/json-scanner.ts';
import { keys, type Key } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
import type { Normalizer } from './normalize.ts';

const LOG = keys.of('log');
const STREAM = keys.of('stream');
const TIME = keys.of('time');

/** A value's bytes; `end < 0` where it was not there. */
class Range {
  buf: Uint8Array = EMPTY;
  start = 0;
  end = -1;

  set(buf: Uint8Array, start: number, end: number): void {
    this.buf = buf;
    this.start = start;
    this.end = end;
  }
}

const EMPTY = new Uint8Array(0);

/** Finds the wrapper's three members; `attrs` (the driver's labels) may stand beside them. */
class Wrapper implements ValueVisitor {
  readonly log = new Range();
  readonly stream = new Range();
  readonly time = new Range();
  foreign = false;
  private extra: LogRecord | undefined;

  begin(record: LogRecord): void {
    this.log.end = -1;
    this.stream.end = -1;
    this.time.end = -1;
    this.foreign = false;
    this.extra = record;
  }

  get whole(): boolean {
    return !this.foreign && this.log.end >= 0 && this.stream.end >= 0 && this.time.end >= 0;
  }

  value(key: Key, kind: ValueKind, buf: Uint8Array, start: number, end: number): void {
    const range =
      key === LOG ? this.log : key === STREAM ? this.stream : key === TIME ? this.time : undefined;
    if (range !== undefined && kind === VALUE.string && range.end < 0) range.set(buf, start, end);
    else if (key.text.startsWith('attrs.')) this.extra?.metadata.put(key, buf, start, end);
    else this.foreign = true;
  }
}

const wrapper = new Wrapper();

/**
 * Docker's json-file wrapper (Docker, "JSON File logging driver"):
 * `{"log":"line\n","stream":"stdout","time":"..."}`. What is inside is the line, without the line
 * feed that the driver keeps. Objects with other members are documents of their own.
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
    const metadata = record.metadata.count;
    wrapper.begin(record);
    const { lineBuf, lineStart, lineEnd, scratch } = record;
    if (!scanObject(lineBuf, lineStart, lineEnd, scratch, wrapper) || !wrapper.whole) {
      record.metadata.count = metadata;
      return false;
    }
    const { log, stream, time } = wrapper;
    putText(record, 'line', C.stdio, STREAM, stream.buf, stream.start, stream.end);
    if (!readTime(record, time.buf, time.start, time.end))
      record.attribute(TIME, time.buf, time.start, time.end);
    const fed = log.end > log.start && log.buf[log.end - 1] === 0x0a;
    record.setLine(log.buf, log.start, fed ? log.end - 1 : log.end);
    return true;
  },
};
