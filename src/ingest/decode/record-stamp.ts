import { COLUMNS } from '../../model/columns.ts';
import type { Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import { Pairs, type LogRecord } from '../../model/record.ts';

const bytesOf = (pairs: Pairs): number => {
  let bytes = PAIR_BYTES * pairs.count;
  for (let i = 0; i < pairs.count; i++) {
    bytes += (pairs.ends[i] as number) - (pairs.starts[i] as number);
  }
  return bytes;
};

/** What a pair costs beside its value: its place in the column of names. */
const PAIR_BYTES = 16;

/** Copies all pairs of `from` over those of `into`; arrays are written without a call per pair. */
const copyPairs = (from: Pairs, into: Pairs): void => {
  const { count } = from;
  for (let i = 0; i < count; i++) {
    into.keys[i] = from.keys[i] as Key;
    into.bufs[i] = from.bufs[i] as Uint8Array;
    into.starts[i] = from.starts[i] as number;
    into.ends[i] = from.ends[i] as number;
  }
  into.count = count;
  into.bytes = from.bytes;
};

/**
 * What many records of one request share (a Loki stream, an OTLP resource and scope): found once,
 * and stamped onto each record. Holds ranges, so the bytes behind them must outlive it.
 */
export class RecordStamp {
  /** Bytes that stamping one record adds to it, for `StampBudget`. */
  size = 0;
  readonly labels = new Pairs();
  readonly metadata = new Pairs();
  private readonly columns: number[] = [];
  private readonly bufs: Uint8Array[] = [];
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  private readonly numberColumns: number[] = [];
  private readonly numbers: number[] = [];

  /** Takes over all that `template` holds, but for its line and time. */
  capture(template: LogRecord): void {
    copyPairs(template.labels, this.labels);
    copyPairs(template.metadata, this.metadata);
    this.size = bytesOf(this.labels) + bytesOf(this.metadata);
    this.columns.length = 0;
    this.numberColumns.length = 0;
    for (let i = 0; i < COLUMNS.length; i++) {
      if (template.has(i)) {
        const at = this.columns.push(i) - 1;
        this.bufs[at] = template.bufs[i] as Uint8Array;
        this.starts[at] = template.starts[i] as number;
        this.ends[at] = template.ends[i] as number;
      }
      const number = template.numbers[i] as number;
      if (number !== 0) this.numbers[this.numberColumns.push(i) - 1] = number;
    }
  }

  /** Gives a fresh record what was captured. */
  stamp(record: LogRecord): void {
    copyPairs(this.labels, record.labels);
    copyPairs(this.metadata, record.metadata);
    const { columns, bufs, starts, ends } = this;
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i] as number;
      record.bufs[column] = bufs[i] as Uint8Array;
      record.starts[column] = starts[i] as number;
      record.ends[column] = ends[i] as number;
    }
    for (let i = 0; i < this.numberColumns.length; i++) {
      record.numbers[this.numberColumns[i] as number] = this.numbers[i] as number;
    }
  }
}

/** How much one request may still have stamped onto its records (`LIMITS.stampedBytes`). */
export class StampBudget {
  private left: number = LIMITS.stampedBytes;

  /** False where the stamp is more than is left. */
  spend(stamp: RecordStamp): boolean {
    this.left -= stamp.size;
    return this.left >= 0;
  }
}
