import type { Batch } from '../model/batch.ts';
import type { SourceReject } from '../model/source.ts';
import type {
  DecodeRequest,
  GrpcAnswer,
  GrpcCall,
  Reply,
  StreamPeer,
} from '../ingest/decode/decode.ts';
import type { DecoderOptions } from '../ingest/decode/all.ts';
import type { ConfiguredFormat } from './configured-formats.ts';

/** What the main thread and the decoding threads say to each other. */

export interface ThreadOptions {
  readonly decoders: DecoderOptions;
  /** Format by service name, from the configuration; wins over recognition. */
  readonly formats: Readonly<Record<string, ConfiguredFormat>>;
  readonly limits: Readonly<Record<string, number>>;
}

interface JobHead {
  readonly id: number;
  readonly tenant: string;
  /** Sender's address without port; '' when unknown. */
  readonly peer: string;
  readonly observedNs: bigint;
}

/** One HTTP request for the decoder of that name. */
export interface RequestJob extends JobHead {
  readonly type: 'request';
  readonly decoder: string;
  readonly request: DecodeRequest;
}

/** Next bytes of a connection (or one datagram); `last` ends the session. */
export interface StreamJob extends JobHead {
  readonly type: 'stream';
  readonly decoder: string;
  readonly connection: number;
  readonly from: StreamPeer;
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

/** A step of a gRPC call. */
export interface CallJob extends JobHead {
  readonly type: 'call';
  readonly decoder: string;
  /** All steps of a stream have the same number, and go to one session. */
  readonly call: number;
  readonly isStream: boolean;
  readonly from: GrpcCall;
  readonly bytes: Uint8Array;
  /** `forget`: the stream was cut off. */
  readonly step: 'message' | 'end' | 'forget';
}

export type Job = RequestJob | StreamJob | CallJob;

/**
 * The tenant's bucket that begins at `fromNs` takes no more layouts: lines of others stay whole.
 */
export interface LayoutsFull {
  readonly type: 'layouts-full';
  readonly tenant: string;
  /** The bucket's first instant, nanoseconds since 1970. */
  readonly fromNs: bigint;
}

/** What a thread is told. */
export type ToThread = Job | LayoutsFull;

export interface Rejects {
  readonly protocol: string;
  readonly reason: string;
  readonly count: number;
  /** First bytes of the first rejected item, bounded; never logged. */
  readonly sample: Uint8Array;
}

/** What a thread counted since its last word, by protocol. */
export interface ThreadCounts {
  readonly rejects: readonly Rejects[];
  /** Lines longer than the limit, cut and marked. */
  readonly linesCut: number;
  /** Other values longer than that, cut and marked. */
  readonly valuesCut: number;
  /** Fields without room in `attributes` or in the record. */
  readonly fieldsOverflowed: number;
  /** Event times replaced by the time of receipt; their text is kept. */
  readonly timesReplaced: number;
  /** Lines that have structure, kept whole or not. */
  readonly linesStructured: number;
  /** Those of them that are kept whole, by reason. */
  readonly linesWhole: Readonly<Record<string, number>>;
}

export interface JobDone {
  readonly id: number;
  /** Rows that this job committed. */
  readonly rows: number;
  /** Index in `batches` of the last one that holds a row of this job; -1 where there is none. */
  readonly lastBatch: number;
  /** Index of the first such batch. */
  readonly firstBatch: number;
  readonly reply?: Reply;
  /** Bytes to write on the connection, after durability. */
  readonly replyBytes?: Uint8Array;
  readonly close?: boolean;
  /** What a gRPC call is answered, after durability. */
  readonly answer?: GrpcAnswer;
  /** Items that the job could not keep, by reason. */
  readonly rejects?: readonly SourceReject[];
  /** Newest event time of its rows, nanoseconds. */
  readonly newestNs?: bigint;
  /** Who the sender of a stream proved to be. */
  readonly identity?: string;
  /** The decoder broke (our fault): the sender is told that nothing can be promised. */
  readonly failure?: string;
}

/** The outcome of one or more jobs that were waiting together. */
export interface ThreadResult {
  readonly batches: readonly Batch[];
  readonly done: readonly JobDone[];
  readonly counts: ThreadCounts;
}
