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

/** How far the sources of a batch's lines are stored with it. */
export const watermarksOf = (batch: {
  readonly tenant: string;
  readonly origins?: readonly Origin[];
}): Watermark[] =>
  (batch.origins ?? []).map(({ agent, source, to }) => ({
    tenant: batch.tenant,
    agent,
    source,
    next: to + 1,
  }));

/** How far the lines of a source are stored: all numbers below `next` are. */
export interface Watermark extends NumberedSource {
  readonly tenant: string;
  readonly next: number;
}
