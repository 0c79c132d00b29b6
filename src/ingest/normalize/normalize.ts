import type { LogRecord } from '../../model/record.ts';

/**
 * The normalizers' contract: one file per log format, from the line to the record.
 *
 * Duties
 * - Pure, never throws, linear in the line's length, makes no strings or objects per value.
 * - `normalize` returns false and leaves the record as it was when the line is not its own. When it
 *   returns true it has set `structured` where the line has fields, offered columns (the envelope
 *   wins) and put everything else in `attributes`.
 * - It tells the way through the line, first byte to last: `record.step` for each value,
 *   with what stands before it and the place that putting it gave, then `record.tail`. A value that
 *   says nothing (null, empty) is a step too. The line's layout is made of it.
 * - Numbers go to number columns only when exact; the original text of what does not fit its column
 *   goes to `attributes`.
 */
export interface Normalizer {
  /** The word that users type in the configuration (`envoy`, `istio`, `nginx`, `klog` ...). */
  readonly name: string;
  /** The characters with which its lines begin; without it they may begin with any. */
  readonly opens?: string;
  /** A cheap look at the first bytes: could this line be mine? */
  recognises(line: Uint8Array, start: number, end: number): boolean;
  normalize(record: LogRecord): boolean;
}
