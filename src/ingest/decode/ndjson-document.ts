import { putField, VALUE, type ValueKind } from '../../model/fields.ts';
import type { Gap } from '../../model/gap.ts';
import type { FieldList } from '../../model/json-fields.ts';
import { listFields } from '../../model/json-scanner.ts';
import { keys } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
import type { EventSink } from './decode.ts';

const MESSAGE = keys.of('message');

/**
 * One JSON object into the record, by the rule that documents and NDJSON share: a top-level string
 * `message` is the line and every other field is the envelope; an object without one is its own
 * line, byte for byte, and the normalizers read it.
 *
 * Every object is scanned whole, so that what is not JSON is found here; the normalizer of JSON
 * finds the fields of an object that is its own line listed already.
 */
export class DocumentReader {
  /**
   * @returns the begun record, to be added to and committed by the caller; undefined, with nothing
   * to commit, where the bytes are not one JSON object.
   */
  read(sink: EventSink, buf: Uint8Array, start: number, end: number): LogRecord | undefined {
    const record = sink.begin();
    const list = listFields(buf, start, end, record.scratch);
    if (list === undefined) return undefined;
    const message = messageOf(list);
    if (message < 0) record.setLine(buf, start, end);
    else putEnvelope(record, list, message);
    return record;
  }
}

/** Which of the fields is the message; -1 where none is. */
const messageOf = ({ count, gaps, kinds }: FieldList): number => {
  for (let i = 0; i < count; i++)
    if ((gaps[i] as Gap).key === MESSAGE && kinds[i] === VALUE.string) return i;
  return -1;
};

const putEnvelope = (record: LogRecord, list: FieldList, message: number): void => {
  const { count, gaps, kinds, bufs, starts, ends } = list;
  for (let i = 0; i < count; i++) {
    const buf = bufs[i] as Uint8Array;
    const start = starts[i] as number;
    const end = ends[i] as number;
    if (i === message) record.setLine(buf, start, end);
    else putField(record, 'envelope', (gaps[i] as Gap).key, kinds[i] as ValueKind, buf, start, end);
  }
};
