import type { Behind, Join } from '../../ingest/multiline/join.ts';
import { Runs } from '../../ingest/multiline/join.ts';
import { Lines } from '../../ingest/multiline/lines.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Events } from './events.ts';

/**
 * From bytes to events, without memory: what is not decided yet (a last line without newline, a
 * trace that may go on) is not consumed, and is given again with what follows. So a position is one
 * offset, a restart sees what a run without it would have seen, and an idle source holds nothing.
 */
export interface Assembler {
  /**
   * `raw[0..size)` is what stands at the source's position. Fills `events` (their bytes are `raw`'s
   * or the assembler's own, and stay until the next call); returns how many bytes are done with.
   * `state` is changed where a line that is too long goes on.
   */
  assemble(raw: Buffer, size: number, known: Known, state: LineState, events: Events): number;
}

export interface Known {
  /** What is known of the bytes behind; `more`: do not decide on what may go on. */
  readonly behind: Behind;
  /** Take a last line without newline as it stands: it was waited for. */
  readonly takePartial: boolean;
  /** No more fits in front of us: what cannot be decided is cut. */
  readonly isFull: boolean;
}

/** What a position keeps besides the offset. */
export interface LineState {
  /**
   * Bits of what is skipped to its end because it was cut: 1 and 2 for the parts of a line of
   * stdout and stderr (containers), 4 for a line of the file.
   */
  skipping: number;
}

const LF = 0x0a;
const CR = 0x0d;
const LINE = 4;

/** Finds the newlines of `raw[from..size)`; where the last one ends. */
export const splitLines = (raw: Buffer, from: number, size: number, lines: Lines): number => {
  const bytes = raw.length === size ? raw : raw.subarray(0, size);
  let at = from;
  for (;;) {
    const feed = bytes.indexOf(LF, at);
    if (feed < 0) return at;
    lines.push(at, feed > at && bytes[feed - 1] === CR ? feed - 1 : feed);
    at = feed + 1;
  }
};

/** Lines of text, joined by `join`. */
export const assembleLines = (join: Join): Assembler => {
  const lines = new Lines();
  const runs = new Runs();
  return {
    assemble(raw, size, { behind, takePartial, isFull }, state, events) {
      events.clear(raw, false);
      const from = skipCutLine(raw, size, state);
      if (from < 0) return size;
      lines.clear(raw);
      let at = splitLines(raw, from, size, lines);
      if (takePartial && at < size) {
        lines.push(at, size);
        at = size;
      }
      if (lines.count === 0 && isFull) return cutLine(events, from, size, state);
      const decided = join(lines, behind, runs);
      pushEvents(lines, runs, decided, events);
      return decided < lines.count ? (lines.starts[decided] as number) : at;
    },
  };
};

/** Where reading goes on behind a line that was cut; -1 where its end is not here. */
export const skipCutLine = (raw: Buffer, size: number, state: LineState): number => {
  if ((state.skipping & LINE) === 0) return 0;
  const feed = raw.subarray(0, size).indexOf(LF);
  if (feed < 0) return -1;
  state.skipping &= ~LINE;
  return feed + 1;
};

/** Takes what there is of a line that fills all room, and skips its rest; what is done with. */
export const cutLine = (events: Events, from: number, size: number, state: LineState): number => {
  // What ended a line that was skipped made room: the next may well end.
  if (from > 0 || size === 0) return from;
  state.skipping |= LINE;
  events.cut.push(events.count);
  events.push(from, Math.min(size, from + LIMITS.lineBytes));
  if (events.hasOrigin) events.setOrigin(-1, 0, 0);
  return size;
};

export const pushCut = (events: Events, start: number, end: number): void => {
  if (end === start) return;
  if (end - start > LIMITS.lineBytes) events.cut.push(events.count);
  events.push(start, Math.min(end, start + LIMITS.lineBytes));
};

const pushEvents = (lines: Lines, runs: Runs, decided: number, events: Events): void => {
  const { starts, ends } = lines;
  let run = 0;
  let next = runs.count > 0 ? (runs.firsts[0] as number) : decided;
  for (let i = 0; i < decided; i++) {
    const start = starts[i] as number;
    if (i === next) {
      i = (runs.ends[run++] as number) - 1;
      next = run < runs.count ? (runs.firsts[run] as number) : decided;
    }
    pushCut(events, start, ends[i] as number);
  }
};
