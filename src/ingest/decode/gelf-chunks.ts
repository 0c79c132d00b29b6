import { copyOf } from '../../model/bytes.ts';
import { LIMITS } from '../../model/limits.ts';
import type { EventSink } from './decode.ts';
import { sampleOf } from './inflated-body.ts';

/**
 * Puts chunked datagrams together (GELF, "Chunking"):
 *
 *   1e 0f ── id (8) ── sequence number (1) ── sequence count (1, at most 128) ── part
 *
 *   datagram ──not 1e 0f──────────────────────────────────────────► message
 *      │ first chunk of an id: WAITING(id, count)
 *      │ last missing chunk: ─────────────────────────────────────► message, id forgotten
 *      └ 5 s after the first chunk, or no room: the oldest is given up, and counted
 *
 * A chunk that came twice counts once; one of another count than its message's is refused.
 */
interface Waiting {
  readonly parts: (Uint8Array | undefined)[];
  readonly sinceSec: number;
  missing: number;
  size: number;
}

const HEAD = 12;
const MOST = 128;
const EMPTY = new Uint8Array(0);

export class GelfChunks {
  /** By id, the oldest first. */
  private readonly waiting = new Map<bigint, Waiting>();
  private held = 0;

  /** @returns a whole message as it was sent; undefined while chunks are missing */
  take(datagram: Uint8Array, sink: EventSink): Uint8Array | undefined {
    this.expire(sink);
    if (datagram.length === 0) return undefined;
    if (datagram[0] !== 0x1e || datagram[1] !== 0x0f) return datagram;
    const number = datagram[10] ?? 0;
    const count = datagram[11] ?? 0;
    if (datagram.length < HEAD || count === 0 || count > MOST || number >= count) {
      return this.refuse(datagram, sink);
    }
    const part = datagram.subarray(HEAD);
    if (count === 1) return part;
    const id = new DataView(datagram.buffer, datagram.byteOffset, HEAD).getBigUint64(2);
    const message = this.waiting.get(id) ?? this.begin(id, count, sink);
    if (message.parts.length !== count) return this.refuse(datagram, sink);
    if (message.parts[number] !== undefined) return undefined;
    if (message.missing === 1) {
      message.parts[number] = part;
      this.forget(id, message);
      return Buffer.concat(message.parts as Uint8Array[]);
    }
    message.parts[number] = copyOf(part, 0, part.length);
    message.missing--;
    message.size += part.length;
    this.held += part.length;
    while (this.held > LIMITS.gelfHeldBytes) this.giveUpOldest(sink);
    return undefined;
  }

  /** The socket closes: what still waits never comes. */
  end(sink: EventSink): void {
    while (this.waiting.size > 0) this.giveUpOldest(sink);
  }

  private begin(id: bigint, count: number, sink: EventSink): Waiting {
    if (this.waiting.size >= LIMITS.gelfChunkedMessages) this.giveUpOldest(sink);
    const parts = new Array<Uint8Array | undefined>(count).fill(undefined);
    const message = { parts, sinceSec: sink.observedSec, missing: count, size: 0 };
    this.waiting.set(id, message);
    return message;
  }

  private expire(sink: EventSink): void {
    for (const { sinceSec } of this.waiting.values()) {
      const age = sink.observedSec - sinceSec;
      // Whole seconds: a message lives for five at least.
      if (age >= 0 && age <= LIMITS.gelfChunkS) return;
      this.giveUpOldest(sink);
    }
  }

  private giveUpOldest(sink: EventSink): void {
    for (const [id, message] of this.waiting) {
      const first = message.parts.find((part) => part !== undefined) ?? EMPTY;
      sink.reject('chunks_missing', sampleOf(first, 0, first.length));
      this.forget(id, message);
      return;
    }
  }

  private forget(id: bigint, message: Waiting): void {
    this.waiting.delete(id);
    this.held -= message.size;
  }

  private refuse(datagram: Uint8Array, sink: EventSink): undefined {
    sink.reject('bad_chunk', sampleOf(datagram, 0, datagram.length));
    return undefined;
  }
}
