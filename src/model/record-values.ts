import { C } from './columns.ts';
import { binary, type RowValues } from './layout.ts';
import type { LogRecord, Pairs } from './record.ts';

const EMPTY = new Uint8Array(0);

/** The cursor's values as columns will hold them, to try a layout on its own line. */
export class RecordValues implements RowValues {
  record: LogRecord | undefined = undefined;

  text(column: number): Uint8Array {
    const record = this.record as LogRecord;
    const end = record.ends[column] as number;
    return end < 0
      ? EMPTY
      : (record.bufs[column] as Uint8Array).subarray(record.starts[column], end);
  }

  number(column: number): number {
    return this.record?.numbers[column] ?? 0;
  }

  time(): bigint {
    const { timeSec, timeNano } = this.record as LogRecord;
    return BigInt(timeSec) * 1_000_000_000n + BigInt(timeNano);
  }

  pair(column: number, key: string): Uint8Array {
    const pairs = this.pairsOf(column);
    for (let i = 0; i < pairs.count; i++)
      if (binary(pairs.keys[i]?.bytes ?? EMPTY) === key)
        return (pairs.bufs[i] as Uint8Array).subarray(pairs.starts[i], pairs.ends[i]);
    return EMPTY;
  }

  private pairsOf(column: number): Pairs {
    const record = this.record as LogRecord;
    if (column === C.labels) return record.labels;
    return column === C.metadata ? record.metadata : record.attributes;
  }
}
