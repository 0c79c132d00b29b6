import type { ValueKind } from './fields.ts';
import type { Gap } from './gap.ts';
import { LIMITS } from './limits.ts';

const FIRST_ROOM = 256;
const EMPTY = new Uint8Array(0);

/** The values of one scanned object, in order: full dotted names, kinds, and ranges of bytes. */
export class FieldList {
  count = 0;
  /** What stands before each value, and its name. */
  gaps: (Gap | undefined)[] = [];
  /** What stands after the last value. */
  tail: Gap | undefined = undefined;
  /** The buffer that each value is in: the one scanned, or the scratch where it was unescaped. */
  readonly bufs: Uint8Array[] = [];
  kinds = new Uint8Array(FIRST_ROOM);
  starts = new Int32Array(FIRST_ROOM);
  ends = new Int32Array(FIRST_ROOM);
  private room = FIRST_ROOM;
  /** The strings with escapes: which they are, and their dialects, below 0 where in none. */
  escapes = 0;
  readonly escapedAt: number[] = [];
  readonly dialects: number[] = [];
  /** What was scanned; `end < 0` where the list is of nothing. */
  buf: Uint8Array = EMPTY;
  start = 0;
  end = -1;
  /** True while someone reads the list: who scans meanwhile needs another. */
  busy = false;

  forget(): void {
    this.end = -1;
  }

  /** Forgets, and lets go of the buffers. */
  release(): void {
    this.end = -1;
    this.buf = EMPTY;
    this.bufs.length = 0;
  }

  /** Whether the list is of this range, which has not changed since it was scanned. */
  isOf(buf: Uint8Array, start: number, end: number): boolean {
    return this.end === end && this.start === start && this.buf === buf;
  }

  begin(buf: Uint8Array): void {
    this.count = 0;
    this.escapes = 0;
    this.buf = buf;
    this.end = -1;
    if (this.room <= LIMITS.scannedFieldsKept) return;
    this.bufs.length = 0;
    this.gaps.length = 0;
    this.resize(FIRST_ROOM);
  }

  add(gap: Gap, kind: ValueKind, buf: Uint8Array, start: number, end: number): void {
    const i = this.count++;
    if (i === this.room) this.resize(i * 2);
    // Most lines go the way of one before: looking is cheaper than telling the collector.
    if (this.gaps[i] !== gap) this.gaps[i] = gap;
    if (this.bufs[i] !== buf) this.bufs[i] = buf;
    this.kinds[i] = kind;
    this.starts[i] = start;
    this.ends[i] = end;
  }

  /** Says how the string added last was escaped. */
  escaped(dialect: number): void {
    const i = this.escapes++;
    this.escapedAt[i] = this.count - 1;
    this.dialects[i] = dialect;
  }

  /** The dialect of value `i`, below 0 where it is in none; undefined where nothing was escaped. */
  dialectOf(i: number): number | undefined {
    for (let at = 0; at < this.escapes; at++)
      if (this.escapedAt[at] === i) return this.dialects[at];
    return undefined;
  }

  private resize(room: number): void {
    const kept = Math.min(room, this.room);
    this.room = room;
    const kinds = new Uint8Array(room);
    const starts = new Int32Array(room);
    const ends = new Int32Array(room);
    kinds.set(this.kinds.subarray(0, kept));
    starts.set(this.starts.subarray(0, kept));
    ends.set(this.ends.subarray(0, kept));
    this.kinds = kinds;
    this.starts = starts;
    this.ends = ends;
  }
}
