import { LIMITS } from '../../model/limits.ts';
import type { EventSink, StreamAnswer, StreamSession } from './decode.ts';
import { readMessages } from './gelf-message.ts';
import { sampleOf } from './inflated-body.ts';
import { skipSpace, skipValue } from '../../model/json-text.ts';

/**
 * GELF over TCP:
 *
 *        ┌── bytes are held
 *        ▼
 *      FRAME ──NUL──► its messages, FRAME
 *        │
 *        ├──the bytes received end with `}` and LF──► the whole messages in front, FRAME
 *        └──over the bound──► OVER ──NUL──► one message refused, FRAME
 *
 * NUL ends a frame. Senders that end messages with LF alone are read whenever what was received so
 * far ends where a message does; a frame is read as objects one behind another, so that it does not
 * matter for the outcome when that happens.
 */
const LF = 0x0a;
const CR = 0x0d;
const CLOSE = 0x7d;
const NONE = Buffer.alloc(0);

export class GelfFrames implements StreamSession {
  private held = NONE;
  private size = 0;
  private isOver = false;
  /** Size at which the held bytes were last no whole message. */
  private tried = 0;
  private readonly all: { total: number };

  /** @param all bytes that the connections of a thread hold together */
  constructor(all: { total: number }) {
    this.all = all;
  }

  feed(received: Uint8Array, sink: EventSink): StreamAnswer {
    const bytes = Buffer.from(received.buffer, received.byteOffset, received.length);
    let at = 0;
    for (let nul = bytes.indexOf(0); nul >= 0; nul = bytes.indexOf(0, at)) {
      if (this.isOver) this.isOver = false;
      else if (this.size === 0) {
        if (nul > at) readMessages(sink, bytes, at, nul);
      } else {
        this.hold(bytes, at, nul, sink);
        this.read(this.size, sink);
      }
      at = nul + 1;
    }
    if (at < bytes.length && !this.isOver) {
      this.hold(bytes, at, bytes.length, sink);
      if (endsLine(this.held, this.size)) this.readWhole(sink);
    }
    return NOTHING;
  }

  end(sink: EventSink): void {
    this.read(this.size, sink);
    this.release();
  }

  /** Reads the held bytes up to `end`, and keeps the rest. */
  private read(end: number, sink: EventSink): void {
    if (this.isOver || this.size === 0) {
      this.isOver = false;
      return;
    }
    readMessages(sink, this.held, 0, end);
    this.held.copyWithin(0, end, this.size);
    this.size -= end;
    this.tried = 0;
    if (this.size === 0 && this.held.length > LEAST) this.release();
  }

  /** Reads the whole messages in front; looking again and again at a long one would cost much. */
  private readWhole(sink: EventSink): void {
    if (this.size > LEAST && this.size < this.tried * 2) return;
    let end = 0;
    for (;;) {
      const at = skipSpace(this.held, end, this.size);
      if (at === this.size) break;
      const stop = this.held[at] === 0x7b ? skipValue(this.held, at, this.size) : -1;
      if (stop < 0) break;
      end = stop;
    }
    this.tried = this.size;
    if (end > 0) this.read(end, sink);
  }

  private hold(bytes: Uint8Array, start: number, end: number, sink: EventSink): void {
    if (this.isOver) return;
    const wanted = this.size + end - start;
    if (wanted > this.held.length && !this.grow(wanted)) {
      sink.reject('too_large', sampleOf(this.held, 0, this.size));
      this.release();
      this.isOver = true;
      return;
    }
    this.held.set(bytes.subarray(start, end), this.size);
    this.size = wanted;
  }

  private grow(wanted: number): boolean {
    const room = Math.min(Math.max(LEAST, wanted, this.held.length * 2), LIMITS.gelfMessageBytes);
    const more = room - this.held.length;
    if (wanted > room || this.all.total + more > LIMITS.gelfHeldBytes) return false;
    const grown = Buffer.allocUnsafeSlow(room);
    this.held.copy(grown, 0, 0, this.size);
    this.held = grown;
    this.all.total += more;
    return true;
  }

  private release(): void {
    this.all.total -= this.held.length;
    this.held = NONE;
    this.size = 0;
    this.tried = 0;
  }
}

const NOTHING = {};
/** What a connection keeps for small messages between reads. */
const LEAST = 65_536;

const endsLine = (buf: Uint8Array, size: number): boolean => {
  if (size < 3 || buf[size - 1] !== LF) return false;
  return buf[size - 2] === CLOSE || (buf[size - 2] === CR && buf[size - 3] === CLOSE);
};
