import { copyOf } from '../../model/bytes.ts';
import { C } from '../../model/columns.ts';
import { putField, VALUE } from '../../model/fields.ts';
import { keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import type { LogRecord } from '../../model/record.ts';
import { mixPairs } from '../../model/token.ts';
import type { EventSink } from './decode.ts';
import { isLabelName } from './loki-labels.ts';
import { findLevel, levelOf } from './loki-level.ts';
import type { StreamShape } from './loki-stream.ts';
import { StampBudget } from './record-stamp.ts';

const TOO_MANY_LABELS =
  'the labels of this push, repeated for each of its entries, are larger than the server accepts';

export interface PushOptions {
  /** Loki's `discover_log_levels`; on unless said otherwise. */
  readonly discoverLogLevels?: boolean;
}

/** One push being decoded: where its entries go, and what its reply will have to say. */
export class LokiPush {
  readonly sink: EventSink;
  /** Streams seen, good or bad. */
  streams = 0;
  private readonly errors = new Map<string, number>();
  private readonly budget = new StampBudget();

  private readonly options: PushOptions;

  constructor(sink: EventSink, options: PushOptions) {
    this.sink = sink;
    this.options = options;
  }

  /**
   * A fresh record with the stream's labels on it; undefined, with the entry rejected, where the
   * request has copied more labels than it may.
   */
  begin(shape: StreamShape, sample: Uint8Array): LogRecord | undefined {
    if (!this.budget.spend(shape)) {
      this.reject('labels_too_large', TOO_MANY_LABELS, sample);
      return undefined;
    }
    const record = this.sink.begin();
    shape.stamp(record);
    return record;
  }

  /**
   * Commits the entry. As in Loki, entries of one stream with the same time, line and metadata are
   * one entry, which makes its clients' retries safe; one without a time has no identity.
   */
  commit(shape: StreamShape, record: LogRecord): void {
    const { token, badTimes, timeSec, timeNano } = record;
    const oldestMs: number = LIMITS.oldestSampleMs;
    if (oldestMs > 0 && timeSec >= 0 && this.isTooOld(timeSec, oldestMs)) {
      const sample = record.lineBuf.subarray(record.lineStart, record.lineEnd);
      this.reject('too_old', tooOld(timeSec, this.sink.observedSec, oldestMs), sample);
      return;
    }
    if (timeSec >= 0 || badTimes > 0) {
      token.follow(shape.token, timeSec, timeNano);
      token.bytes(record.lineBuf, record.lineStart, record.lineEnd);
      if (record.metadata.count > 0) mixPairs(token, record.metadata);
      // The text of a time that the record cannot hold.
      if (badTimes > 0) mixPairs(token, record.attributes);
      token.end();
    }
    if (this.options.discoverLogLevels !== false) settleLevel(record, shape);
    this.sink.commit();
  }

  private isTooOld(timeSec: number, oldestMs: number): boolean {
    return (this.sink.observedSec - timeSec) * 1_000 > oldestMs;
  }

  /** An entry or a stream that is not taken; the others are. */
  reject(reason: string, message: string, sample: Uint8Array): void {
    this.sink.reject(reason, sample);
    const { errors } = this;
    if (errors.has(message) || errors.size < LIMITS.lokiErrors) {
      errors.set(message, (errors.get(message) ?? 0) + 1);
    } else {
      const more = 'other errors';
      errors.set(more, (errors.get(more) ?? 0) + 1);
    }
  }

  /** What went wrong, grouped as Loki's distributor does it; '' where nothing did. */
  get error(): string {
    const groups = [...this.errors].map(([message, count]) =>
      count === 1 ? message : `${count} errors like: ${message}`,
    );
    return groups.join('; ');
  }
}

const TIMESTAMP = keys.of('timestamp');
const LEVEL = keys.of('level');
const DETECTED_LEVEL = keys.of('detected_level');
const encoder = new TextEncoder();

/** In the words of Loki's `reject_old_samples`. */
const tooOld = (timeSec: number, observedSec: number, oldestMs: number): string => {
  const [time, oldest] = [timeSec * 1_000, observedSec * 1_000 - oldestMs].map((ms) =>
    new Date(ms).toISOString().replace('.000Z', 'Z'),
  );
  return `entry has timestamp too old: ${time}, oldest acceptable timestamp is: ${oldest}`;
};

/**
 * What Loki would take for the entry's `detected_level`. Queries derive it from the severity; what
 * none stands for is noted in the metadata, where Loki has it too.
 */
const settleLevel = (record: LogRecord, shape: StreamShape): void => {
  const { metadata } = record;
  const { keys: names, bufs, starts, ends } = metadata;
  for (let i = 0; i < metadata.count; i++) {
    if (names[i] !== DETECTED_LEVEL) continue;
    const level = levelOf(bufs[i] as Uint8Array, starts[i] as number, ends[i] as number);
    if (level === undefined) return;
    bufs[i] = level;
    starts[i] = 0;
    ends[i] = level.length;
    return;
  }
  const { oddLevel } = shape;
  if (oddLevel !== undefined) metadata.put(DETECTED_LEVEL, oddLevel, 0, oddLevel.length);
  if (shape.hasLevel) return;
  const at = metadata.count === 0 ? -1 : findLevel(metadata);
  if (at < 0) {
    record.guessesLevel = true;
    return;
  }
  const [buf, start, end] = [bufs[at] as Uint8Array, starts[at] as number, ends[at] as number];
  if (levelOf(buf, start, end) === undefined) metadata.put(DETECTED_LEVEL, buf, start, end);
};

/**
 * Sets the entry's time. One that the record cannot hold (before 1970, after 2262) becomes the
 * observed time, and its text is kept.
 * @param text what the sender wrote, or the same value in digits
 */
export const keepOddTime = (record: LogRecord, text: string): void => {
  const bytes = encoder.encode(text);
  record.badTimes++;
  record.attribute(TIMESTAMP, bytes, 0, bytes.length);
};

/**
 * The name by which LogQL can reach a piece of metadata: Loki writes `_` for what no label may
 * hold.
 */
const metadataKey = (buf: Uint8Array, start: number, end: number): Key => {
  if (isLabelName(buf, start, end)) return keys.intern(buf, start, end);
  const name = copyOf(buf, start, end);
  for (let i = 0; i < name.length; i++) {
    const byte = name[i] as number;
    const letter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
    if (!letter && !(byte >= 0x30 && byte <= 0x39)) name[i] = 0x5f;
  }
  if (isLabelName(name, 0, name.length)) return keys.intern(name, 0, name.length);
  return keys.of(`key_${new TextDecoder('latin1').decode(name)}`);
};

/**
 * Adds structured metadata: all of it is kept for LogQL, and what is known to mean a column sets it
 * too, unless the stream's labels have done so.
 */
export const putMetadata = (
  record: LogRecord,
  buf: Uint8Array,
  nameStart: number,
  nameEnd: number,
  start: number,
  end: number,
): void => {
  const { metadata } = record;
  const key = metadataKey(buf, nameStart, nameEnd);
  const before = metadata.count;
  const serviceEnd = record.ends[C.service];
  const service = record.bufs[C.service] as Uint8Array;
  const serviceStart = record.starts[C.service] as number;
  const read = key === DETECTED_LEVEL ? LEVEL : key;
  putField(record, 'envelope', read, VALUE.string, buf, start, end);
  // LogQL's `service_name` is the stream's label; the column must never say something else.
  if (serviceEnd !== undefined && serviceEnd >= 0) {
    record.set(C.service, service, serviceStart, serviceEnd);
  }
  metadata.count = before;
  metadata.put(key, buf, start, end);
};
