import { copyOf } from '../../model/bytes.ts';
import type {
  EventSink,
  StreamAnswer,
  StreamDecoder,
  StreamPeer,
  StreamSession,
} from './decode.ts';
import { InflateStream } from './inflate-stream.ts';
import { isZlibHead, SyslogFrames, type HeldBytes } from './syslog-frames.ts';
import { putFramed } from './syslog-packed.ts';

/**
 * Syslog over TCP and TLS (RFC 6587, 5425) and UDP (RFC 5426): RFC 5424 and RFC 3164. The protocol
 * has no answers; a connection is never closed for what it sends, but where what began as a zlib
 * stream (rsyslog's `compression.mode="stream:always"`) is none.
 */
class SyslogConnection implements StreamSession {
  private readonly frames: SyslogFrames;
  private sink: EventSink | undefined;
  /** Undefined until the first bytes tell whether the stream is compressed; `false`: it is not. */
  private inflating: InflateStream | false | undefined;
  /** The first byte, while the second is needed to tell. */
  private first = NO_BYTES;
  private readonly onFrame = (
    buf: Uint8Array,
    start: number,
    end: number,
    cutBytes: number,
  ): void => {
    if (this.sink !== undefined) putFramed(this.sink, buf, start, end, cutBytes);
  };
  private readonly onInflated = (bytes: Uint8Array): void => this.frames.feed(bytes, this.onFrame);

  constructor(all: HeldBytes) {
    this.frames = new SyslogFrames(all);
  }

  feed(received: Uint8Array, sink: EventSink): StreamAnswer {
    this.sink = sink;
    const bytes = this.inflating === undefined ? this.begin(received) : received;
    if (this.inflating === false) this.frames.feed(bytes, this.onFrame);
    else if (this.inflating?.push(bytes, this.onInflated) === false) {
      sink.reject('malformed_body', bytes.subarray(0, 256));
      return CLOSE;
    }
    return NOTHING;
  }

  end(sink: EventSink): void {
    this.sink = sink;
    if (this.first.length > 0) this.frames.feed(this.first, this.onFrame);
    this.frames.end(this.onFrame);
  }

  /** Looks at the first two bytes; gives what is to be read. */
  private begin(received: Uint8Array): Uint8Array {
    const bytes = this.first.length > 0 ? Buffer.concat([this.first, received]) : received;
    const [byte, flags] = bytes;
    this.first = NO_BYTES;
    if (byte !== undefined && byte !== ZLIB) this.inflating = false;
    else if (flags !== undefined) this.inflating = isZlibHead(flags) && new InflateStream();
    else this.first = copyOf(bytes, 0, bytes.length);
    return bytes;
  }
}

const NO_BYTES = new Uint8Array(0);
const CLOSE: StreamAnswer = { close: true };
const ZLIB = 0x78;

/** A datagram is a message; the newline or NUL that some senders append is not part of it. */
class SyslogDatagrams implements StreamSession {
  feed(bytes: Uint8Array, sink: EventSink): Record<string, never> {
    let end = bytes.length;
    const isPacked = bytes[0] === 0x7a && bytes[1] === ZLIB;
    if (end > 0 && bytes[end - 1] === 0) end--;
    if (end > 0 && bytes[end - 1] === 0x0a) end--;
    if (end > 0 && end < bytes.length && bytes[end - 1] === 0x0d) end--;
    if (end > 0) putFramed(sink, bytes, 0, isPacked ? bytes.length : end, 0);
    return NOTHING;
  }

  end(): void {
    // Nothing is kept between datagrams.
  }
}

const NOTHING: Record<string, never> = {};

export const createSyslog = (): StreamDecoder => {
  const all: HeldBytes = { total: 0 };
  return {
    name: 'syslog',
    native: 'syslog',
    nativeTls: 'syslog-tls',
    transports: ['tcp', 'udp'],
    secret: 'none',
    open: (peer: StreamPeer) =>
      peer.transport === 'udp' ? new SyslogDatagrams() : new SyslogConnection(all),
  };
};
