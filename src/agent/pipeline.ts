import { encodeAgentHead, type AgentHead, type AgentPacking } from '../model/agent-batch.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { BatchBuilder, type ClosedBatch } from './batch-builder.ts';
import type { BufferedBatch, DiskBuffer } from './disk-buffer.ts';
import type { EventFields, Input, Piece, SourceInfo } from './input.ts';
import type { Ledger } from './ledger.ts';
import type { Processing } from './processing.ts';
import type { Redact } from './redaction.ts';
import type { SourceState } from './source-state.ts';
import { packEvents } from './split.ts';

/**
 * The way of an event through the agent, top-down; the only place where the order is written:
 *
 *   input ─► [ select ─► sample ─► limit ─► redact ] ─► number and batch ─► pack
 *         ─► disk buffer (fsync) ⇒ acknowledge to the input ─► deliver ⇒ a server has it
 *
 * An input's next piece waits while two batches are on their way to the disk: that is all of the
 * backpressure, and reaches the reader of a file or the sender on a socket.
 */
export interface PipelineOptions {
  readonly ledger: Ledger;
  readonly buffer: DiskBuffer;
  readonly clock: Clock;
  readonly log: Log;
  readonly redact: Redact;
  readonly host: string;
  readonly version: string;
  readonly batchBytes: number;
  /** How long an event waits for others to go with it, ms. */
  readonly batchWaitMs: number;
  readonly packing: AgentPacking;
  /** Bytes that inputs know to be unread. */
  unreadBytes(): number;
  /** A batch is durable in the buffer. */
  buffered(batch: BufferedBatch): void;
}

/** One input, with what is done to its events. Both may be replaced while it runs. */
export interface Feed {
  readonly input: Input;
  readonly processing: Processing;
  /** What the operator says about all its events. */
  readonly fields: EventFields;
}

/** Batches on their way to the disk at a time. */
const UNDER_WAY = 2;

export class Pipeline {
  events = 0;
  readBytes = 0;
  /** Events of batches that became durable here. */
  bufferedEvents = 0;
  private readonly options: PipelineOptions;
  private readonly builder: BatchBuilder;
  private readonly feeds = new Map<string, Feed>();
  private readonly fields = new WeakMap<SourceInfo, { of: Feed; fields: EventFields }>();
  private readonly ended = new AbortController();
  private timer: Timer | undefined;
  private storing: Promise<void> = Promise.resolve();
  private underWay = 0;
  private readonly waiters: (() => void)[] = [];
  private broken: Error | undefined;

  constructor(options: PipelineOptions) {
    this.options = options;
    this.builder = new BatchBuilder(options.batchBytes);
  }

  /** Events of the input of that name are taken as `feed` says, from now on. */
  connect(name: string, feed: Feed): void {
    this.feeds.set(name, feed);
  }

  disconnect(name: string): void {
    this.feeds.delete(name);
  }

  /** Takes one piece; resolves when the input may give the next. */
  async take(name: string, piece: Piece): Promise<void> {
    if (this.broken !== undefined) throw this.broken;
    const feed = this.feeds.get(name);
    if (feed === undefined) throw new Error(`the input ${name} was taken away`);
    const state = this.options.ledger.of(piece.source.id, name);
    const fields = this.fieldsOf(feed, piece.source);
    this.events += piece.count;
    this.readBytes += piece.rawBytes;
    // select, sample, limit
    const chosen = feed.processing.choose(state, piece, fields);
    // redact: before anything touches the disk
    const clean = this.options.redact(piece);
    // number and batch
    this.add(feed, state, clean, fields, chosen);
    // pack, buffer, deliver
    if (this.builder.isFull) this.close();
    while (this.underWay >= UNDER_WAY) {
      await new Promise<void>((resolve) => this.waiters.push(resolve));
    }
  }

  /** Resolves when everything that was taken is durable, or `abandon` was called. */
  async flush(): Promise<void> {
    this.close();
    await this.storing;
  }

  /** Gives up what has no room in the buffer; it was not acknowledged, and will be read again. */
  abandon(): void {
    this.ended.abort();
  }

  private add(
    feed: Feed,
    state: SourceState,
    piece: Piece,
    fields: EventFields,
    chosen: readonly number[] | undefined,
  ): void {
    if ((piece.lostBytes ?? 0) > 0) {
      // The number that is left out stands for what is lost: the server sees a gap.
      state.next += 1;
      state.lostBytes += piece.lostBytes ?? 0;
    }
    const count = chosen?.length ?? piece.count;
    if (count === 0 && state.underWay === 0 && (piece.lostBytes ?? 0) === 0) {
      // Nothing of the source is on its way that this position could overtake.
      state.position = piece.position;
      feed.input.acknowledge(state.id, piece.position);
      return;
    }
    if (this.builder.changes(state, piece)) this.close();
    this.builder.add(state, piece, fields, chosen);
    this.timer ??= this.options.clock.setTimer(this.options.batchWaitMs, () => this.close());
  }

  /** The source's own fields over the operator's; the same object for the same source. */
  private fieldsOf(feed: Feed, source: SourceInfo): EventFields {
    const held = this.fields.get(source);
    if (held?.of === feed) return held.fields;
    const fields = { ...source.fields, ...feed.fields };
    this.fields.set(source, { of: feed, fields });
    return fields;
  }

  /** Closes the open batch and sends it to the disk, after those before it. */
  private close(): void {
    this.timer?.cancel();
    this.timer = undefined;
    if (this.builder.isEmpty) return;
    const batch = this.builder.close();
    this.underWay++;
    this.storing = this.storing
      .then(() => this.store(batch))
      .catch((error: unknown) => {
        this.broken = error instanceof Error ? error : new Error(String(error));
        this.options.log.error('the disk buffer broke; nothing more is read', { error });
      })
      .finally(() => {
        this.underWay--;
        for (const { state } of batch.places) state.underWay--;
        for (const resume of this.waiters.splice(0)) resume();
      });
  }

  private async store(batch: ClosedBatch): Promise<void> {
    if (this.ended.signal.aborted || this.broken !== undefined) return;
    const { buffer } = this.options;
    const packed = packEvents(this.options.packing, batch.events);
    const body = [encodeAgentHead(this.headOf(batch)), packed];
    const places = batch.places.map(({ state, position }) => [state.input, position] as const);
    const signal = this.ended.signal;
    const buffered = await buffer.append(body, places, batch.rawBytes, signal);
    this.builder.recycle(batch.events);
    if (buffered === undefined) return;
    this.bufferedEvents += batch.count;
    for (const [i, { state, position }] of batch.places.entries()) {
      const source = batch.sources[i];
      state.durableNext = source === undefined ? state.durableNext : source.from + source.count;
      state.position = position;
      this.feeds.get(state.input)?.input.acknowledge(state.id, position);
    }
    this.options.buffered(buffered);
  }

  private headOf({ sources, blocks }: ClosedBatch): AgentHead {
    const { ledger, host, version, packing, buffer } = this.options;
    const behindBytes = this.options.unreadBytes() + buffer.pendingBytes;
    return { agent: ledger.agent, host, version, packing, behindBytes, sources, blocks };
  }
}
