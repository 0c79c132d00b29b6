import type { EventSink, StreamDecoder, StreamPeer, StreamSession } from './decode.ts';
import { SyslogFrames, type HeldBytes } from './syslog-frames.ts';
import { putMessage } from './syslog-message.ts';

/**
 * Syslog over TCP and TLS (RFC 6587, 5425) and UDP (RFC 5426): RFC 5424 and RFC 3164. The protocol
 * has no answers; a connection is never closed for what it sends.
 */
class SyslogConnection implements StreamSession {
  private readonly frames: SyslogFrames;
  private sink: EventSink | undefined;
  private readonly onFrame = (
    buf: Uint8Array,
    start: number,
    end: number,
    cutBytes: number,
  ): void => {
    if (this.sink !== undefined) putMessage(this.sink, buf, start, end, cutBytes);
  };

  constructor(all: HeldBytes) {
    this.frames = new SyslogFrames(all);
  }

  feed(bytes: Uint8Array, sink: EventSink): Record<string, never> {
    this.sink = sink;
    this.frames.feed(bytes, this.onFrame);
    return NOTHING;
  }

  end(sink: EventSink): void {
    this.sink = sink;
    this.frames.end(this.onFrame);
  }
}

/** A datagram is a message; the newline or NUL that some senders append is not part of it. */
class SyslogDatagrams implements StreamSession {
  feed(bytes: Uint8Array, sink: EventSink): Record<string, never> {
    let end = bytes.length;
    if (end > 0 && bytes[end - 1] === 0) end--;
    if (end > 0 && bytes[end - 1] === 0x0a) end--;
    if (end > 0 && end < bytes.length && bytes[end - 1] === 0x0d) end--;
    if (end > 0) putMessage(sink, bytes, 0, end, 0);
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
