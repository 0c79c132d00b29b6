import { C } from '../../model/columns.ts';
import { NS, parseDuration, measured } from '../../model/duration.ts';
import { messageRank, putField, VALUE, type ValueKind } from '../../model/fields.ts';
import { putNumber, putText } from '../../model/fields-put.ts';
import type { FieldList } from '../../model/json-fields.ts';
import { listFields } from '../../model/json-scanner.ts';
import { isSpace } from '../../model/json-text.ts';
import { keys, type Key } from '../../model/key.ts';
import { LogRecord } from '../../model/record.ts';
import type { Normalizer } from './normalize.ts';

const DURATION = keys.of('duration');

/**
 * Puts the fields of a line, and keeps back those whose meaning depends on the others: messages of
 * the second rank (`event`, `log`, Serilog's `@mt`), and a bare `duration`, which is milliseconds
 * in the access logs of Envoy, Istio and Consul and anything elsewhere.
 */
class LineFields {
  record = new LogRecord();
  private weakKey: Key | undefined;
  private weakBuf: Uint8Array = EMPTY;
  private weakStart = 0;
  private weakEnd = 0;
  private durationBuf: Uint8Array | undefined;
  private durationStart = 0;
  private durationEnd = 0;

  begin(record: LogRecord): void {
    this.record = record;
    this.weakKey = undefined;
    this.durationBuf = undefined;
  }

  put(list: FieldList): void {
    const { count, keys: names, kinds, bufs, starts, ends } = list;
    for (let i = 0; i < count; i++)
      this.value(
        names[i] as Key,
        kinds[i] as ValueKind,
        bufs[i] as Uint8Array,
        starts[i] as number,
        ends[i] as number,
      );
  }

  private value(key: Key, kind: ValueKind, buf: Uint8Array, start: number, end: number): void {
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

  // The last byte is not looked at: it lies where nobody has read yet, and that costs more.
  recognises(line, start, end) {
    let first = start;
    while (first < end && isSpace(line[first] as number)) first++;
    return line[first] === 0x7b;
  },

  normalize(record) {
    const { lineBuf, lineStart, lineEnd } = record;
    // A decoder that found no message in a document has listed its fields already.
    const { scratch } = record;
    const list = scratch.fields.isOf(lineBuf, lineStart, lineEnd)
      ? scratch.fields
      : listFields(lineBuf, lineStart, lineEnd, scratch);
    if (list === undefined || list.count === 0) return false;
    fields.begin(record);
    fields.put(list);
    fields.end();
    record.structured = true;
    return true;
  },
};
