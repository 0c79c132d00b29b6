import type { EventSink, StreamDecoder, StreamSession } from './decode.ts';
import { RawLines } from './raw-lines.ts';

/**
 * Lines as they are, over TCP and UDP: Kuma's TCP logger, netcat, whatever writes to a socket. LF
 * or CR LF ends a line, and the end of the connection the last one. A datagram holds one line or
 * more. Blank lines are skipped.
 */
export const createRaw = (): StreamDecoder => {
  const held = { total: 0 };
  return {
    name: 'raw',
    native: 'raw',
    transports: ['tcp', 'udp'],
    secret: 'none',
    open: ({ transport }) => (transport === 'tcp' ? new RawConnection(held) : DATAGRAMS),
  };
};

const NOTHING = {};

const putLine = (
  sink: EventSink,
  buf: Uint8Array,
  start: number,
  end: number,
  cutBytes: number,
): void => {
  const record = sink.begin();
  record.setLine(buf, start, end);
  record.cutBytes = cutBytes;
  sink.commit();
};

class RawConnection implements StreamSession {
  private readonly lines: RawLines;

  constructor(held: { total: number }) {
    this.lines = new RawLines(held, putLine);
  }

  feed(bytes: Uint8Array, sink: EventSink): Record<string, never> {
    this.lines.feed(bytes, sink);
    return NOTHING;
  }

  end(sink: EventSink): void {
    this.lines.end(sink);
  }
}

/** Nothing is kept between datagrams. */
const DATAGRAMS: StreamSession = {
  feed: (bytes, sink) => {
    const lines = new RawLines({ total: 0 }, putLine);
    lines.feed(bytes, sink);
    lines.end(sink);
    return NOTHING;
  },
  end: () => undefined,
};
