import { LIMITS } from '../../model/limits.ts';
import type {
  EventSink,
  StreamAnswer,
  StreamDecoder,
  StreamPeer,
  StreamSession,
} from './decode.ts';
import {
  challengeOf,
  encodePong,
  helo,
  identityOf,
  knowsKey,
  pongFor,
  readPing,
  refusal,
  type Challenge,
  type Pong,
} from './forward-handshake.ts';
import { JsonScan, skipBlank, toMsgpack } from './forward-json.ts';
import { readMessage } from './forward-message.ts';
import { MsgpackReader, MsgpackScan, SCAN } from './forward-msgpack.ts';
import { JsonText } from './forward-text.ts';
import { sampleOf } from './inflated-body.ts';
import { StreamBytes, type HeldTotal } from './stream-bytes.ts';

/**
 * Fluentd's forward protocol over TCP and TLS (Forward-Protocol-Specification v1 and v1.5), spoken
 * by Fluentd, Fluent Bit, Docker and the fluent-logger libraries.
 *
 *            open, no key asked for
 *   ────────────────────────────────────────────────────┐
 *   open, key: send HELO                                ▼
 *   ─────────────────────► ASKED ──PING, right──► READY ─┐ message: events, then its ack
 *                            │     send PONG true  │  ▲──┘ nil: nothing
 *                            │                     │
 *      PING, wrong key; or   │                     │ no MessagePack, no message, too large
 *      anything else:        ▼                     ▼
 *      send PONG false ──► CLOSED ◄────────────────┘
 *
 * A sender with a certificate of our client CA may send messages while ASKED. Acknowledgements
 * (`{"ack": chunk}`) are answers to the bytes that hold the message's end, so they leave when its
 * events are durable. Over UDP there are heartbeats alone: one byte is answered.
 */
export interface ForwardOptions {
  readonly secret:
    { readonly kind: 'open' | 'unknown' } | { readonly kind: 'key'; readonly key: string };
  /** Senders must show a user name and the key as password, beside the shared key. */
  readonly userAuth: boolean;
}

const CLOSE: StreamAnswer = { close: true };
const NOTHING: StreamAnswer = {};
const HEARTBEAT: StreamAnswer = { reply: new Uint8Array(1) };
/** A map of one pair, and `ack`. */
const ACK = Buffer.from([0x81, 0xa3, 0x61, 0x63, 0x6b]);
const NIL = 0xc0;

class ForwardConnection implements StreamSession {
  private readonly options: ForwardOptions;
  private readonly bytes: StreamBytes;
  private readonly challenge: Challenge;
  private readonly msgpack = new MsgpackScan();
  private readonly json = new JsonScan();
  /** Undefined until the first byte. */
  private isJson: boolean | undefined;
  private scanning = false;
  private state: 'new' | 'asked' | 'ready' | 'closed' = 'new';
  private readonly isCertified: boolean;
  private replies: Uint8Array[] = [];
  private identity: string | undefined;

  constructor(options: ForwardOptions, all: HeldTotal, peer: StreamPeer) {
    this.options = options;
    this.bytes = new StreamBytes(all);
    this.challenge = challengeOf(Uint8Array.from(peer.nonce ?? []), options.userAuth);
    this.isCertified = (peer.identity ?? '') !== '';
  }

  feed(received: Uint8Array, sink: EventSink): StreamAnswer {
    if (this.state === 'closed') return CLOSE;
    if (this.state === 'new') this.greet();
    const { bytes } = this;
    if (!bytes.add(received)) this.fail('held_too_much', sink);
    else this.readAll(sink);
    return this.answer();
  }

  end(sink: EventSink): void {
    const { bytes } = this;
    if (bytes.end > bytes.start && this.state !== 'closed') {
      sink.reject('cut_off', sampleOf(bytes.buf, bytes.start, bytes.end));
    }
    bytes.release();
  }

  private greet(): void {
    const isOpen = this.options.secret.kind === 'open';
    this.state = isOpen ? 'ready' : 'asked';
    if (!isOpen) this.replies.push(helo(this.challenge));
  }

  private answer(): StreamAnswer {
    const { replies, identity } = this;
    const close = this.state === 'closed';
    if (close) this.bytes.release();
    if (replies.length === 0 && identity === undefined) return close ? CLOSE : NOTHING;
    this.replies = [];
    this.identity = undefined;
    return {
      ...(replies.length > 0 && { reply: Buffer.concat(replies) }),
      ...(close && { close }),
      ...(identity !== undefined && { identity }),
    };
  }

  private readAll(sink: EventSink): void {
    const { bytes } = this;
    while (this.state !== 'closed' && this.readOne(sink));
    if (this.state === 'closed') return;
    const moved = bytes.start;
    if (!bytes.keep()) this.fail('held_too_much', sink);
    else if (moved > 0) {
      this.msgpack.moved(moved);
      this.json.moved(moved);
    }
  }

  /** Reads the next message; false where it is not whole yet. */
  private readOne(sink: EventSink): boolean {
    const { bytes } = this;
    const { buf } = bytes;
    if (!this.scanning) {
      if (this.isJson === true) bytes.start = skipBlank(buf, bytes.start, bytes.end);
      if (bytes.start === bytes.end) return false;
      this.isJson ??= buf[bytes.start] === 0x7b || buf[bytes.start] === 0x5b;
      (this.isJson ? this.json : this.msgpack).begin(bytes.start);
      this.scanning = true;
    }
    const scan = this.isJson === true ? this.json : this.msgpack;
    const isTrusted = this.state === 'ready' || this.isCertified;
    const most = isTrusted ? LIMITS.requestBytes : LIMITS.handshakeBytes;
    const result = scan.run(buf, bytes.end, most);
    if (result === SCAN.short) return false;
    if (result !== SCAN.whole) {
      this.fail(result === SCAN.large ? 'too_large' : 'malformed_message', sink);
      return false;
    }
    this.scanning = false;
    const at = bytes.start;
    bytes.start = scan.at;
    if (this.isJson !== true) this.message(buf, at, sink);
    else {
      const packed = toMsgpack(buf.subarray(at, scan.at));
      if (packed === undefined) this.fail('malformed_message', sink);
      else this.message(packed, 0, sink);
    }
    return true;
  }

  private message(buf: Buffer, at: number, sink: EventSink): void {
    if (this.state === 'asked') {
      const ping = readPing(buf, at);
      if (ping !== undefined || !this.isCertified) return this.check(ping, sink);
    }
    if (buf[at] === NIL) return undefined;
    const { ok, chunk } = readMessage(buf, at, sink);
    if (!ok) return this.fail('malformed_message', sink, sampleOf(buf, at, buf.length));
    if (chunk.length > 0) this.acknowledge(chunk);
    return undefined;
  }

  /** The sender's PING, or what it sent instead. */
  private check(ping: ReturnType<typeof readPing>, sink: EventSink): void {
    const { secret } = this.options;
    if (secret.kind !== 'key') return this.refuse('server: set MESHTRAIL_ADMIN_KEY', sink);
    if (ping === undefined) return this.refuse('shared_key is required', sink);
    const answer = knowsKey(ping, this.challenge, secret.key);
    if (answer === 'wrong key') return this.refuse('shared_key mismatch', sink);
    if (answer === 'wrong password') return this.refuse('username/password mismatch', sink);
    this.state = 'ready';
    this.identity = identityOf(ping, this.challenge);
    return this.pong(pongFor(ping, this.challenge, secret.key));
  }

  private refuse(reason: string, sink: EventSink): void {
    sink.reject('unauthorized', new Uint8Array(0));
    this.pong(refusal(reason));
    this.state = 'closed';
  }

  private pong(pong: Pong): void {
    const isJson = this.isJson === true;
    this.replies.push(isJson ? Buffer.from(JSON.stringify(pong)) : encodePong(pong));
  }

  private acknowledge(chunk: Uint8Array): void {
    if (this.isJson !== true) {
      this.replies.push(ACK, Buffer.from(chunk));
      return;
    }
    const reader = new MsgpackReader(Buffer.from(chunk), 0);
    const text = new JsonText();
    text.ascii('{"ack":');
    reader.next();
    text.value(reader);
    text.ascii('}');
    this.replies.push(text.buf.subarray(text.start, text.used));
  }

  private fail(reason: string, sink: EventSink, sample?: Uint8Array): void {
    const { bytes } = this;
    sink.reject(reason, sample ?? sampleOf(bytes.buf, bytes.start, bytes.end));
    this.state = 'closed';
  }
}

/** Heartbeats of `heartbeat_type udp`: Fluentd answers one byte to whatever comes. */
const DATAGRAMS: StreamSession = { feed: () => HEARTBEAT, end: () => undefined };

export const createForward = (options: ForwardOptions): StreamDecoder => {
  const all: HeldTotal = { bytes: 0 };
  return {
    name: 'forward',
    native: 'forward',
    transports: ['tcp', 'udp'],
    secret: 'own',
    greets: true,
    open: (peer) =>
      peer.transport === 'udp' ? DATAGRAMS : new ForwardConnection(options, all, peer),
  };
};
