import { C, COLUMNS } from '../../model/columns.ts';
import { LogRecord, type Pairs } from '../../model/record.ts';
import type { Span } from '../../model/span.ts';
import type { EventSink } from './decode.ts';

/** An event as decoders leave it, in a form that tests and fixtures can read. */
export interface CapturedEvent {
  line: string;
  /** `seconds.nanoseconds`, absent where unset. */
  time?: string;
  columns?: Record<string, string | number>;
  labels?: Record<string, string>;
  metadata?: Record<string, string>;
  attributes?: Record<string, string>;
  cutBytes?: number;
  /** What makes the item one with its repetition, in hexadecimal. */
  token?: string;
}

/** Keeps what a decoder commits and rejects, for tests: latin1 text where bytes are not UTF-8. */
export class CapturedSink implements EventSink {
  readonly observedSec: number;
  readonly events: CapturedEvent[] = [];
  readonly rejects: string[] = [];
  readonly spans: Span[] = [];
  private readonly record = new LogRecord();

  constructor(observedSec = 1_763_632_800) {
    this.observedSec = observedSec;
  }

  begin(): LogRecord {
    this.record.reset();
    return this.record;
  }

  commit(): void {
    const { record } = this;
    const columns: Record<string, string | number> = {};
    COLUMNS.forEach(({ name }, column) => {
      if (record.has(column)) columns[name] = record.text(column);
      else if (record.numbers[column] !== 0) columns[name] = record.numbers[column] as number;
    });
    if (record.has(C.severity)) columns['severity'] = record.numbers[C.severity] as number;
    const event: CapturedEvent = {
      line: readable(record.lineBuf.subarray(record.lineStart, record.lineEnd)),
    };
    if (record.timeSec >= 0) {
      event.time = `${record.timeSec}.${String(record.timeNano).padStart(9, '0')}`;
    }
    if (Object.keys(columns).length > 0) event.columns = columns;
    if (record.labels.count > 0) event.labels = pairsOf(record.labels);
    if (record.metadata.count > 0) event.metadata = pairsOf(record.metadata);
    if (record.attributes.count > 0) event.attributes = pairsOf(record.attributes);
    if (record.cutBytes > 0) event.cutBytes = record.cutBytes;
    if (record.token.isSet) {
      const { high, low } = record.token;
      const words = [high, low].map((word) => (word >>> 0).toString(16).padStart(8, '0'));
      event.token = words.join('');
    }
    this.events.push(event);
  }

  span(span: Span): void {
    this.spans.push(span);
  }

  reject(reason: string): void {
    this.rejects.push(reason);
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const readable = (bytes: Uint8Array): string => {
  try {
    return strict.decode(bytes);
  } catch {
    return `latin1:${Buffer.from(bytes).toString('latin1')}`;
  }
};

const pairsOf = (pairs: Pairs): Record<string, string> => {
  const found: Record<string, string> = {};
  for (let i = 0; i < pairs.count; i++) {
    const key = pairs.keys[i]?.text ?? '';
    const value = readable((pairs.bufs[i] as Uint8Array).subarray(pairs.starts[i], pairs.ends[i]));
    // Names may repeat: all values are shown.
    found[key] = key in found ? `${found[key] ?? ''} | ${value}` : value;
  }
  return found;
};
