/**
 * Lines that belong together become one event: stack traces found by themselves (`auto`), or what
 * an operator's patterns say.
 */
export interface MultilineOptions {
  /**
   * RE2 expressions, each matched anywhere in a line. One of the three, or `start` and `end`:
   * - `start`: the line begins an event; all others go on with the one before.
   * - `continues`: the line goes on with the one before.
   * - `end`: the line ends its event.
   */
  readonly start?: string | undefined;
  readonly continues?: string | undefined;
  readonly end?: string | undefined;
  /** An event whose end nobody saw is sent after so long. Default 1,000. */
  readonly flushMs: number;
  /** Lines of one event; the next begins a new one. Default 1,000, at most 65,536. */
  readonly maxLines: number;
}
