import { LIMITS } from '../../model/limits.ts';
import type { EventSink, StreamAnswer, StreamDecoder, StreamSession } from './decode.ts';
import { inflate } from './inflate.ts';
import { sampleOf } from './inflated-body.ts';
import { putJson, putPairs } from './lumberjack-event.ts';
import { FRAME, LumberjackFrames, TYPE } from './lumberjack-frames.ts';
import { StreamBytes, type HeldTotal } from './stream-bytes.ts';

/**
 * Lumberjack v2 (Beats, Logstash, elastic-agent) and v1 (logstash-forwarder, Logstash's lumberjack
 * output) over TCP and TLS.
 *
 *              W n                        event n: ack
 *     IDLE ───────────► WINDOW(n left) ───────────────────► IDLE (v2)
 *      │                  │  ▲    │                          WINDOW again (v1: W holds on)
 *      │ event (v2);      │  └────┘ event: kept; v2: every so many a partial ack
 *      │ anything else    │ W (v2), W 0, a gap in the sequence, no frame
 *      ▼                  ▼
 *     CLOSED ◄────────────┘
 *
 * Compressed frames hold whole frames, themselves compressed too perhaps. Windows may follow one
 * another without waiting; acknowledgements (`version A sequence`) keep their order, and leave when
 * what they acknowledge is durable. An event that is no JSON object is counted and acknowledged:
 * sent again, it would be no better. While a v2 sender waits it hears `2A 0`.
 */
const CLOSE: StreamAnswer = { close: true };
const NOTHING: StreamAnswer = {};
const V2 = 0x32;
const KEEPALIVE = Uint8Array.of(V2, 0x41, 0, 0, 0, 0);
const NO_SEQUENCE = -1;

class LumberjackConnection implements StreamSession {
  private readonly bytes: StreamBytes;
  private readonly frames = new LumberjackFrames();
  private scanning = false;
  private closed = false;
  private sink: EventSink | undefined;
  private replies: Uint8Array[] = [];
  /** Events of the window, and those still to come. */
  private size = 0;
  private left = 0;
  private sequence = NO_SEQUENCE;
  /** The version of the window. */
  private version = V2;
  /** Bytes that the compressed frame under way may still become. */
  private room = 0;

  constructor(all: HeldTotal) {
    this.bytes = new StreamBytes(all);
  }

  feed(received: Uint8Array, sink: EventSink): StreamAnswer {
    if (this.closed) return CLOSE;
    this.sink = sink;
    const { bytes } = this;
    if (!bytes.add(received)) this.fail('held_too_much', bytes.buf, bytes.start);
    else this.readAll();
    this.sink = undefined;
    const { replies } = this;
    const close = this.isClosed();
    if (close) bytes.release();
    if (replies.length === 0) return close ? CLOSE : NOTHING;
    this.replies = [];
    return { reply: Buffer.concat(replies), ...(close && { close }) };
  }

  end(): void {
    // What is left was not acknowledged: its sender has it still.
    this.bytes.release();
  }

  private isClosed(): boolean {
    return this.closed;
  }

  private readAll(): void {
    const { bytes, frames } = this;
    while (bytes.start < bytes.end) {
      const at = bytes.start;
      if (!this.scanning) frames.begin(at);
      this.scanning = true;
      const result = frames.run(bytes.buf, bytes.end);
      if (result === FRAME.short) break;
      if (result !== FRAME.whole) {
        return this.fail(result === FRAME.large ? 'too_large' : 'malformed_message', bytes.buf, at);
      }
      this.scanning = false;
      bytes.start = frames.at;
      this.frame(bytes.buf, at, frames.at, 0);
      if (this.closed) return undefined;
    }
    const moved = bytes.start;
    if (!bytes.keep()) return this.fail('held_too_much', bytes.buf, bytes.start);
    frames.moved(moved);
    return undefined;
  }

  private frame(buf: Buffer, at: number, stop: number, nesting: number): void {
    const version = buf[at] as number;
    switch (buf[at + 1]) {
      case TYPE.window:
        return this.window(version, buf, at);
      case TYPE.compressed:
        return this.compressed(buf, at, stop, nesting);
      default:
        return this.event(version, buf, at, stop);
    }
  }

  private window(version: number, buf: Buffer, at: number): void {
    this.version = version;
    const size = buf.readUInt32BE(at + 2);
    const isCut = this.left > 0 && this.left < this.size;
    if (size === 0 || (isCut && version === V2)) return this.fail('bad_window', buf, at);
    if (isCut) this.acknowledge(version);
    this.size = size;
    this.left = size;
    return undefined;
  }

  private compressed(buf: Buffer, at: number, stop: number, nesting: number): void {
    if (nesting >= LIMITS.lumberjackNesting) return this.fail('malformed_message', buf, at);
    if (nesting === 0) this.room = LIMITS.inflatedBytes;
    const inflated = inflate('deflate', buf.subarray(at + 6, stop));
    if (!inflated.ok) {
      return this.fail(inflated.reason === 'too_large' ? 'too_large' : 'malformed_body', buf, at);
    }
    const { length } = inflated.bytes;
    this.room -= length;
    if (this.room < 0) return this.fail('too_large', buf, at);
    const inner = Buffer.from(inflated.bytes.buffer, inflated.bytes.byteOffset, length);
    const frames = new LumberjackFrames();
    for (let next = 0; next < length && !this.closed; next = frames.at) {
      frames.begin(next);
      const result = frames.run(inner, length);
      if (result === FRAME.large) return this.fail('too_large', inner, next);
      if (result !== FRAME.whole) return this.fail('malformed_message', inner, next);
      this.frame(inner, next, frames.at, nesting + 1);
    }
    return undefined;
  }

  private event(version: number, buf: Buffer, at: number, stop: number): void {
    const sequence = buf.readUInt32BE(at + 2);
    const isFirst = this.left === this.size;
    if (this.left === 0) {
      if (version === V2 || this.size === 0) return this.fail('bad_window', buf, at);
      this.left = this.size;
    } else if (!isFirst && !follows(this.sequence, sequence)) {
      return this.fail('sequence_gap', buf, at);
    }
    this.sequence = sequence;
    const sink = this.sink as EventSink;
    if (buf[at + 1] === TYPE.json) putJson(sink, buf, at + 10, stop);
    else putPairs(sink, buf, at + 10, buf.readUInt32BE(at + 6));
    this.left--;
    const taken = this.size - this.left;
    const isPartial = version === V2 && taken % LIMITS.lumberjackAckEvents === 0;
    if (this.left === 0 || isPartial) this.acknowledge(version);
    return undefined;
  }

  private acknowledge(version: number): void {
    const ack = Buffer.from([version, 0x41, 0, 0, 0, 0]);
    ack.writeUInt32BE(this.sequence, 2);
    this.replies.push(ack);
  }

  private fail(reason: string, buf: Buffer, at: number): void {
    this.sink?.reject(reason, sampleOf(buf, at, buf.length));
    // What the window had is kept: its sender need not send it again.
    if (this.left > 0 && this.left < this.size) this.acknowledge(this.version);
    this.closed = true;
  }
}

/** Numbers count up by one; behind the last comes 0, or 1. */
const follows = (before: number, next: number): boolean =>
  next === before + 1 || (before === 0xffffffff && next <= 1);

export const createLumberjack = (): StreamDecoder => {
  const all: HeldTotal = { bytes: 0 };
  return {
    name: 'lumberjack',
    native: 'lumberjack',
    transports: ['tcp'],
    secret: 'none',
    keepalive: (firstByte) => (firstByte === V2 ? KEEPALIVE : undefined),
    open: () => new LumberjackConnection(all),
  };
};
