import type { Batch } from './batch.ts';
import type { NumberedSource } from './origin.ts';

/** What is noted of a batch's rows beside their columns: tokens, and numbers of agents. */
export class RowNotes {
  private tokens = new Uint32Array(0);
  private tokenRows = 0;
  private readonly origins: { of: NumberedSource; from: number; to: number }[] = [];

  clear(): void {
    this.tokenRows = 0;
    this.origins.length = 0;
  }

  token(row: number, high: number, low: number): void {
    let { tokens } = this;
    if (2 * row + 2 > tokens.length) {
      tokens = new Uint32Array(Math.max(2_048, 4 * row + 4));
      tokens.set(this.tokens.subarray(0, 2 * this.tokenRows));
      this.tokens = tokens;
    }
    // What an earlier batch left between.
    if (row > this.tokenRows) tokens.fill(0, 2 * this.tokenRows, 2 * row);
    tokens[2 * row] = high;
    tokens[2 * row + 1] = low;
    this.tokenRows = row + 1;
  }

  origin(of: NumberedSource, number: number): void {
    const last = this.origins.at(-1);
    if (last?.of === of && last.to + 1 === number) last.to = number;
    else this.origins.push({ of, from: number, to: number });
  }

  take(rows: number): Pick<Batch, 'tokens' | 'origins'> {
    const { tokens, tokenRows, origins } = this;
    const some = new Uint32Array(tokenRows === 0 ? 0 : 2 * rows);
    if (tokenRows > 0) some.set(tokens.subarray(0, 2 * tokenRows));
    return {
      ...(tokenRows > 0 && { tokens: some }),
      ...(origins.length > 0 && {
        origins: origins.map(({ of: { agent, source }, from, to }) => ({
          agent,
          source,
          from,
          to,
        })),
      }),
    };
  }
}
