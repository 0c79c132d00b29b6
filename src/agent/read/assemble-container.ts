import type { Join } from '../../ingest/multiline/join.ts';
import { Lines } from '../../ingest/multiline/lines.ts';
import { cutLine, skipCutLine, splitLines, type Assembler } from './assemble.ts';
import { found, readContainerLine, unescapeText, type Runtime } from './container-line.ts';
import { ContainerStream, type Room } from './container-stream.ts';

/**
 * Room for what is read, for texts without their escapes, for lines put together from parts and for
 * events put together from lines: none of them is longer than what was read.
 */
const ROOMS = 4;

/**
 * Lines out of a container runtime's file: unwrapped, parts joined, and then joined as events, each
 * stream for itself.
 *
 *     raw lines ──► texts of stdout ──► lines (parts together) ──► events ─┐
 *              └──► texts of stderr ──► lines                  ──► events ─┴► by where they begin
 *
 * One offset must do for both streams. So reading goes on at the first byte of what is not decided,
 * of whichever stream; events that begin there or later come again then, and one that reaches over
 * it takes the offset back to its own beginning.
 */
export const assembleContainer = (join: Join, runtime: Runtime): Assembler => {
  const lines = new Lines();
  const streams = [new ContainerStream(1), new ContainerStream(2)] as const;
  const room: Room = { bytes: Buffer.alloc(0), used: 0 };

  /** Splits and unwraps `raw[from..size)`; the end of the last whole line. */
  const unwrap = (raw: Buffer, from: number, size: number, skipping: number): number => {
    if (room.bytes.length < size * ROOMS) room.bytes = Buffer.allocUnsafeSlow(size * ROOMS);
    const { bytes } = room;
    raw.copy(bytes, 0, 0, size);
    room.used = size;
    lines.clear(bytes);
    const end = splitLines(bytes.subarray(0, size), from, size, lines);
    for (const stream of streams) stream.clear(room, skipping);
    for (let i = 0; i < lines.count; i++) {
      const start = lines.starts[i] as number;
      readContainerLine(bytes, start, lines.ends[i] as number, runtime);
      if (found.isEscaped) putUnescaped(room);
      const behind = i + 1 < lines.count ? (lines.starts[i + 1] as number) : end;
      streams[found.stdio === 2 ? 1 : 0].add(room, start, behind);
    }
    return end;
  };

  return {
    assemble(raw, size, { behind, takePartial, isFull }, state, events) {
      const from = skipCutLine(raw, size, state);
      events.clear(raw, true);
      if (from < 0) return size;
      const end = unwrap(raw, from, size, state.skipping);
      if (lines.count === 0) {
        // No runtime writes such lines: it is some other file.
        return isFull ? cutLine(events, from, size, state) : from;
      }
      events.clear(room.bytes, true);
      let hold = end;
      for (const stream of streams) {
        if (isFull) stream.cut(room);
        else if (takePartial) stream.takeParts(room);
        hold = Math.min(hold, stream.decide(join, behind, end));
      }
      for (let before = -1; before !== hold;) {
        before = hold;
        for (const stream of streams) hold = stream.holdBack(hold);
      }
      for (;;) {
        const [out, err] = streams;
        const first = out.nextBegin() < err.nextBegin() ? out : err;
        if (first.nextBegin() >= hold) break;
        first.give(room, events);
      }
      state.skipping = streams[0].skippingAt(hold) | streams[1].skippingAt(hold);
      return hold;
    },
  };
};

/** Puts the text of Docker's JSON string into the room, as the program wrote it. */
const putUnescaped = (room: Room): void => {
  const text = unescapeText(room.bytes);
  if (text === undefined) {
    found.goesOn = false;
    return;
  }
  found.start = room.used;
  room.used += text.copy(room.bytes, room.used);
  found.end = room.used;
};
