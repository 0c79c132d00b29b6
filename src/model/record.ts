import { C, COLUMNS } from './columns.ts';
import { FieldList } from './json-fields.ts';
import type { Gap } from './gap.ts';
import { keys, type Key } from './key.ts';
import type { KnownLayout, WholeReason } from './layout-finder.ts';
import { LIMITS } from './limits.ts';
import type { NumberedSource } from './origin.ts';
import { Token } from './token.ts';

/**
 * String map under construction: interned keys, values as byte ranges. Ranges stay valid until the
 * record is appended to a batch.
 */
export class Pairs {
  count = 0;
  /** At least the bytes of all values, and of names that are not interned (those are short). */
  bytes = 0;
  readonly keys: Key[] = [];
  readonly bufs: Uint8Array[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  clear(): void {
    this.count = 0;
    this.bytes = 0;
  }

  /** Empties the map and lets go of the buffers that its values were in. */
  release(): void {
    this.clear();
    this.bufs.length = 0;
  }

  put(key: Key, buf: Uint8Array, start: number, end: number): void {
    const i = this.count++;
    this.bytes += end - start + (key.id < 0 ? key.bytes.length : 0);
    // Rows repeat: looking is cheaper than telling the collector of each write.
    if (this.keys[i] !== key) this.keys[i] = key;
    if (this.bufs[i] !== buf) this.bufs[i] = buf;
    this.starts[i] = start;
    this.ends[i] = end;
  }

  putText(key: string, value: string): void {
    const bytes = encoder.encode(value);
    this.put(keys.of(key), bytes, 0, bytes.length);
  }

  /** The value as text, `undefined` where absent; for tests and rare paths. */
  get(key: string): string | undefined {
    for (let i = 0; i < this.count; i++) {
      if (this.keys[i]?.text === key)
        return decoder.decode(this.bufs[i]?.subarray(this.starts[i], this.ends[i]));
    }
    return undefined;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const EMPTY = new Uint8Array(0);
const WIDTH = COLUMNS.length;

/** Room for bytes that are not in the input as such (unescaped strings, joined names). */
export class Scratch {
  buf = new Uint8Array(65_536);
  used = 0;
  /** The JSON object that was scanned last: what a decoder has read, a normalizer need not. */
  readonly fields = new FieldList();

  /** Lets go of what was scanned, and of room that only an unusual record needed. */
  release(): void {
    this.fields.release();
    if (this.buf.length > LIMITS.scratchKeptBytes) this.buf = new Uint8Array(65_536);
  }

  /** Makes room for `size` bytes at `used`; ranges handed out before stay valid. */
  reserve(size: number): void {
    if (this.used + size <= this.buf.length) return;
    this.buf = new Uint8Array(Math.max(65_536, size));
    this.used = 0;
  }
}

/**
 * The row cursor: what decode, normalize and redact write, one record at a time. Values are byte
 * ranges (buffer, start, end) over the received bytes or the scratch buffer; nothing is copied
 * until
 * `RecordBatch.append`. One cursor is reused for all records of a thread.
 *
 * Duties. Decode sets the line and the envelope (`set`, `labels`, `metadata`, `setTime`). Normalize
 * reads the line and fills what the envelope left open through `offer*`, which keep a disagreeing
 * value in `attributes`; fields without a column go to `attributes`. Redact may point any range at
 * other bytes. Whoever sets a range guarantees that its bytes do not change until `append`.
 */
export class LogRecord {
  /** Byte ranges of `name` and `text` columns, by column number; `ends < 0` means unset. */
  readonly bufs: Uint8Array[] = new Array<Uint8Array>(WIDTH).fill(EMPTY);
  readonly starts = new Int32Array(WIDTH);
  readonly ends = new Int32Array(WIDTH).fill(-1);
  /** Values of number columns, by column number; below 2^53. */
  readonly numbers = new Float64Array(WIDTH);
  /**
   * Event time: seconds and nanoseconds since 1970; `timeSec < 0` means unset (observed time is
   * used).
   */
  timeSec = -1;
  timeNano = 0;
  /**
   * When the shipper read the line, where it says so: the time of a line that has none of its own;
   * `readSec < 0` means unset.
   */
  readSec = -1;
  readNano = 0;
  /** The line's format, where its sender knows it: a normalizer's name; '' else. */
  format = '';
  readonly labels = new Pairs();
  readonly metadata = new Pairs();
  readonly attributes = new Pairs();
  /** The line: the text that the source wrote, without what shippers wrapped around it. */
  lineBuf: Uint8Array = EMPTY;
  lineStart = 0;
  lineEnd = 0;
  /** The line as received: the line, until a normalizer looks inside a wrapper. */
  receivedBuf: Uint8Array = EMPTY;
  receivedStart = 0;
  receivedEnd = 0;
  /**
   * True once a normalizer found structure: the line is then kept as its layout, or in `line`, and
   * `body` is its message.
   */
  structured = false;
  /**
   * The way through a structured line, told by its normalizer from the line's first byte to its
   * last: what stands before each value, and where the value went (placement.ts).
   */
  gaps: (Gap | undefined)[] = [];
  readonly places: number[] = [];
  steps = 0;
  /** Steps of a wrapper behind what it wraps. */
  readonly gapsAfter: (Gap | undefined)[] = [];
  readonly placesAfter: number[] = [];
  stepsAfter = 0;
  /** The step that opens the string in which the line looked at stands; -1 where it is in none. */
  quotedAt = -1;
  /** What stands after the last value. */
  tail: Gap | undefined = undefined;
  /** Why the line must be kept whole, where that is known without looking for its layout. */
  wholeReason: WholeReason | undefined = undefined;
  /** Whether attributes from elsewhere may stand in the way of the line's own. */
  doubtful = false;
  /** The layout, once the line is settled. */
  layout: KnownLayout | undefined = undefined;
  /** Fields that had no room in `attributes`; they are still in the line. */
  overflow = 0;
  /** Bytes at the line's end that the decoder left out; commit counts them and marks the row. */
  cutBytes = 0;
  /** Event times that were not understood or lie outside 1970-2262; their text is kept. */
  badTimes = 0;
  /**
   * Time of receipt, seconds since 1970, near which times without a year lie; 0 where unknown. Set
   * per batch.
   */
  observedSec = 0;
  readonly scratch = new Scratch();
  /** What makes this item one with its repetition; none unless the decoder gives one. */
  readonly token = new Token();
  /** The numbering source that this item is of, and its number there; undefined for others. */
  origin: NumberedSource | undefined = undefined;
  originNumber = 0;
  /** Where nothing else tells its level, a word of the line may (level-words.ts). */
  guessesLevel = false;

  reset(): void {
    const { ends, numbers } = this;
    // Quicker than `fill`, whose call costs more than so few values.
    for (let i = 0; i < WIDTH; i++) {
      ends[i] = -1;
      numbers[i] = 0;
    }
    this.timeSec = -1;
    this.timeNano = 0;
    this.readSec = -1;
    this.format = '';
    this.labels.clear();
    this.metadata.clear();
    this.attributes.clear();
    this.lineStart = 0;
    this.lineEnd = 0;
    this.receivedStart = 0;
    this.receivedEnd = 0;
    this.structured = false;
    this.steps = 0;
    this.stepsAfter = 0;
    this.quotedAt = -1;
    this.wholeReason = undefined;
    this.doubtful = false;
    this.layout = undefined;
    this.overflow = 0;
    this.cutBytes = 0;
    this.badTimes = 0;
    this.scratch.used = 0;
    this.token.clear();
    this.origin = undefined;
    this.guessesLevel = false;
    this.scratch.fields.forget();
  }

  /**
   * Resets the cursor and lets go of every buffer: between two requests, since a place that is
   * seldom used would otherwise keep some old request's bytes in memory for ever.
   */
  release(): void {
    this.reset();
    this.bufs.fill(EMPTY);
    this.lineBuf = EMPTY;
    this.receivedBuf = EMPTY;
    this.labels.release();
    this.metadata.release();
    this.attributes.release();
    this.scratch.release();
  }

  setLine(buf: Uint8Array, start: number, end: number): void {
    this.lineBuf = buf;
    this.lineStart = start;
    this.lineEnd = end;
    this.receivedBuf = buf;
    this.receivedStart = start;
    this.receivedEnd = end;
  }

  /** Lets normalizers look at what is inside a wrapper; the line stays what was received. */
  look(buf: Uint8Array, start: number, end: number): void {
    this.lineBuf = buf;
    this.lineStart = start;
    this.lineEnd = end;
  }

  /** Adds a step to the way through the line. */
  step(gap: Gap | undefined, place: number): void {
    const i = this.steps++;
    this.gaps[i] = gap;
    this.places[i] = place;
  }

  setTime(seconds: number, nanoseconds: number): void {
    this.timeSec = seconds;
    this.timeNano = nanoseconds;
  }

  setRead(seconds: number, nanoseconds: number): void {
    this.readSec = seconds;
    this.readNano = nanoseconds;
  }

  /** Adds a step behind what a wrapper wraps. */
  stepAfter(gap: Gap | undefined, place: number): void {
    const i = this.stepsAfter++;
    this.gapsAfter[i] = gap;
    this.placesAfter[i] = place;
  }

  has(column: number): boolean {
    return (this.ends[column] as number) >= 0;
  }

  /** Sets a column from the envelope. */
  set(column: number, buf: Uint8Array, start: number, end: number): void {
    if (this.bufs[column] !== buf) this.bufs[column] = buf;
    this.starts[column] = start;
    this.ends[column] = end;
  }

  setText(column: number, value: string): void {
    const bytes = encoder.encode(value);
    this.set(column, bytes, 0, bytes.length);
  }

  /**
   * Sets a column from the line. Where the envelope has set it to something else the envelope stays
   * and the line's value is kept in `attributes` under `key`. Empty values set nothing.
   */
  offer(column: number, key: Key, buf: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    const held = this.ends[column] as number;
    if (held < 0) {
      this.bufs[column] = buf;
      this.starts[column] = start;
      this.ends[column] = end;
      return;
    }
    const from = this.starts[column] as number;
    const bytes = this.bufs[column] as Uint8Array;
    if (held - from === end - start) {
      let i = 0;
      while (i < end - start && bytes[from + i] === buf[start + i]) i++;
      if (i === end - start) return;
    }
    this.attribute(key, buf, start, end);
  }

  /** Adds a field of the line that has no column, within `LIMITS.attributesPerRecord`. */
  attribute(key: Key, buf: Uint8Array, start: number, end: number): void {
    if (this.attributes.count >= LIMITS.attributesPerRecord) this.overflow++;
    else this.attributes.put(key, buf, start, end);
  }

  /** A column's text; '' where unset. For tests and rare paths. */
  text(column: number): string {
    const end = this.ends[column] as number;
    return end < 0
      ? ''
      : decoder.decode((this.bufs[column] as Uint8Array).subarray(this.starts[column], end));
  }

  lineText(): string {
    return decoder.decode(this.lineBuf.subarray(this.lineStart, this.lineEnd));
  }
}

/**
 * Settles where the line is kept: nowhere but in its values and `record.layout` where it has one,
 * else whole in `line` where it has structure, else as the body.
 */
export const settleLine = (record: LogRecord): void => {
  if (record.layout !== undefined) return;
  const column = record.structured ? C.line : C.body;
  record.set(column, record.receivedBuf, record.receivedStart, record.receivedEnd);
};
