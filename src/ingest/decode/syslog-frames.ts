import { LIMITS } from '../../model/limits.ts';

/**
 * Cuts a TCP syslog stream into frames (RFC 6587). Both framings are told apart frame by frame:
 *
 *             ┌── LF, NUL (between frames)
 *             ▼
 *           START ──digit 1-9──► COUNT ──SP──► COUNTED ──'<'──► OCTETS(n) ──n bytes──► frame, START
 *             │                    │              │  └──'z'──► PACKED ──zlib──► OCTETS(n)
 *             │ other byte         │ other byte   │ other byte: what looked like a count is text
 *             ▼                    ▼              ▼                │ other bytes
 *           LINE ◄─────────────────┴──────────────┴────────────────┘
 *             └──LF or NUL──► frame (without it, and without a CR before LF), START
 *
 * A count is believed only where `<` follows, or `z` and the head of a zlib stream (rsyslog's
 * compressed messages), so that a line without PRI which starts with a number stays a line. A frame
 * over the bound is cut: its first bytes are kept, the rest is counted and skipped. Where the
 * stream splits never matters: the same bytes give the same frames.
 */
export type OnFrame = (buf: Uint8Array, start: number, end: number, cutBytes: number) => void;

/** Bytes of unfinished frames held by all connections of a thread; see `LIMITS.syslogHeldBytes`. */
export interface HeldBytes {
  total: number;
}

const START = 0;
const COUNT = 1;
const COUNTED = 2;
const OCTETS = 3;
const LINE = 4;
const PACKED = 5;

const LETTER_Z = 0x7a;
/** The first byte of a zlib stream with a window of 32 KiB, as every sender has. */
const ZLIB = 0x78;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const NONE = new Uint8Array(0);
/** What a connection keeps for small frames between reads. */
const LEAST = 4_096;

export class SyslogFrames {
  private state: number = START;
  /** Octets announced, then octets still to come. */
  private count = 0;
  private held = NONE;
  private size = 0;
  private cut = 0;
  /** Whether the octets are a compressed message, whose last byte may be a newline by chance. */
  private packed = false;
  private readonly all: HeldBytes;

  constructor(all: HeldBytes) {
    this.all = all;
  }

  feed(received: Uint8Array, onFrame: OnFrame): void {
    // Buffer finds a byte ten times as fast as Uint8Array does.
    const bytes = Buffer.from(received.buffer, received.byteOffset, received.length);
    const size = bytes.length;
    let nul = bytes.indexOf(0);
    if (nul < 0) nul = size;
    let at = 0;
    while (at < size) {
      if (this.state === LINE) {
        if (nul < at) {
          nul = bytes.indexOf(0, at);
          if (nul < 0) nul = size;
        }
        at = this.line(bytes, at, nul, onFrame);
      } else if (this.state === OCTETS) at = this.octets(bytes, at, onFrame);
      else at = this.head(bytes, at);
    }
  }

  /** The stream ended: what is held is a frame, though its end was never seen. */
  end(onFrame: OnFrame): void {
    const missing = this.state === OCTETS ? this.count : 0;
    if (this.size > 0) this.give(onFrame, missing);
    this.release();
    this.state = START;
  }

  /** One byte of what stands in front of a frame. */
  private head(bytes: Uint8Array, at: number): number {
    const byte = bytes[at] as number;
    if (this.state === START) {
      if (byte === LF || byte === 0) return at + 1;
      this.count = 0;
      this.state = byte >= 0x31 && byte <= 0x39 ? COUNT : LINE;
      return at;
    }
    if (this.state === COUNTED) {
      if (byte === 0x3c) {
        this.size = 0;
        this.state = OCTETS;
        return at;
      }
      this.state = byte === LETTER_Z ? PACKED : LINE;
      if (this.state === LINE) return at;
      this.hold(bytes, at, at + 1);
      return at + 1;
    }
    if (this.state === PACKED) return this.packedHead(bytes, at);
    if (byte >= 0x30 && byte <= 0x39 && this.size < LIMITS.syslogCountDigits) {
      this.count = this.count * 10 + byte - 0x30;
    } else if (byte === SPACE) this.state = COUNTED;
    else {
      this.state = LINE;
      return at;
    }
    this.hold(bytes, at, at + 1);
    return at + 1;
  }

  /** One of the two bytes behind `z`: the head of a zlib stream (RFC 1950), or text. */
  private packedHead(bytes: Uint8Array, at: number): number {
    const byte = bytes[at] as number;
    const { held, size } = this;
    const isFirst = held[size - 1] === LETTER_Z;
    const isHead = isFirst ? byte === ZLIB : isZlibHead(byte);
    if (!isHead || this.count < 3) {
      this.state = LINE;
      return at;
    }
    this.hold(bytes, at, at + 1);
    if (isFirst) return at + 1;
    held.copyWithin(0, size - 2, size + 1);
    this.size = 3;
    this.count -= 3;
    this.packed = true;
    this.state = OCTETS;
    return at + 1;
  }

  private octets(bytes: Uint8Array, at: number, onFrame: OnFrame): number {
    const end = Math.min(bytes.length, at + this.count);
    this.count -= end - at;
    if (this.count === 0 && this.size === 0) {
      this.direct(bytes, at, end, onFrame, false);
      return end;
    }
    this.hold(bytes, at, end);
    if (this.count === 0) this.give(onFrame, 0);
    return end;
  }

  private line(bytes: Buffer, at: number, nul: number, onFrame: OnFrame): number {
    const feed = bytes.indexOf(LF, at);
    const end = feed < 0 ? nul : Math.min(feed, nul);
    if (end === bytes.length) {
      this.hold(bytes, at, end);
      return end;
    }
    if (this.size === 0) this.direct(bytes, at, end, onFrame, end === feed);
    else {
      this.hold(bytes, at, end);
      if (end === feed && this.held[this.size - 1] === CR && this.cut === 0) this.size--;
      this.give(onFrame, 0);
    }
    return end + 1;
  }

  /** A frame that lies whole in the received bytes. */
  private direct(
    bytes: Uint8Array,
    start: number,
    end: number,
    onFrame: OnFrame,
    isLine: boolean,
  ): void {
    this.state = START;
    const most = start + frameBytes();
    if (end > most) {
      onFrame(bytes, start, most, end - most);
      return;
    }
    const stop = bytes[end - 1] === (isLine ? CR : LF) ? end - 1 : end;
    if (stop > start) onFrame(bytes, start, stop, 0);
  }

  private give(onFrame: OnFrame, missing: number): void {
    let { size } = this;
    // rsyslog counts a final LF into its octets.
    const isFed = this.cut === 0 && this.held[size - 1] === LF && !this.packed;
    if (this.state === OCTETS && isFed) size--;
    this.state = START;
    this.packed = false;
    if (size > 0) onFrame(this.held, 0, size, this.cut + missing);
    this.size = 0;
    this.cut = 0;
    if (this.held.length > LEAST) this.release();
  }

  private release(): void {
    this.all.total -= this.held.length;
    this.held = NONE;
    this.size = 0;
    this.cut = 0;
  }

  private hold(bytes: Uint8Array, start: number, end: number): void {
    const wanted = this.size + end - start;
    if (wanted > this.held.length) this.grow(wanted);
    const kept = Math.min(end, start + this.held.length - this.size);
    this.held.set(bytes.subarray(start, kept), this.size);
    this.size += kept - start;
    this.cut += end - kept;
  }

  /** Makes room for `wanted` bytes, as far as the bounds of a frame and of the thread allow. */
  private grow(wanted: number): void {
    const doubled = Math.max(LEAST, wanted, this.held.length * 2);
    let room = Math.min(doubled, frameBytes());
    if (this.all.total + room - this.held.length > LIMITS.syslogHeldBytes) room = LEAST;
    if (room <= this.held.length) return;
    this.all.total += room - this.held.length;
    const grown = new Uint8Array(room);
    grown.set(this.held.subarray(0, this.size));
    this.held = grown;
  }
}

/** Whether 0x78 and this byte are the head of a zlib stream: no dictionary, a multiple of 31. */
export const isZlibHead = (flags: number): boolean =>
  (ZLIB * 256 + flags) % 31 === 0 && (flags & 32) === 0;

/** Longest frame kept: the longest line and what stands in front of it. */
const frameBytes = (): number => LIMITS.lineBytes + LIMITS.syslogHeaderBytes;
