import type { ServerHttp2Stream } from 'node:http2';
import {
  Metadata,
  type ServerInterceptingCallInterface,
  type ServerListener,
  type status as Status,
} from '@grpc/grpc-js';
import { LIMITS } from '../../model/limits.ts';
import { systemClock, type Timer } from '../../platform/clock.ts';
import type { Budget } from './budget.ts';

/** Who calls. */
export interface CallPeer {
  /** Address without port. */
  readonly address: string;
  readonly transport: 'tcp';
  readonly encrypted: boolean;
  /** Common name of a certificate that our client CA signed, or ''. */
  readonly identity: string;
}

export interface ReceivedCall {
  /** A number of its own: all messages of a call belong together. */
  readonly id: number;
  readonly path: string;
  readonly isStream: boolean;
  /** Text metadata, lower-cased names; repeated ones joined by ', '. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly peer: CallPeer;
}

/** How a call ends: google.rpc.Code, and the response's bytes where that is OK (0). */
export interface CallAnswer {
  readonly status: number;
  readonly text?: string;
  readonly message?: Uint8Array;
  /** google.rpc.Status, for `grpc-status-details-bin`. */
  readonly details?: Uint8Array;
}

/** What a gRPC listener gives its calls to. Its functions never throw and never reject. */
export interface GrpcFace {
  readonly methods: readonly { readonly path: string; readonly stream: boolean }[];
  /** Looks at a call before its messages are read: an answer ends it there. */
  admit(call: ReceivedCall): CallAnswer | undefined;
  /**
   * Handles a message; resolves when it is durable. An answer ends the call: a unary call has one
   * here, a stream only where it cannot go on.
   */
  message(call: ReceivedCall, bytes: Uint8Array): Promise<CallAnswer | undefined>;
  /** A stream's client has sent all, and all of it is durable: its answer. */
  end(call: ReceivedCall): Promise<CallAnswer>;
  /** A stream ended without an answer of the face's: what is kept of it can be forgotten. */
  abandoned(call: ReceivedCall): void;
  /** A message was refused below: too large, or compressed in a way that cannot be undone. */
  unreadable(call: ReceivedCall): void;
  /** What the listener itself refuses. */
  refuse(call: ReceivedCall, why: 'busy' | 'too_slow' | 'stopping'): CallAnswer;
}

let calls = 0;

/** What a message takes besides its bytes, so that empty ones are bounded too. */
const MESSAGE_BYTES = 512;

const metadataOf = (metadata: Metadata): Record<string, string> => {
  const found: Record<string, string> = {};
  for (const name of Object.keys(metadata.getMap())) {
    const texts = metadata.get(name).filter((value) => typeof value === 'string');
    if (texts.length > 0) found[name] = texts.join(', ');
  }
  return found;
};

/**
 * One call on its way:
 *
 *     metadata -> admit -- refused ----------------------------> status
 *                   | taken
 *                   v
 *       +--> read one message --> face.message (durable) --+--> answer -> message, status
 *       |          | (next is read at once while fewer     |
 *       |          |  than streamWindowBytes wait and the  |
 *       +----------+  shared budget has room)              |
 *                  | half closed                           |
 *                  v                                       |
 *          all messages durable -> face.end ---------------+
 *
 * Cancelled by the client, cut off, or out of time: nothing more is read; what was read is stored.
 * Bytes of an unfinished message count against the shared budget as they arrive.
 */
export class GrpcReceivedCall {
  /** Resolves when the call has ended and all that was read of it is settled. */
  readonly settled: Promise<void>;
  readonly listener: ServerListener;
  private readonly call: ServerInterceptingCallInterface;
  private readonly stream: ServerHttp2Stream;
  private readonly face: GrpcFace;
  private readonly budget: Budget;
  private received: ReceivedCall;
  /** Bytes on the wire of a message that is not whole. */
  private held = 0;
  /** Bytes of whole messages that are not durable. */
  private waiting = 0;
  private messages = 0;
  private last: Promise<void> = Promise.resolve();
  private slow: Timer | undefined;
  private isReading = false;
  private isWanted = false;
  private isAsking = false;
  private isOver = false;
  private settle: () => void = () => undefined;

  constructor(
    call: ServerInterceptingCallInterface,
    stream: ServerHttp2Stream,
    face: GrpcFace,
    budget: Budget,
    head: Pick<ReceivedCall, 'path' | 'isStream' | 'peer'>,
  ) {
    this.call = call;
    this.stream = stream;
    this.face = face;
    this.budget = budget;
    this.received = { id: ++calls, metadata: {}, ...head };
    this.settled = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.listener = {
      onReceiveMetadata: (metadata) => this.begin(metadata),
      onReceiveMessage: (message: Buffer) => this.take(message),
      onReceiveHalfClose: () => this.halfClosed(),
      onCancel: () => this.cancelled(),
    };
  }

  /** The server stops: a stream is ended as soon as what was read is durable. */
  stop(): void {
    if (!this.received.isStream || this.isOver) return;
    this.isReading = false;
    void this.last.then(() => this.answer(this.face.refuse(this.received, 'stopping')));
  }

  private begin(metadata: Metadata): void {
    this.received = { ...this.received, metadata: metadataOf(metadata) };
    const refused = this.face.admit(this.received);
    if (refused !== undefined) {
      this.answer(refused);
      return;
    }
    // Beside grpc-js's own listener: its frames are collected there, and counted here.
    this.stream.on('data', (frame: Buffer) => this.arrived(frame.length));
    this.isReading = true;
    this.call.startRead();
  }

  private arrived(size: number): void {
    if (this.isOver) return;
    if (this.budget.take(size)) this.held += size;
    else return this.answer(this.face.refuse(this.received, 'busy'));
    this.slow ??= systemClock.setTimer(LIMITS.requestMs, () => {
      this.answer(this.face.refuse(this.received, 'too_slow'));
    });
  }

  /** A whole message: from now on its own size counts, which compression may have made larger. */
  private take(message: Buffer): void {
    this.whole();
    if (this.isOver) return;
    if (++this.messages > 1 && !this.received.isStream) {
      return this.answer({ status: 3, text: 'a second message in a unary call' });
    }
    const size = message.length + MESSAGE_BYTES;
    this.waiting += size;
    this.budget.force(size);
    const before = this.last;
    this.last = this.hand(message, size, before);
    if (this.received.isStream) this.readOn();
    // A unary call's client half-closes behind its message.
    else this.call.startRead();
  }

  private async hand(message: Buffer, size: number, before: Promise<void>): Promise<void> {
    const answer = await this.face.message(this.received, message);
    await before;
    this.waiting -= size;
    this.budget.give(size);
    if (answer !== undefined) this.answer(answer);
    else if (this.received.isStream) this.readOn();
  }

  /** Asks for the next messages until too much waits or none is there yet. */
  private readOn(): void {
    this.isWanted = true;
    // One that is there already comes within `startRead`, and asks for the next: in turns, or
    // thousands of small ones would overflow the stack.
    if (this.isAsking) return;
    this.isAsking = true;
    while (this.mayWant()) {
      this.isWanted = false;
      this.call.startRead();
    }
    this.isAsking = false;
  }

  private mayWant(): boolean {
    if (!this.isWanted || this.isOver || !this.isReading) return false;
    if (this.waiting >= LIMITS.streamWindowBytes) return false;
    if (!this.budget.full) return true;
    this.budget.whenRoom(() => this.readOn());
    return false;
  }

  private halfClosed(): void {
    this.isReading = false;
    if (this.isOver) return;
    // A stream that was cut off ends too.
    if (this.stream.aborted) return this.over();
    if (!this.received.isStream) {
      if (this.messages === 0) this.answer({ status: 3, text: 'a call without a message' });
      return;
    }
    void this.last
      .then(() => (this.isOver ? undefined : this.face.end(this.received)))
      .then((answer) => answer !== undefined && this.answer(answer, true));
  }

  private answer(answer: CallAnswer, isEnd = false): void {
    if (this.isOver) return;
    const { status, text = '', message, details } = answer;
    const metadata = new Metadata();
    if (details !== undefined) metadata.set('grpc-status-details-bin', Buffer.from(details));
    // Both count in google.rpc.Code.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
    const code: Status = status;
    const end = (): void => this.call.sendStatus({ code, details: text, metadata });
    this.over(isEnd);
    if (status !== 0) end();
    else this.call.sendMessage(bufferOf(message ?? new Uint8Array(0)), end);
  }

  /** By the client, its deadline, or a status of grpc-js's own. */
  private cancelled(): void {
    const isLate = Number(this.call.getDeadline()) <= systemClock.nowMs();
    const isCutOff = this.stream.aborted || this.stream.destroyed;
    if (!this.isOver && !isCutOff && !isLate) this.face.unreadable(this.received);
    this.over();
  }

  /** Nothing more is read or answered. */
  private over(isEnd = false): void {
    if (this.isOver) return;
    this.isOver = true;
    this.isReading = false;
    this.whole();
    void this.last.then(() => {
      if (this.received.isStream && !isEnd) this.face.abandoned(this.received);
      this.settle();
    });
  }

  private whole(): void {
    this.slow?.cancel();
    this.slow = undefined;
    this.budget.give(this.held);
    this.held = 0;
  }
}

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
