import { LIMITS } from '../../model/limits.ts';
import type { EventSink } from './decode.ts';

export type OnLine = (
  sink: EventSink,
  buf: Uint8Array,
  start: number,
  end: number,
  cutBytes: number,
) => void;

/**
 * Cuts a stream at LF and CR LF. A line over `LIMITS.lineBytes` is cut: its first bytes are kept,
 * the rest is counted and skipped. Where the stream splits never matters.
 */
export class RawLines {
  private held = NONE;
  private size = 0;
  private cut = 0;
  /** The line's last byte so far. */
  private last = 0;
  private readonly all: { total: number };
  private readonly onLine: OnLine;

  /** @param all bytes that the connections of a thread hold together */
  constructor(all: { total: number }, onLine: OnLine) {
    this.all = all;
    this.onLine = onLine;
  }

  feed(received: Uint8Array, sink: EventSink): void {
    const bytes = Buffer.from(received.buffer, received.byteOffset, received.length);
    let at = 0;
    for (let feed = bytes.indexOf(LF); feed >= 0; feed = bytes.indexOf(LF, at)) {
      if (this.size === 0) this.give(sink, bytes, at, feed, 0);
      else {
        this.hold(bytes, at, feed);
        this.flush(sink);
      }
      at = feed + 1;
    }
    if (at < bytes.length) this.hold(bytes, at, bytes.length);
  }

  /** The stream ended: what is held is a line. */
  end(sink: EventSink): void {
    this.flush(sink);
    this.release();
  }

  private flush(sink: EventSink): void {
    const { size } = this;
    // A CR at the end is no part of the line, whether it was held or not.
    const cut = this.cut > 0 && this.last === CR ? this.cut - 1 : this.cut;
    this.size = 0;
    this.cut = 0;
    if (size > 0) this.give(sink, this.held, 0, size, cut);
    if (this.held.length > LEAST) this.release();
  }

  private give(
    sink: EventSink,
    buf: Uint8Array,
    start: number,
    end: number,
    cutBytes: number,
  ): void {
    if (cutBytes === 0 && end > start && buf[end - 1] === CR) end--;
    const most = start + LIMITS.lineBytes;
    if (end > most) {
      cutBytes += end - most;
      end = most;
    }
    if (end > start) this.onLine(sink, buf, start, end, cutBytes);
  }

  private hold(bytes: Uint8Array, start: number, end: number): void {
    const wanted = this.size + end - start;
    if (wanted > this.held.length) this.grow(wanted);
    const kept = Math.min(end, start + this.held.length - this.size);
    this.held.set(bytes.subarray(start, kept), this.size);
    this.size += kept - start;
    this.cut += end - kept;
    this.last = bytes[end - 1] ?? this.last;
  }

  /** Makes room for `wanted` bytes, as far as the bounds of a line and of the thread allow. */
  private grow(wanted: number): void {
    const doubled = Math.max(LEAST, wanted, this.held.length * 2);
    // One more than a line, for a CR that does not count.
    let room = Math.min(doubled, LIMITS.lineBytes + 1);
    if (this.all.total + room - this.held.length > LIMITS.rawHeldBytes) room = LEAST;
    if (room <= this.held.length) return;
    this.all.total += room - this.held.length;
    const grown = new Uint8Array(room);
    grown.set(this.held.subarray(0, this.size));
    this.held = grown;
  }

  private release(): void {
    this.all.total -= this.held.length;
    this.held = NONE;
    this.size = 0;
    this.cut = 0;
  }
}

const LF = 0x0a;
const CR = 0x0d;
const NONE = new Uint8Array(0);
/** What a connection keeps for small lines between reads. */
const LEAST = 4_096;
