import { putField, VALUE, type ValueKind } from '../../model/fields.ts';
import { scanObject, type ValueVisitor } from '../../model/json-scanner.ts';
import { keys, type Key } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
import type { EventSink } from './decode.ts';

const MESSAGE = keys.of('message');

/**
 * One JSON object into the record, by the rule that documents and NDJSON share: a top-level string
 * `message` is the line and every other field is the envelope; an object without one is its own
 * line, byte for byte, and the normalizers read it.
 *
 * Every object is scanned whole, so that what is not JSON is found here. That costs one pass: which
 * of the two cases comes is guessed from the object before, and only a wrong guess scans again.
 */
export class DocumentReader implements ValueVisitor {
  private record: LogRecord | undefined;
  private wanted = false;
  private found = false;

  /**
   * @returns the begun record, to be added to and committed by the caller; undefined, with nothing
   * to commit, where the bytes are not one JSON object.
   */
  read(sink: EventSink, buf: Uint8Array, start: number, end: number): LogRecord | undefined {
    let record = sink.begin();
    if (!this.scan(record, buf, start, end)) return undefined;
    if (this.found !== this.wanted) {
      this.wanted = this.found;
      record = sink.begin();
      if (this.found) this.scan(record, buf, start, end);
    }
    if (!this.found) record.setLine(buf, start, end);
    return record;
  }

  value(key: Key, kind: ValueKind, buf: Uint8Array, start: number, end: number): void {
    if (key === MESSAGE && kind === VALUE.string && !this.found) {
      this.found = true;
      this.record?.setLine(buf, start, end);
    } else if (this.wanted && this.record !== undefined) {
      putField(this.record, 'envelope', key, kind, buf, start, end);
    }
  }

  private scan(record: LogRecord, buf: Uint8Array, start: number, end: number): boolean {
    this.record = record;
    this.found = false;
    return scanObject(buf, start, end, record.scratch, this);
  }
}
