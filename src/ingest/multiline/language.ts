import type { Lines } from './lines.ts';

/**
 * One language's stack traces: one file each, one line in all.ts, fixtures in fixtures/multiline.
 *
 * Traces are found backwards: most lines are dismissed by their first byte alone, and only a line
 * that betrays a trace (`\tat `, `  File "`, `goroutine 1 [`) makes us look at the lines before it
 * for where the trace begins, and at those behind it for where it ends. So the price of a line
 * without trace is one look into a table.
 *
 * Duties. Pure; looks back at most `LOOK_BACK` lines, never before `floor`; takes time linear in
 * the lines that it takes (expressions only over `frontOf`, without nested repetition).
 */
export interface Language {
  readonly name: string;
  /** The first bytes of lines that betray a trace. */
  readonly betraying: string;
  /**
   * Line `i` begins with one of them. The trace's first line where it betrays one, else -1.
   * `floor` is the first line that may be taken.
   */
  begin(lines: Lines, i: number, floor: number): number;
  /**
   * One behind the last line of the trace which line `i` betrays; `lines.count` where all that is
   * known belongs to it, so that more may follow.
   */
  end(lines: Lines, i: number): number;
  /**
   * The front of a line that a trace may follow: where nothing is known behind it yet, it waits a
   * little for what comes.
   */
  readonly announces: RegExp;
}

/** Lines before a betraying line at which languages look. */
export const LOOK_BACK = 12;
