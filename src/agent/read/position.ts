import type { Position } from '../input.ts';
import type { LineState } from './assemble.ts';

/** `1234`, or `1234+4` while a cut line is being skipped: an offset and `LineState.skipping`. */
export const positionOf = (offset: number, { skipping }: LineState): Position =>
  skipping === 0 ? `${offset}` : `${offset}+${skipping}`;

/** The offset and state of a position; undefined where it is none. */
export const readPosition = (
  position: Position,
): { readonly offset: number; readonly skipping: number } | undefined => {
  const found = /^(\d{1,16})(?:\+([1-7]))?$/.exec(position);
  if (found === null) return undefined;
  return { offset: Number(found[1]), skipping: Number(found[2] ?? 0) };
};
