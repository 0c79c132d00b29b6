import type { LogRecord } from '../../model/record.ts';
import type { Span } from '../../model/span.ts';

/**
 * The decoders' contract: bytes to events, and the reply that the client expects.
 *
 * Duties of a decoder
 * - Pure: no clock, disk, socket or randomness; the same bytes give the same events and reply.
 * - For each event: `sink.begin()`, set line and envelope on the cursor, `sink.commit()`. Ranges
 *   may point into the request's (inflated) bytes or the cursor's scratch; both stay unchanged
 *   until `commit` returns, which has copied what it keeps.
 * - One bad item never costs the others: `sink.reject(reason, sample)` and go on. Reasons are short
 *   snake_case words (they become metric labels and codes in docs/errors.md).
 * - Never throws on input. Never allocates more than the input's size times a small constant.
 * - The reply is for the case that everything committed becomes durable; it is sent only after
 *   that. `refuse` gives the protocol's own words for what the server decides (busy, too large).
 *
 * A decoder is one file and its fixtures, plus one line in all.ts.
 */

/** One HTTP request, whole. */
export interface DecodeRequest {
  readonly method: string;
  /** Path without query, as routed: mount prefixes such as `/elastic` are already cut off. */
  readonly path: string;
  /** Raw query string without `?`. */
  readonly query: string;
  /** Lower-cased names; repeated headers joined by ', '. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as sent (content-encoding not undone: see inflate.ts). */
  readonly body: Uint8Array;
  /** For a batch of our agent: by source, the number below which all its events are stored. */
  readonly stored?: readonly number[];
  /** What was set up before of what the request names (`HttpDecoder.named`). */
  readonly defined?: readonly Definition[];
}

/** Something that a client sets up by name and looks for later: a template, a policy. */
export interface Definition {
  readonly kind: string;
  readonly name: string;
  /** As it was given; undefined where it is taken away. */
  readonly text: string | undefined;
}

export interface Reply {
  /** What the request sets up, for the server to keep. */
  readonly defines?: Definition;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface EventSink {
  /**
   * When the request or feed was received, whole seconds since 1970 (UTC). Decoders have no clock:
   * this completes stamps that lack a year (RFC 3164), and is the same for all events of one call.
   */
  readonly observedSec: number;
  /** Resets and returns the cursor for the next event. */
  begin(): LogRecord;
  /** Normalizes, redacts and appends the cursor's row. Never throws. */
  commit(): void;
  /** Appends a span; the object may be kept. Never throws. */
  span(span: Span): void;
  /** Counts an item that cannot be kept; `sample` is cut to a bounded length. */
  reject(reason: string, sample: Uint8Array): void;
}

/** Why the server refuses a request before or after decoding. */
export type Refusal =
  /** Journal full or engine behind: the client should retry later (429/503). */
  | 'busy'
  /** Body over the limit, as sent or inflated (413). */
  | 'too_large'
  /** No or wrong credentials (401). */
  | 'unauthorized'
  /** The journal could not write: nothing was stored (500/503). */
  | 'failed';

export interface Lookup {
  readonly kind: string;
  matches(name: string): boolean;
}

export interface HttpDecoder {
  /** The receiver's name: the `receiver` column, the `protocol` label of metrics. */
  readonly name: string;
  /**
   * Paths served: exact, or with `{name}` segments, or a trailing `*`. `native` is the name of the
   * native port on which the same paths are served too, where there is one.
   */
  readonly routes: readonly DecoderRoute[];
  readonly native?: string;
  /** Prefix under which the routes are mounted on the main port ('' or '/elastic'). */
  readonly mount: string;
  /**
   * `none`: the protocol carries no secret, so requests without a key are taken from loopback and
   * from peers whose certificate our client CA signed.
   */
  readonly secret?: 'none';
  /** What a request looks for among all that clients have set up; undefined for nothing. */
  named?(request: Pick<DecodeRequest, 'path'>): Lookup | undefined;
  decode(request: DecodeRequest, sink: EventSink): Reply;
  readonly body?: BodyDecoder;
  refuse(
    why: Refusal,
    request: Pick<DecodeRequest, 'headers' | 'path'> & { readonly query?: string },
  ): Reply;
}

/**
 * Takes bodies as they come, which may be long, slow or without end: their pieces go to one session
 * and become durable while the sender goes on. Senders wait where the journal is full.
 */
export interface BodyDecoder {
  /** Whether the request's body is taken so; else it is read whole and goes to `decode`. */
  takes(headers: Readonly<Record<string, string>>): boolean;
  /** `end` comes after the last byte, also where the body broke off; answers are not sent. */
  open(): StreamSession;
  /** The reply to a body that came whole, by how many records were kept and items refused. */
  reply(kept: number, refused: number): Reply;
}

export interface DecoderRoute {
  readonly method: string;
  readonly path: string;
  /** Served without a key: probes of the protocol's own, which tell nothing. */
  readonly open?: boolean;
}

/**
 * A protocol over a stream or datagrams: one session per connection, or one per datagram socket.
 */
export interface StreamDecoder {
  readonly name: string;
  /** The native port's name (`syslog`), and what is opened there. */
  readonly native: string;
  readonly transports: readonly ('tcp' | 'udp')[];
  /** A second port for TLS alone. Without it the native port takes TLS too, by its first byte. */
  readonly nativeTls?: string;
  /**
   * `none`: the protocol carries no secret; peers must be on loopback or show a certificate that
   * our client CA signed. `own`: sessions check it themselves, so that anyone may connect.
   */
  readonly secret: 'none' | 'own';
  /** The server speaks first: a session is fed no bytes at its start, and may answer them. */
  readonly greets?: boolean;
  /**
   * Bytes that keep a sender waiting while what it sent is not durable yet, by the first byte of
   * its connection; sent every `LIMITS.keepaliveMs` of waiting. Undefined: it waits anyway.
   */
  keepalive?(firstByte: number): Uint8Array | undefined;
  open(peer: StreamPeer): StreamSession;
}

export interface StreamPeer {
  /** Address of the sender, without port. */
  readonly address: string;
  readonly transport: 'tcp' | 'udp';
  /** TLS. */
  readonly encrypted?: boolean;
  /** Common name of a client certificate that our client CA signed, or ''. */
  readonly identity?: string;
  /** 16 random bytes of this connection, for protocols that challenge their sender. */
  readonly nonce?: Uint8Array;
}

export interface StreamSession {
  /**
   * Takes the next bytes of the stream (or one whole datagram). Keeps an incomplete frame itself,
   * copied and bounded. `reply` bytes are sent once everything that was committed in this call and
   * those before it is durable, in the order of the calls (a datagram's goes back to where it came
   * from); `close` ends the connection after that. `identity` says who the sender proved to be.
   */
  feed(bytes: Uint8Array, sink: EventSink): StreamAnswer;
  /** The stream ended: commits what a missing final newline leaves. */
  end(sink: EventSink): void;
}

export interface StreamAnswer {
  readonly reply?: Uint8Array;
  readonly close?: boolean;
  readonly identity?: string;
}

/**
 * A protocol over gRPC: one session per call, unary or client-streaming. Messages come whole and
 * uncompressed; their bytes are the session's to read and nobody's to change.
 */
export interface GrpcDecoder {
  readonly name: string;
  /** The native port's name. */
  readonly native: string;
  readonly secret?: 'none';
  /** `/package.Service/Method`; `stream` where the client streams. The answer is one message. */
  readonly methods: readonly { readonly path: string; readonly stream: boolean }[];
  open(call: GrpcCall): GrpcSession;
}

export interface GrpcCall {
  readonly path: string;
  /** Text metadata, lower-cased names. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly peer: StreamPeer;
}

export interface GrpcSession {
  /**
   * Takes one message. The answer of a unary call is given here; in a stream, one given here ends
   * the call early. It is sent once everything that the call committed is durable.
   */
  message(bytes: Uint8Array, sink: EventSink): GrpcAnswer | undefined;
  /** A stream's client has sent all: its answer. */
  end(sink: EventSink): GrpcAnswer;
}

/** A gRPC status (google.rpc.Code); `message` is the response's bytes where it is OK (0). */
export interface GrpcAnswer {
  readonly status: number;
  readonly text?: string;
  readonly message?: Uint8Array;
}
