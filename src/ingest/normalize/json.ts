import { C } from '../../model/columns.ts';
import { NS, parseDuration, measured } from '../../model/duration.ts';
import { messageRank, putField, VALUE, type ValueKind } from '../../model/fields.ts';
import { putNumber, putText } from '../../model/fields-put.ts';
import { scanObject, type ValueVisitor } from '../../model/json-scanner.ts';
import { isSpace } from '../../model/json-text.ts';
import { keys, type Key } from '../../model/key.ts';
import { LogRecord } from '../../model/record.ts';
import type { Normalizer } from './normalize.ts';
import { remember, restore } from './undo.ts';

const DURATION = keys.of('duration');

/**
 * Puts the fields of a line, and keeps back those whose meaning depends on the others: messages of
 * the second rank (`event`, `log`, Serilog's `@mt`), and a bare `duration`, which is milliseconds
 * in
 * the access logs of Envoy, Istio and Consul and anything elsewhere.
 */
class LineFields implements ValueVisitor {
  record = new LogRecord();
  count = 0;
  private weakKey: Key | undefined;
  private weakBuf: Uint8Array = EMPTY;
  private weakStart = 0;
  private weakEnd = 0;
  private durationBuf: Uint8Array | undefined;
  private durationStart = 0;
  private durationEnd = 0;

  begin(record: LogRecord): void {
    this.record = record;
    this.count = 0;
    this.weakKey = undefined;
    this.durationBuf = undefined;
  }

  value(key: Key, kind: ValueKind, buf: Uint8Array, start: number, end: number): void {
    this.count++;
    if (kind === VALUE.string && this.weakKey === undefined && messageRank(key) === 1) {
      this.weakKey = key;
      this.weakBuf = buf;
      this.weakStart = start;
      this.weakEnd = end;
    } else if (key === DURATION && kind === VALUE.number && this.durationBuf === undefined) {
      this.durationBuf = buf;
      this.durationStart = start;
      this.durationEnd = end;
    } else putField(this.record, 'line', key, kind, buf, start, end);
  }

  end(): void {
    const { record, weakKey, durationBuf } = this;
    if (weakKey !== undefined)
      putText(record, 'line', C.body, weakKey, this.weakBuf, this.weakStart, this.weakEnd);
    if (durationBuf === undefined) return;
    const known =
      record.has(C.response_flags) &&
      parseDuration(durationBuf, this.durationStart, this.durationEnd, NS.ms) &&
      putNumber(record, C.duration_ns, measured.value) &&
      measured.exact;
    if (!known) record.attribute(DURATION, durationBuf, this.durationStart, this.durationEnd);
  }
}

const EMPTY = new Uint8Array(0);
const fields = new LineFields();

/** Any JSON object (RFC 8259): nested names joined by dots, known names to columns. */
export const json: Normalizer = {
  name: 'json',

  recognises(line, start, end) {
    let first = start;
    while (first < end && isSpace(line[first] as number)) first++;
    let last = end - 1;
    while (last > first && isSpace(line[last] as number)) last--;
    return line[first] === 0x7b && line[last] === 0x7d;
  },

  normalize(record) {
    const { lineBuf, lineStart, lineEnd } = record;
    remember(record);
    fields.begin(record);
    if (!scanObject(lineBuf, lineStart, lineEnd, record.scratch, fields)) {
      restore(record);
      return false;
    }
    if (fields.count === 0) return false;
    fields.end();
    record.structured = true;
    return true;
  },
};
