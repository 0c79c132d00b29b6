import { z } from 'zod';
import { LIMITS } from '../../model/limits.ts';
import type { Bucket, SegmentEnd } from '../../model/storage.ts';
import type { BatchHeader } from './format.ts';

/** The segment that a lane's next rows may join. */
interface OpenSegment {
  readonly segment: number;
  readonly bucketId: string;
  readonly firstSeq: number;
  readonly rows: number;
  readonly bytes: number;
  /** `observedNs` of its first batch, and the greatest of all its batches. */
  readonly openedNs: bigint;
  readonly lastNs: bigint;
  /** On the monotonic clock, so that a wall clock set back cannot hold a segment open. */
  readonly openedMs: number;
}

/** Never changed in place: a failed group puts the old objects back. */
interface Lane {
  readonly nextSeq: number;
  readonly nextSegment: number;
  readonly open: OpenSegment | undefined;
}

export interface RowsToPlace {
  readonly rows: number;
  readonly bytes: number;
  readonly observedNs: bigint;
  readonly bucketId: string;
}

/** Where a batch got its place; `ended` is the segment that had to close for it. */
export interface Place {
  readonly seq: number;
  readonly segment: number;
  readonly ended: SegmentEnd | undefined;
}

/** The lane of a bucket's rows. Numbers are dense in a lane, so each signal has its own. */
export const laneOf = ({ tenant, retentionClass, signal }: Bucket, node: string): string => {
  const lane = `${tenant}/${retentionClass}/${node}`;
  return signal === 'logs' ? lane : `${lane}/${signal}`;
};

const NEW_LANE: Lane = { nextSeq: 1, nextSegment: 1, open: undefined };

const count = z.number().int().min(0);
const openShape = z.tuple([count, z.string(), count, count, count, z.string(), z.string()]);
/** The lanes as a heads frame tells them: name, next seq, next segment, the open segment. */
export const lanesShape = z.array(z.tuple([z.string(), count, count, openShape.nullable()]));
export type LanesJson = z.infer<typeof lanesShape>;

/** Numbers rows and segments. Dense: a number is given once and none is left out. */
export class Lanes {
  private readonly lanes = new Map<string, Lane>();
  private undo: Map<string, Lane | undefined> | undefined;

  /** From here on, `rollback` takes everything back. */
  begin(): void {
    this.undo = new Map();
  }

  commit(): void {
    this.undo = undefined;
  }

  rollback(): void {
    for (const [name, lane] of this.undo ?? []) {
      if (lane === undefined) this.lanes.delete(name);
      else this.lanes.set(name, lane);
    }
    this.undo = undefined;
  }

  /** Gives a batch its place; a batch never crosses a segment, nor a segment a bucket. */
  place(name: string, batch: RowsToPlace, nowMs: number): Place {
    const lane = this.lanes.get(name) ?? NEW_LANE;
    const joins = lane.open !== undefined && fits(lane.open, batch, nowMs);
    const segment = joins ? lane.nextSegment - 1 : lane.nextSegment;
    const ended = joins || lane.open === undefined ? undefined : endOf(name, lane.open);
    const before = joins ? lane.open : undefined;
    this.set(name, {
      nextSeq: lane.nextSeq + batch.rows,
      nextSegment: segment + 1,
      open: grown(before, batch, segment, lane.nextSeq, nowMs),
    });
    return { seq: lane.nextSeq, segment, ended };
  }

  /** Closes segments opened before `openedBeforeMs` (monotonic). */
  closeOlder(openedBeforeMs: number): SegmentEnd[] {
    const ends: SegmentEnd[] = [];
    for (const [name, lane] of this.lanes) {
      if (lane.open === undefined || lane.open.openedMs > openedBeforeMs) continue;
      ends.push(endOf(name, lane.open));
      this.set(name, { ...lane, open: undefined });
    }
    return ends;
  }

  /**
   * Takes in a frame that was found on disk, in the order of writing. Answers the rows missing
   * before it, or undefined when its numbers were given to other rows already.
   */
  replay(
    frame: BatchHeader,
    bytes: number,
  ): { missing: number; ended: SegmentEnd | undefined } | undefined {
    const lane = this.lanes.get(frame.lane) ?? NEW_LANE;
    if (frame.seq < lane.nextSeq || frame.segment + 1 < lane.nextSegment) return undefined;
    const joins = lane.open?.segment === frame.segment;
    const ended = joins || lane.open === undefined ? undefined : endOf(frame.lane, lane.open);
    const before = joins ? lane.open : undefined;
    const batch = {
      rows: frame.rows,
      bytes,
      observedNs: frame.observedNs,
      bucketId: frame.bucketId,
    };
    const missing = frame.seq - lane.nextSeq;
    const open = grown(before, batch, frame.segment, frame.seq, 0);
    this.set(frame.lane, {
      nextSeq: frame.seq + frame.rows,
      nextSegment: frame.segment + 1,
      open: joins ? { ...open, rows: open.rows + missing } : open,
    });
    return { missing, ended };
  }

  /**
   * Takes in heads that were found on disk. Answers the segments they show to have ended, and the
   * rows that they count but that were not seen.
   */
  adopt(heads: LanesJson): {
    ends: SegmentEnd[];
    missing: { lane: string; from: number; to: number }[];
  } {
    const ends: SegmentEnd[] = [];
    const missing: { lane: string; from: number; to: number }[] = [];
    for (const [name, nextSeq, nextSegment, open] of heads) {
      const lane = this.lanes.get(name) ?? NEW_LANE;
      if (nextSeq < lane.nextSeq) continue;
      if (nextSeq > lane.nextSeq) missing.push({ lane: name, from: lane.nextSeq, to: nextSeq - 1 });
      // Where rows are missing, the segment may have gone on in them: a file whose deletion a power
      // cut undid, while that of the next one stands. Its end was told when it came.
      const isSeen = nextSeq === lane.nextSeq;
      if (isSeen && lane.open !== undefined && lane.open.segment !== open?.[0]) {
        ends.push(endOf(name, lane.open));
      }
      this.set(name, { nextSeq, nextSegment, open: open === null ? undefined : openOf(open) });
    }
    return { ends, missing };
  }

  /** Begins a lane after `seq` if it stands before that. */
  raise(name: string, seq: number): void {
    const lane = this.lanes.get(name) ?? NEW_LANE;
    if (lane.nextSeq <= seq) this.set(name, { ...lane, nextSeq: seq + 1 });
  }

  toJson(): LanesJson {
    const all: LanesJson = [];
    for (const [name, { nextSeq, nextSegment, open }] of this.lanes) {
      all.push([name, nextSeq, nextSegment, open === undefined ? null : openJson(open)]);
    }
    return all;
  }

  private set(name: string, lane: Lane): void {
    if (this.undo?.has(name) === false) this.undo.set(name, this.lanes.get(name));
    this.lanes.set(name, lane);
  }
}

function fits(open: OpenSegment, batch: RowsToPlace, nowMs: number): boolean {
  return (
    open.bucketId === batch.bucketId &&
    open.rows + batch.rows <= LIMITS.segmentRows &&
    open.bytes + batch.bytes <= LIMITS.segmentBytes &&
    nowMs - open.openedMs < LIMITS.segmentMs
  );
}

function grown(
  before: OpenSegment | undefined,
  batch: RowsToPlace,
  segment: number,
  seq: number,
  nowMs: number,
): OpenSegment {
  const { bucketId, observedNs } = batch;
  if (before === undefined) {
    const times = { openedNs: observedNs, lastNs: observedNs, openedMs: nowMs };
    return { segment, bucketId, firstSeq: seq, rows: batch.rows, bytes: batch.bytes, ...times };
  }
  return {
    ...before,
    rows: before.rows + batch.rows,
    bytes: before.bytes + batch.bytes,
    lastNs: observedNs > before.lastNs ? observedNs : before.lastNs,
  };
}

function endOf(lane: string, open: OpenSegment): SegmentEnd {
  return {
    lane,
    segment: open.segment,
    bucket: open.bucketId,
    firstSeq: open.firstSeq,
    lastSeq: open.firstSeq + open.rows - 1,
    bytes: open.bytes,
    openedNs: open.openedNs,
    closedNs: open.lastNs,
  };
}

function openJson(open: OpenSegment): z.infer<typeof openShape> {
  const { segment, bucketId, firstSeq, rows, bytes, openedNs, lastNs } = open;
  return [segment, bucketId, firstSeq, rows, bytes, String(openedNs), String(lastNs)];
}

function openOf(json: z.infer<typeof openShape>): OpenSegment {
  const [segment, bucketId, firstSeq, rows, bytes, openedNs, lastNs] = json;
  const times = { openedNs: BigInt(openedNs), lastNs: BigInt(lastNs), openedMs: 0 };
  return { segment, bucketId, firstSeq, rows, bytes, ...times };
}
