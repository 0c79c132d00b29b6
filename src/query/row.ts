import type { Labels } from './labels.ts';

/**
 * One stored (or just received) record as queries see it. Both evaluators and every face read this;
 * `record-labels.ts` says which columns become labels.
 */
export interface Row {
  /** Event time, nanoseconds since 1970 UTC. */
  readonly timestampNs: bigint;
  /** Together unique and for ever: the record's id, and its order within its source. */
  readonly lane: string;
  readonly seq: number;
  /** Labels of the stream. */
  readonly stream: Labels;
  /** Structured metadata: the envelope, and `detected_level` where that is on. */
  readonly metadata: Labels;
  /** The line; bytes that are not UTF-8 show as U+FFFD. */
  readonly line: string;
  /** Size of the line as stored, bytes. */
  readonly lineBytes: number;
  /** The stored bytes, only where they are not valid UTF-8. */
  readonly lineRaw: Uint8Array | undefined;
  /** All columns by name, for `| record` and for reading single records; only where asked for. */
  readonly fields: RecordFields | undefined;
}

/**
 * A record's columns under their own names. Texts as they are, numbers as decimals, times as
 * nanoseconds; unset columns are left out. The maps stay maps.
 */
export interface RecordFields {
  readonly columns: ReadonlyMap<string, string>;
  readonly labels: readonly (readonly [string, string])[];
  readonly metadata: readonly (readonly [string, string])[];
  readonly attributes: readonly (readonly [string, string])[];
}
