import { LIMITS } from '../../model/limits.ts';
import type { LogRecord } from '../../model/record.ts';
import type { EventSink } from './decode.ts';
import { KIND, MsgpackReader, MsgpackScan, SCAN } from './forward-msgpack.ts';
import {
  beginEntry,
  putMetadata,
  putRecord,
  putResource,
  putTag,
  putTime,
} from './forward-record.ts';
import { inflate } from './inflate.ts';
import { sampleOf } from './inflated-body.ts';

/**
 * One message of Fluentd's forward protocol (Forward-Protocol-Specification v1 and v1.5), whole:
 *
 *     Message           [tag, time, record, option?]
 *     Forward           [tag, [entry, ...], option?]
 *     PackedForward     [tag, bytes of entries, option?]
 *     CompressedPacked  the same, with option.compressed 'gzip' or 'zstd'
 *     entry             [time, record] or, v1.5, [[time, metadata], record]
 *
 * A bad entry costs itself. Entries whose bytes end early or are none cost themselves and those
 * behind. Either way the chunk is acknowledged: sent again, it would be no better.
 */
export interface Outcome {
  /** False where it is no message at all. */
  readonly ok: boolean;
  /** `option.chunk` as it was sent, with its head; empty where there is none. */
  readonly chunk: Uint8Array;
}

const NO_CHUNK = new Uint8Array(0);
const BROKEN: Outcome = { ok: false, chunk: NO_CHUNK };
/** Keeps the tokens of this protocol apart from others'. */
const TOKEN_KIND = 0x24224;
/** Seconds of the times with which Fluent Bit marks where a group of records begins and ends. */
const GROUP_BEGINS = 0xffffffff;
const GROUP_ENDS = 0xfffffffe;
/** What a pair costs beside its value. */
const PAIR_BYTES = 16;
const SIGNALS = ['', 'metrics', 'traces'] as const;

const reader = new MsgpackReader(Buffer.alloc(0), 0);
const group = new MsgpackReader(Buffer.alloc(0), 0);
const scan = new MsgpackScan();

/** Reads the message at `at`, which a scan has found whole. */
export const readMessage = (buf: Buffer, at: number, sink: EventSink): Outcome => {
  reader.open(buf, at);
  if (reader.next() !== KIND.array || reader.count < 2) return BROKEN;
  const { count } = reader;
  const tag = reader.next();
  if (tag !== KIND.text && tag !== KIND.bytes) return BROKEN;
  const message = new ForwardMessage(buf, reader.start, reader.stop, sink);
  return message.read(count) ? { ok: true, chunk: message.chunk() } : BROKEN;
};

class ForwardMessage {
  private readonly sink: EventSink;
  private readonly buf: Buffer;
  private readonly tagStart: number;
  private readonly tagStop: number;
  /** The chunk's value; from `chunkHead` with its head. */
  private chunkHead = 0;
  private chunkStart = 0;
  private chunkStop = 0;
  private compressed = '';
  private signal = 0;
  private index = 0;
  /** Bytes that tags and resources may still add to records. */
  private left: number = LIMITS.stampedBytes;
  /** The head of the record that opened a group, or -1; `group` reads from there. */
  private groupAt = -1;
  private groupBytes = 0;

  constructor(buf: Buffer, tagStart: number, tagStop: number, sink: EventSink) {
    this.buf = buf;
    this.tagStart = tagStart;
    this.tagStop = tagStop;
    this.sink = sink;
  }

  chunk(): Uint8Array {
    return this.buf.subarray(this.chunkHead, this.chunkStop);
  }

  /** Reads from behind the tag; false where the message's form is none. */
  read(count: number): boolean {
    const { buf } = this;
    const at = reader.pos;
    const kind = reader.next();
    const { start, stop, count: entries } = reader;
    const isPacked = kind === KIND.text || kind === KIND.bytes;
    const isForward = kind === KIND.array;
    if (kind === KIND.map) return false;
    const body = reader.pos;
    reader.skip();
    if (!isPacked && !isForward) {
      if (count < 3) return false;
      reader.next();
      reader.skip();
    }
    if (count > (isPacked || isForward ? 2 : 3)) this.readOption();
    if (this.signal > 0) this.refuseSignal(start, stop);
    else if (isPacked) this.readPacked(start, stop);
    else {
      reader.open(buf, isForward ? body : at);
      if (isForward) for (let i = 0; i < entries; i++) this.entry();
      else this.event(at, false);
    }
    return true;
  }

  private readOption(): void {
    const { buf } = this;
    if (reader.next() !== KIND.map) return;
    const { count } = reader;
    for (let i = 0; i < count; i++) {
      const key = reader.next();
      const name = key === KIND.text ? buf.toString('latin1', reader.start, reader.stop) : '';
      reader.skip();
      const head = reader.pos;
      const kind = reader.next();
      const isText = kind === KIND.text || kind === KIND.bytes;
      if (name === 'chunk' && isText) {
        this.chunkHead = head;
        this.chunkStart = reader.start;
        this.chunkStop = reader.stop;
      } else if (name === 'compressed' && isText) {
        this.compressed = buf.toString('latin1', reader.start, reader.stop);
      } else if (name === 'fluent_signal' && kind === KIND.integer) this.signal = reader.value;
      reader.skip();
    }
  }

  /** Metrics and traces have forms of their own, which are not read. */
  private refuseSignal(start: number, stop: number): void {
    const signal = SIGNALS[this.signal];
    const sample = sampleOf(this.buf, start, Math.max(start, stop));
    if (signal === undefined) this.sink.reject('unknown_signal', sample);
    else this.sink.reject(`${signal}_not_stored`, sample);
  }

  private readPacked(start: number, stop: number): void {
    const packed = this.buf.subarray(start, stop);
    const { compressed } = this;
    const inflated = inflate(compressed === 'text' ? '' : compressed, packed);
    if (!inflated.ok) {
      const { reason } = inflated;
      this.sink.reject(
        reason === 'malformed' ? 'malformed_body' : reason,
        sampleOf(packed, 0, 256),
      );
      return;
    }
    const { bytes } = inflated;
    const entries = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const { length } = entries;
    for (let at = 0; at < length; at = scan.at) {
      scan.begin(at);
      if (scan.run(entries, length, length) !== SCAN.whole) {
        this.sink.reject('malformed_entries', sampleOf(entries, at, length));
        return;
      }
      reader.open(entries, at);
      this.entry();
    }
  }

  /** One entry, `[time, record]`, of which the reader has read nothing. */
  private entry(): void {
    const at = reader.pos;
    if (reader.next() !== KIND.array || reader.count < 2) {
      reader.skip();
      this.refuse(at);
      return;
    }
    const { count } = reader;
    this.event(at, true);
    for (let i = 2; i < count; i++) {
      reader.next();
      reader.skip();
    }
  }

  /** Time and record, which come next; `at` is where the entry starts. */
  private event(at: number, mayMark: boolean): void {
    const record = this.sink.begin();
    beginEntry();
    putTag(record, this.buf, this.tagStart, this.tagStop);
    let ok = this.readTime(record);
    const mark = mayMark ? this.mark() : 0;
    const head = reader.pos;
    const kind = reader.next();
    if (mark > 0) {
      reader.skip();
      this.groupAt = mark === GROUP_BEGINS && kind === KIND.map ? head : -1;
      this.groupBytes = reader.pos - head;
      return;
    }
    if (kind === KIND.map) ok = putRecord(record, reader) && ok;
    else {
      reader.skip();
      ok = false;
    }
    const index = this.index++;
    if (!ok) return this.refuse(at);
    if (this.groupAt >= 0) {
      group.open(reader.buf, this.groupAt);
      group.next();
      if (!putResource(record, group)) return this.refuse(at);
    }
    this.left -=
      this.tagStop - this.tagStart + PAIR_BYTES + (this.groupAt < 0 ? 0 : this.groupBytes);
    if (this.left < 0)
      return this.sink.reject('tag_too_large', sampleOf(reader.buf, at, reader.pos));
    if (this.chunkStop > this.chunkStart) this.identify(record, index);
    return this.sink.commit();
  }

  /** The seconds by which the time read last marks a group, else 0. */
  private mark(): number {
    const { kind, type, start, stop, buf } = time;
    if (kind !== KIND.extension || type !== 0 || stop - start !== 8) return 0;
    const sec = buf.readUInt32BE(start);
    return sec === GROUP_BEGINS || sec === GROUP_ENDS ? sec : 0;
  }

  /** A time, or `[time, metadata]`; false where metadata cannot be kept. */
  private readTime(record: LogRecord): boolean {
    const { buf, pos } = reader;
    time.open(buf, pos);
    if (reader.next() !== KIND.array) {
      time.next();
      reader.skip();
      if (this.mark() === 0) putTime(record, time);
      return true;
    }
    const { count } = reader;
    let ok = count > 0;
    for (let i = 0; i < count; i++) {
      if (i === 0) time.open(buf, reader.pos);
      const kind = reader.next();
      if (i === 0) {
        time.next();
        reader.skip();
        if (this.mark() === 0) putTime(record, time);
      } else if (i === 1 && kind === KIND.map) ok = putMetadata(record, reader) && ok;
      else reader.skip();
    }
    return ok;
  }

  /** A chunk that is sent again holds the same entries in the same order. */
  private identify(record: LogRecord, index: number): void {
    const { buf } = this;
    record.token
      .begin(TOKEN_KIND)
      .bytes(buf, this.tagStart, this.tagStop)
      .bytes(buf, this.chunkStart, this.chunkStop)
      .number(index)
      .end();
  }

  private refuse(at: number): void {
    this.sink.reject('bad_entry', sampleOf(reader.buf, at, reader.pos));
  }
}

/** Reads times, so that the other reader may go on behind them. */
const time = new MsgpackReader(Buffer.alloc(0), 0);
