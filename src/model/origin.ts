/**
 * Lines of one source of an agent that numbers them: `from` to `to`, both within. The journal keeps
 * them with their rows, so that what a server has of each source is known after a restart too.
 */
export interface Origin {
  readonly agent: string;
  readonly source: string;
  readonly from: number;
  readonly to: number;
}

/** A source that a record may come from. One object stands for it throughout a request. */
export interface NumberedSource {
  readonly agent: string;
  readonly source: string;
}

/** How far the lines of a source are stored: all numbers below `next` are. */
export interface Watermark extends NumberedSource {
  readonly tenant: string;
  readonly next: number;
}
