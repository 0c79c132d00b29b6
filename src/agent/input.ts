import type { Clock } from '../platform/clock.ts';
import type { Disk } from '../platform/disk.ts';
import type { Environment } from '../platform/environment.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { Sockets } from '../platform/sockets.ts';

/**
 * The contract between what reads (src/agent/read/) and what processes and delivers (src/agent/).
 *
 *   openInput ──► acknowledge(...)* ──► run(emit) ──► stop() ──► acknowledge(...)* ──► close()
 *                 (what the buffer      pieces         no piece    what was under     last
 *                  already holds)                      after it    way                checkpoints
 *
 * - A *source* is one file, one journal, one peer of a socket ...; its id stays the same through
 *   restarts, renames and configuration changes. An input has one or many.
 * - A *piece* is whole events of one source. `emit` is called with one piece at a time for a
 *   source, in the source's order; for different sources of an input calls may overlap
 *   (`LIMITS.agentReaders` at most).
 * - `emit` resolves when the next piece of that source may come: that is all of the backpressure.
 *   The piece's arrays are the input's own and are overwritten afterwards: who needs them longer
 *   copies them. A rejection ends the input (`run` rejects with it).
 * - `acknowledge(source, position)`: every event of the source up to and with the piece of that
 *   position is durable somewhere else, in the agent's disk buffer or at the server. In the order
 *   of the pieces; positions may be left out (a later one covers them). Inputs write checkpoints
 *   only for what was acknowledged, and answer relayed requests (OTLP) only then.
 * - Nothing doubles if the buffer keeps (source id, position) with each piece, in the same write as
 *   its events, and hands the last position of each source to `acknowledge` before `run`: that
 *   beats an older checkpoint. A source's id is durable before its first piece is emitted. Without
 *   that, what was emitted and not acknowledged comes again after a kill, cut into pieces anew.
 */
export interface Input {
  /** Resolves after `stop`; rejects where the input cannot go on at all, in words for a person. */
  run(emit: Emit): Promise<void>;
  /** Resolves when no further piece will be emitted; pieces under way are waited for. */
  stop(): Promise<void>;
  /** Makes the last checkpoints durable and lets go of files, sockets and children. */
  close(): Promise<void>;
  acknowledge(source: string, position: Position): void;
  status(): InputStatus;
}

export type Emit = (piece: Piece) => Promise<void>;

/** Where a source stands after a piece: printable ASCII, at most 1 KiB, opaque. */
export type Position = string;

export interface Piece {
  /** The same object for all pieces of a source until something in it changes. */
  readonly source: SourceInfo;
  readonly content: PieceContent;
  /** Holds the events and maybe more. Unchanged until `emit` resolves. */
  readonly bytes: Uint8Array;
  /** Events; the arrays below may be longer. 0 is possible: a position alone, to acknowledge. */
  readonly count: number;
  /**
   * Event i is `bytes[starts[i] .. ends[i])`, without the newline that ended it and without a CR
   * before that; a joined stack trace holds newlines. Never empty, and not always ascending.
   */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** Event times, where what is around the line gives them (CRI, Docker, journald). */
  readonly times?: EventTimes | undefined;
  /** Per event 1 stdout, 2 stderr, 0 unknown: containers. */
  readonly stdio?: Uint8Array | undefined;
  /** Per event more fields, named as in `SourceInfo.fields`: journald. Few events a piece then. */
  readonly eventFields?: readonly EventFields[] | undefined;
  /** Events that were cut at `LIMITS.lineBytes`, by number, ascending; usually absent. */
  readonly cut?: readonly number[] | undefined;
  /** Bytes of the source that this piece covers, as read (before unwrapping, after gunzip). */
  readonly rawBytes: number;
  /**
   * Bytes of the source that were lost before this piece's first event (truncated or deleted before
   * they were read); absent: none. The number of the event that stands for them is left out, so
   * that the server reports a gap. A piece of 0 events may tell of it too.
   */
  readonly lostBytes?: number | undefined;
  /** When it was read, ns since 1970 (`Clock.observedNs`). */
  readonly readNs: bigint;
  readonly position: Position;
}

/**
 * - `line`: UTF-8 text that the source wrote; may be invalid UTF-8 where the source is.
 * - `syslog`: one syslog message (RFC 5424 or 3164) without its framing: decode/syslog-message.ts.
 * - `otlp`: one event, the body of an OTLP/HTTP request as sent; `SourceInfo.request` tells how to
 *   read it. Acknowledging it answers the sender.
 */
export type PieceContent = 'line' | 'syslog' | 'otlp';

/** Whole seconds and nanoseconds since 1970, UTC; `seconds[i]` is -1 where event i has no time. */
export interface EventTimes {
  readonly seconds: Float64Array;
  readonly nanos: Uint32Array;
}

export type EventFields = Readonly<Record<string, string>>;

export type SourceKind = 'file' | 'container' | 'journald' | 'syslog' | 'otlp' | 'stdin' | 'exec';

export interface SourceInfo {
  /** Unique in the agent, stable through restarts; printable ASCII, at most 128 bytes. */
  readonly id: string;
  /** The input's name in the configuration. */
  readonly input: string;
  readonly kind: SourceKind;
  /** The file's path as last seen; the peer's address; the command's words. For people. */
  readonly path: string;
  /**
   * Names of record columns (`namespace`, `pod`, `container`, `workload`, `node`, `service` ...:
   * src/model/columns.ts) where there is one, else of metadata (`log.file.path`, `k8s.pod.uid`,
   * `k8s.pod.label.app`, `container.id`, `syslog.peer` ...). What the operator configured for the
   * input is not in it: the processing adds that.
   */
  readonly fields: EventFields;
  /** The line's format, where the operator or an annotation says it (`json`, `plain` ...). */
  readonly format?: string | undefined;
  /** How to read an `otlp` body. */
  readonly request?: RelayedRequest | undefined;
}

export interface RelayedRequest {
  /** `/v1/logs` or `/v1/traces`. */
  readonly path: string;
  readonly contentType: string;
  /** '', `gzip`, `deflate` or `zstd`. */
  readonly contentEncoding: string;
}

/** For /metrics and `--inspect`; counted since the input was opened. */
export interface InputStatus {
  readonly input: string;
  readonly kind: SourceKind;
  /** Sources known now, and of those the files, sockets or children that are open. */
  readonly sources: number;
  readonly open: number;
  readonly readBytes: number;
  readonly events: number;
  /** Bytes that exist and were not read yet, as last seen. */
  readonly lagBytes: number;
  /** Events lost or cut, by reason (docs/errors.md): `line_cut`, `file_truncated` ... */
  readonly drops: Readonly<Record<string, number>>;
  /** Troubles that lost nothing, by reason: `file_unreadable`, `kubernetes_unreachable` ... */
  readonly troubles: Readonly<Record<string, number>>;
  /** The sources that are behind the most, at most 100. */
  readonly behind: readonly { source: string; path: string; lagBytes: number }[];
}

/** What an input may touch. */
export interface InputDoors {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly sockets: Sockets;
  readonly random: Random;
  readonly environment: Environment;
  readonly log: Log;
  /** The agent's own directory; inputs keep `checkpoints-NAME` there. */
  readonly stateDirectory: string;
}
