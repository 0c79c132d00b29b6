import type { Carrier, Line } from '../lines.ts';

/** Lines as one HTTP request of a protocol. */
export interface LogRequest {
  /** Path on the main port. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What became of a request that the server took. */
export interface Outcome {
  /** Lines that the server refused for what they are. */
  readonly rejected: number;
  /** Positions of lines that are to be sent again. */
  readonly later: readonly number[];
}

export const ALL_TAKEN: Outcome = { rejected: 0, later: [] };

/** One of the agents that ship logs: lines to requests of its protocol. Pure. */
export interface Shipper {
  readonly carrier: Carrier;
  encode(lines: readonly Line[]): LogRequest;
  /** Reads the answer to a request with `lines` lines that succeeded as a whole (2xx). */
  read(answer: string): Outcome;
}
