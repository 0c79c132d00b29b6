import type { Assembler } from './assemble.ts';
import { Events } from './events.ts';

/** One event as tests look at it. */
export interface Seen {
  readonly text: string;
  readonly seconds?: number;
  readonly nanos?: number;
  readonly stdio?: number;
  readonly cut: boolean;
}

/**
 * Reads a whole file as the follower does: `chunk` bytes at a time, more only where those decide
 * nothing, `full` at most. `isEnded`: nothing comes behind it.
 */
export function readAll(
  assembler: Assembler,
  file: Buffer,
  chunk: number,
  full: number,
  isEnded = true,
): Seen[] {
  const seen: Seen[] = [];
  const events = new Events();
  const state = { skipping: 0 };
  let offset = 0;
  let wanted = chunk;
  while (offset < file.length) {
    const raw = Buffer.from(file.subarray(offset, offset + wanted));
    const isLast = offset + raw.length >= file.length;
    const isFull = !isLast && wanted >= full;
    const behind = isFull || (isLast && isEnded) ? 'flush' : isLast ? 'waiting' : 'more';
    const known = { behind, takePartial: isLast && isEnded, isFull } as const;
    const used = assembler.assemble(raw, raw.length, known, state, events);
    for (let i = 0; i < events.count; i++) seen.push(seenOf(events, i));
    offset += used;
    if (used === 0 && isLast) break;
    wanted = used === 0 ? Math.min(full, wanted * 2) : chunk;
  }
  return seen;
}

function seenOf(events: Events, i: number): Seen {
  const text = events.bytes.toString('utf8', events.starts[i], events.ends[i]);
  const cut = events.cut.includes(i);
  if (!events.hasOrigin) return { text, cut };
  const { seconds, nanos, stdio } = events;
  return {
    ...{ text, cut },
    ...{ seconds: seconds[i] as number, nanos: nanos[i] as number, stdio: stdio[i] as number },
  };
}
