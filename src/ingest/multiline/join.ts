import type { Lines } from './lines.ts';

/**
 * What is known of the bytes behind the last line.
 * - `more`: there are some, and they come with the next call.
 * - `waiting`: there are none yet; what may go on is kept back.
 * - `flush`: nobody waits any longer: all that is there is decided.
 */
export type Behind = 'more' | 'waiting' | 'flush';

/** Runs of lines that are one event each: `firsts[i]` up to, not with, `ends[i]`; ascending. */
export class Runs {
  count = 0;
  readonly firsts: number[] = [];
  readonly ends: number[] = [];

  clear(): void {
    this.count = 0;
  }

  push(first: number, end: number): void {
    this.firsts[this.count] = first;
    this.ends[this.count++] = end;
  }
}

/**
 * Finds the runs of two and more lines that are one event; a line in none is an event itself.
 * Returns the first line that is not decided yet (`lines.count`: all are): it and those behind it
 * are given again, with more. What is given again begins at a boundary of events, so that where the
 * bytes were split never matters.
 */
export type Join = (lines: Lines, behind: Behind, runs: Runs) => number;

/** For sources whose lines are events. */
export const joinNothing: Join = (lines, _behind, runs) => {
  runs.clear();
  return lines.count;
};

/** Adds a run, cut into ones of `most` lines. */
export const pushRun = (runs: Runs, first: number, end: number, most: number): void => {
  let at = first;
  for (; end - at > most; at += most) runs.push(at, at + most);
  if (end - at > 1) runs.push(at, end);
};
