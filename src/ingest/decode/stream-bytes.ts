import { LIMITS } from '../../model/limits.ts';

/** Bytes held by all connections of a thread for one protocol; see `LIMITS.streamHeldBytes`. */
export interface HeldTotal {
  bytes: number;
}

const NONE = Buffer.alloc(0);
/** What a connection keeps between small messages. */
const LEAST = 4_096;

/**
 * What a connection has received and no message has used yet, always in one piece: the bytes just
 * received themselves, or a copy of what was left joined with them. Every byte is copied a bounded
 * number of times, however the stream is split. A message's announced length allocates nothing.
 */
export class StreamBytes {
  buf: Buffer = NONE;
  /** The unused bytes; readers move `start` on. */
  start = 0;
  end = 0;
  private own: Buffer = NONE;
  private readonly total: HeldTotal;

  constructor(total: HeldTotal) {
    this.total = total;
  }

  /** Takes what came; false where the thread holds too much already. */
  add(bytes: Uint8Array): boolean {
    const size = this.end - this.start;
    if (size === 0) {
      this.buf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      this.start = 0;
      this.end = bytes.length;
      return true;
    }
    if (!this.grow(size + bytes.length, size)) return false;
    this.own.set(bytes, size);
    this.buf = this.own;
    this.end = size + bytes.length;
    return true;
  }

  /** Keeps what is unused for the next `add`; false where the thread holds too much already. */
  keep(): boolean {
    const size = this.end - this.start;
    if (size === 0) {
      if (this.own.length > LEAST) this.release();
      this.buf = NONE;
    } else if (this.buf === this.own) this.own.copyWithin(0, this.start, this.end);
    else {
      if (!this.grow(size, 0)) return false;
      this.own.set(this.buf.subarray(this.start, this.end));
      this.buf = this.own;
    }
    this.start = 0;
    this.end = size;
    return true;
  }

  /** Lets go of everything. */
  release(): void {
    this.total.bytes -= this.own.length;
    this.own = NONE;
    this.buf = NONE;
    this.start = 0;
    this.end = 0;
  }

  private grow(wanted: number, size: number): boolean {
    if (wanted <= this.own.length) return true;
    const room = Math.max(LEAST, wanted, this.own.length * 2);
    const more = room - this.own.length;
    if (this.total.bytes + more > LIMITS.streamHeldBytes) return false;
    this.total.bytes += more;
    const grown = Buffer.allocUnsafeSlow(room);
    grown.set(this.own.subarray(0, size));
    this.own = grown;
    return true;
  }
}
