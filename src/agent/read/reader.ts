import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Emit, Piece, Position, SourceInfo } from '../input.ts';
import type { Assembler, Known } from './assemble.ts';
import { Events } from './events.ts';
import { fullBytes, type Assembling, type Followed } from './followed.ts';
import { positionOf } from './position.ts';

/** What one input has read so far. */
export interface Tally {
  readBytes: number;
  events: number;
  readonly drops: Record<string, number>;
  readonly troubles: Record<string, number>;
}

export const newTally = (): Tally => ({ readBytes: 0, events: 0, drops: {}, troubles: {} });

export const count = (reasons: Record<string, number>, reason: string, times = 1): number => {
  if (times === 0) return reasons[reason] ?? 0;
  return (reasons[reason] = (reasons[reason] ?? 0) + times);
};

/** Assemblers of sources with habits of their own that a reader keeps; then all are made anew. */
const ASSEMBLERS = 64;

/** One of the few readers of an input, with buffers that it uses for one source after another. */
export class Reader {
  readonly events = new Events();
  private raw = Buffer.allocUnsafeSlow(LIMITS.agentReadBytes);
  private readonly assemblers = new Map<string, Assembler>();
  private readonly clock: Clock;
  private readonly tally: Tally;

  constructor(clock: Clock, tally: Tally) {
    this.clock = clock;
    this.tally = tally;
  }

  assemblerOf(assembling: Assembling): Assembler {
    const { key } = assembling;
    let assembler = this.assemblers.get(key);
    if (assembler === undefined) {
      if (this.assemblers.size >= ASSEMBLERS) this.assemblers.clear();
      assembler = assembling.make();
      this.assemblers.set(key, assembler);
    }
    return assembler;
  }

  /** Room for `size` bytes; what it holds is lost with the next call. */
  room(size: number): Buffer {
    if (this.raw.length < size) this.raw = Buffer.allocUnsafeSlow(size);
    return this.raw;
  }

  /**
   * Reads on where the file was left, for one turn. True where more is there already.
   * Rejects with what `emit` and the file reject with.
   */
  async turn(
    one: Followed,
    emit: Emit,
    isStopped: () => boolean,
    patience: Wait,
  ): Promise<boolean> {
    const { file } = one;
    if (file === undefined) return false;
    let wanted: number = LIMITS.agentReadBytes;
    for (let left: number = LIMITS.agentTurnBytes; left > 0 && !isStopped();) {
      const raw = this.room(wanted);
      const size = await file.read(raw, wanted, one.offset);
      const isEnd = size < wanted;
      one.readTo = one.offset + size;
      if (size === 0) return false;
      const known = isEnd ? this.knownAtEnd(one, patience) : knownInside(wanted >= fullBytes());
      const used = this.assemblerOf(one.assembling).assemble(
        raw,
        size,
        known,
        one.state,
        this.events,
      );
      left -= size;
      if (used > 0) await this.give(one, used, emit);
      if (isEnd) {
        this.hold(one, used, known);
        return false;
      }
      // Nothing could be decided: the same again, with more behind it.
      wanted = used === 0 ? fullBytes() : LIMITS.agentReadBytes;
    }
    return true;
  }

  /** Emits what was assembled of the next `used` bytes. */
  async give(one: Followed, used: number, emit: Emit): Promise<void> {
    one.offset += used;
    await this.giveOf(one.source, used, positionOf(one.offset, one.state), emit);
  }

  /** Emits what was assembled, for any source. */
  async giveOf(source: SourceInfo, used: number, position: Position, emit: Emit): Promise<void> {
    this.tally.readBytes += used;
    this.tally.events += this.events.count;
    count(this.tally.drops, 'line_cut', this.events.cut.length);
    await emit(pieceOf(this.events, source, used, position, this.clock.observedNs()));
  }

  private knownAtEnd(one: Followed, { partialLineMs }: Wait): Known {
    if (one.isEnding) return ENDING;
    const heldMs = one.heldOffset === one.offset ? this.clock.monotonicMs() - one.heldSinceMs : 0;
    const isDue = heldMs >= one.assembling.flushMs;
    return {
      behind: isDue ? 'flush' : 'waiting',
      takePartial: isDue && partialLineMs > 0 && heldMs >= partialLineMs,
      isFull: false,
    };
  }

  private hold(one: Followed, used: number, known: Known): void {
    if (one.heldOffset !== one.offset || used > 0) {
      one.heldOffset = one.offset;
      one.heldSinceMs = this.clock.monotonicMs();
      one.wasFlushed = false;
    } else one.wasFlushed = known.behind === 'flush';
  }
}

export interface Wait {
  readonly partialLineMs: number;
}

const ENDING: Known = { behind: 'flush', takePartial: true, isFull: false };
const INSIDE: Known = { behind: 'more', takePartial: false, isFull: false };
const FULL: Known = { behind: 'flush', takePartial: false, isFull: true };

const knownInside = (isFull: boolean): Known => (isFull ? FULL : INSIDE);

const pieceOf = (
  events: Events,
  source: SourceInfo,
  rawBytes: number,
  position: Position,
  readNs: bigint,
): Piece => ({
  source,
  content: 'line',
  bytes: events.bytes,
  count: events.count,
  starts: events.starts,
  ends: events.ends,
  times: events.hasOrigin ? { seconds: events.seconds, nanos: events.nanos } : undefined,
  stdio: events.hasOrigin ? events.stdio : undefined,
  cut: events.cut.length > 0 ? events.cut : undefined,
  rawBytes,
  readNs,
  position,
});

/** A piece without events: `lostBytes` of a source are gone. */
export const lossOf = (one: Followed, lostBytes: number, readNs: bigint): Piece => ({
  source: one.source,
  content: 'line',
  bytes: new Uint8Array(0),
  count: 0,
  starts: new Uint32Array(0),
  ends: new Uint32Array(0),
  rawBytes: 0,
  lostBytes,
  readNs,
  position: positionOf(one.offset + lostBytes, one.state),
});
