import {
  AGENT_FLAG,
  AGENT_NO_TIME,
  AGENT_WITH,
  type AgentHead,
  type AgentSource,
} from '../model/agent-batch.ts';
import { LIMITS } from '../model/limits.ts';
import type { EventFields, Piece, Position } from './input.ts';
import type { SourceState } from './source-state.ts';

/** A batch that was closed: what the wire says of it, and where its sources stand behind it. */
export interface ClosedBatch {
  readonly sources: readonly AgentSource[];
  readonly blocks: AgentHead['blocks'];
  /** The events, not packed; the builder's own until `recycle`. */
  readonly events: Buffer;
  readonly places: readonly { readonly state: SourceState; readonly position: Position }[];
  readonly count: number;
  readonly rawBytes: number;
}

interface Part {
  readonly state: SourceState;
  readonly piece: Piece;
  readonly fields: EventFields;
  readonly with: number;
  readonly from: number;
  count: number;
  readNs: bigint;
  position: Position;
}

/** Room that an event may need beside its bytes: length, time, flags, number of fields. */
const EVENT_BYTES = 5 + 8 + 1 + 5;

/**
 * Collects events of all sources into one batch. Bytes are copied once, into a buffer that is used
 * again: nothing is made per event.
 */
export class BatchBuilder {
  count = 0;
  private readonly parts = new Map<SourceState, Part>();
  private blocks: [number, number, number][] = [];
  private indexes = new Map<SourceState, number>();
  private buffer: Buffer;
  private used = 0;
  private rawBytes = 0;
  private headBytes = 0;
  private readonly spare: Buffer[] = [];
  private readonly sizeBytes: number;

  /** @param sizeBytes content after which a batch should be closed */
  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    this.buffer = this.newBuffer();
  }

  get isEmpty(): boolean {
    return this.parts.size === 0;
  }

  get isFull(): boolean {
    return (
      this.used >= this.sizeBytes ||
      this.parts.size >= LIMITS.agentSources ||
      this.headBytes >= LIMITS.agentHeadBytes / 4
    );
  }

  /** True where what is known of the source changed within the batch: it must be closed first. */
  changes(state: SourceState, piece: Piece): boolean {
    const part = this.parts.get(state);
    if (part === undefined) return false;
    return (
      part.piece.source !== piece.source ||
      part.piece.content !== piece.content ||
      part.with !== withOf(piece) ||
      part.from + part.count !== state.next
    );
  }

  /**
   * Adds the events of a piece, those of `chosen` only where it is given: their indexes, ascending.
   * Numbers them. The piece's own arrays are free afterwards.
   */
  add(state: SourceState, piece: Piece, fields: EventFields, chosen?: readonly number[]): void {
    let part = this.parts.get(state);
    if (part === undefined) {
      part = newPart(state, piece, fields);
      this.indexes.set(state, this.parts.size);
      this.parts.set(state, part);
      state.underWay++;
      this.headBytes += 300 + 2 * JSON.stringify(fields).length;
    }
    const before = this.used;
    const count = chosen?.length ?? piece.count;
    this.reserve(piece, chosen);
    if (chosen !== undefined) for (const i of chosen) this.write(part.with, piece, i);
    else for (let i = 0; i < count; i++) this.write(part.with, piece, i);
    if (count > 0) this.noteBlock(this.indexes.get(state) as number, count, this.used - before);
    part.count += count;
    part.position = piece.position;
    part.readNs = piece.readNs;
    state.next += count;
    state.lastNs = piece.readNs;
    this.count += count;
    this.rawBytes += piece.rawBytes;
  }

  /** Ends the batch. Its buffer comes back with `recycle`. */
  close(): ClosedBatch {
    const parts = [...this.parts.values()];
    const closed = {
      sources: parts.map(sourceOf),
      blocks: this.blocks,
      events: this.buffer.subarray(0, this.used),
      places: parts.map(({ state, position }) => ({ state, position })),
      count: this.count,
      rawBytes: this.rawBytes,
    };
    this.parts.clear();
    this.indexes = new Map();
    this.blocks = [];
    this.buffer = this.spare.pop() ?? this.newBuffer();
    this.used = 0;
    this.count = 0;
    this.rawBytes = 0;
    this.headBytes = 0;
    return closed;
  }

  /** Takes a batch's buffer back once nothing needs it. */
  recycle(events: Buffer): void {
    const whole = Buffer.from(events.buffer);
    // One that an unusual event made larger is let go.
    if (this.spare.length < 2 && whole.length <= 2 * this.usualBytes) this.spare.push(whole);
  }

  /** A full batch and one more piece, with what an event takes besides its bytes. */
  private get usualBytes(): number {
    return this.sizeBytes + 2 * LIMITS.agentReadBytes;
  }

  private newBuffer(): Buffer {
    return Buffer.allocUnsafeSlow(this.usualBytes);
  }

  private noteBlock(index: number, count: number, bytes: number): void {
    const last = this.blocks.at(-1);
    if (last !== undefined && last[0] === index) {
      last[1] += count;
      last[2] += bytes;
    } else this.blocks.push([index, count, bytes]);
  }

  private reserve(piece: Piece, chosen: readonly number[] | undefined): void {
    const { starts, ends, count } = piece;
    let bytes = 0;
    if (chosen === undefined) {
      for (let i = 0; i < count; i++) bytes += (ends[i] as number) - (starts[i] as number);
    } else for (const i of chosen) bytes += (ends[i] as number) - (starts[i] as number);
    bytes += (chosen?.length ?? count) * EVENT_BYTES;
    for (const fields of piece.eventFields ?? []) bytes += fieldsBytes(fields);
    if (this.used + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.used + bytes, 2 * this.buffer.length));
    this.buffer.copy(larger, 0, 0, this.used);
    this.buffer = larger;
  }

  private write(what: number, piece: Piece, i: number): void {
    const { buffer } = this;
    const start = piece.starts[i] as number;
    const end = piece.ends[i] as number;
    let at = writeLength(buffer, this.used, end - start);
    buffer.set(piece.bytes.subarray(start, end), at);
    at += end - start;
    if (what === 0) {
      this.used = at;
      return;
    }
    if ((what & AGENT_WITH.time) !== 0) {
      const seconds = piece.times?.seconds[i] ?? -1;
      const isKnown = seconds >= 0 && seconds < AGENT_NO_TIME;
      buffer.writeUInt32LE(isKnown ? seconds : AGENT_NO_TIME, at);
      buffer.writeUInt32LE(isKnown ? (piece.times?.nanos[i] ?? 0) : 0, at + 4);
      at += 8;
    }
    if ((what & AGENT_WITH.flags) !== 0) {
      const cut = piece.cut?.includes(i) === true ? AGENT_FLAG.cut : 0;
      buffer[at++] = (piece.stdio?.[i] ?? 0) | cut;
    }
    if ((what & AGENT_WITH.fields) !== 0) {
      const fields = Object.entries(piece.eventFields?.[i] ?? {});
      at = writeLength(buffer, at, fields.length);
      for (const [name, value] of fields) {
        at = writeText(buffer, at, name);
        at = writeText(buffer, at, value);
      }
    }
    this.used = at;
  }
}

const newPart = (state: SourceState, piece: Piece, fields: EventFields): Part => ({
  state,
  piece,
  fields,
  with: withOf(piece),
  from: state.next,
  count: 0,
  readNs: piece.readNs,
  position: piece.position,
});

const withOf = (piece: Piece): number =>
  (piece.times === undefined ? 0 : AGENT_WITH.time) |
  (piece.stdio === undefined && (piece.cut?.length ?? 0) === 0 ? 0 : AGENT_WITH.flags) |
  (piece.eventFields === undefined ? 0 : AGENT_WITH.fields);

const sourceOf = ({ state, piece, fields, ...part }: Part): AgentSource => {
  const { source, content } = piece;
  const { request } = source;
  return {
    source: source.id,
    kind: source.kind,
    path: source.path,
    content,
    fields,
    format: source.format ?? '',
    ...(request && {
      request: {
        path: request.path,
        type: request.contentType,
        encoding: request.contentEncoding,
      },
    }),
    with: part.with,
    from: part.from,
    count: part.count,
    readNs: part.readNs,
    dropped: { ...state.dropped },
    lostBytes: state.lostBytes,
  };
};

const fieldsBytes = (fields: EventFields): number => {
  let bytes = 0;
  for (const [name, value] of Object.entries(fields))
    bytes += 3 * (name.length + value.length) + 10;
  return bytes;
};

const writeLength = (buffer: Buffer, start: number, length: number): number => {
  let at = start;
  let left = length;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) buffer[at++] = (left % 0x80) | 0x80;
  buffer[at++] = left;
  return at;
};

const writeText = (buffer: Buffer, start: number, text: string): number => {
  const at = writeLength(buffer, start, Buffer.byteLength(text));
  return at + buffer.write(text, at);
};
