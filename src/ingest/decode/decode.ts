import type { LogRecord } from '../../model/record.ts';

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
}

export interface Reply {
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

export interface HttpDecoder {
  /** The receiver's name: the `receiver` column, the `protocol` label of metrics. */
  readonly name: string;
  /**
   * Paths served: exact, or with `{name}` segments, or a trailing `*`. `native` is the name of the
   * native port on which the same paths are served too, where there is one.
   */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
  readonly native?: string;
  /** Prefix under which the routes are mounted on the main port ('' or '/elastic'). */
  readonly mount: string;
  decode(request: DecodeRequest, sink: EventSink): Reply;
  refuse(why: Refusal, request: Pick<DecodeRequest, 'headers' | 'path'>): Reply;
}

/**
 * A protocol over a stream or datagrams: one session per connection, or one per datagram socket.
 */
export interface StreamDecoder {
  readonly name: string;
  /** The native port's name (`syslog`). */
  readonly native: string;
  open(peer: StreamPeer): StreamSession;
}

export interface StreamPeer {
  /** Address of the sender, without port. */
  readonly address: string;
  readonly transport: 'tcp' | 'udp';
}

export interface StreamSession {
  /**
   * Takes the next bytes of the stream (or one whole datagram). Keeps an incomplete frame itself,
   * copied and bounded. `reply` bytes are sent after what was committed is durable; `close` ends
   * the connection after that.
   */
  feed(bytes: Uint8Array, sink: EventSink): { reply?: Uint8Array; close?: boolean };
  /** The stream ended: commits what a missing final newline leaves. */
  end(sink: EventSink): void;
}
