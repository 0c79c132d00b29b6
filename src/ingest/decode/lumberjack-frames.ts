import { LIMITS } from '../../model/limits.ts';

/**
 * Finds where Lumberjack frames end (v1 and v2; `elastic/go-lumber` is the reference). All numbers
 * are 32 bits, big endian:
 *
 *     version 'W' count                             a window of so many events follows
 *     version 'J' sequence length JSON              an event (v2)
 *     version 'D' sequence pairs (length key length value)*   an event (v1)
 *     version 'C' length zlib                       frames, compressed
 */
export const FRAME = { whole: 0, short: 1, broken: 2, large: 3 } as const;
export type FrameResult = (typeof FRAME)[keyof typeof FRAME];

export const TYPE = { window: 0x57, json: 0x4a, data: 0x44, compressed: 0x43 } as const;

export const isVersion = (byte: number | undefined): boolean => byte === 0x31 || byte === 0x32;

export class LumberjackFrames {
  /** Behind the frame once it is whole. */
  at = 0;
  private start = 0;
  /** Pairs of a data frame still to come; below 0 before their number is known. */
  private pairs = -1;

  begin(at: number): void {
    this.at = at;
    this.start = at;
    this.pairs = -1;
  }

  /** The bytes have moved by so many to the left. */
  moved(by: number): void {
    this.at -= by;
    this.start -= by;
  }

  run(buf: Buffer, end: number): FrameResult {
    const { start } = this;
    if (end > start && !isVersion(buf[start])) return FRAME.broken;
    if (end < start + 2) return FRAME.short;
    switch (buf[start + 1]) {
      case TYPE.window:
        return this.until(start + 6, end);
      case TYPE.compressed:
        return this.payload(buf, start + 2, end);
      case TYPE.json:
        return this.payload(buf, start + 6, end);
      case TYPE.data:
        return this.data(buf, end);
      default:
        return FRAME.broken;
    }
  }

  private until(stop: number, end: number): FrameResult {
    if (stop - this.start > LIMITS.requestBytes) return FRAME.large;
    if (stop > end) return FRAME.short;
    this.at = stop;
    return FRAME.whole;
  }

  /** A length at `at`, and so many bytes. */
  private payload(buf: Buffer, at: number, end: number): FrameResult {
    return at + 4 > end ? FRAME.short : this.until(at + 4 + buf.readUInt32BE(at), end);
  }

  /** Resumed pair by pair. */
  private data(buf: Buffer, end: number): FrameResult {
    if (this.pairs < 0) {
      const counted = this.until(this.start + 10, end);
      if (counted !== FRAME.whole) return counted;
      this.pairs = buf.readUInt32BE(this.start + 6);
    }
    // Each pair has two lengths at least.
    if (this.at + this.pairs * 8 - this.start > LIMITS.requestBytes) return FRAME.large;
    for (; this.pairs > 0; this.pairs--) {
      const key = this.at;
      let result = this.payload(buf, key, end);
      if (result === FRAME.whole) result = this.payload(buf, this.at, end);
      if (result !== FRAME.whole) {
        this.at = key;
        return result;
      }
    }
    return FRAME.whole;
  }
}
