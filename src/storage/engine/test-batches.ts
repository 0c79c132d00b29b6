import { RecordBatch, type Batch } from '../../model/batch.ts';
import { C } from '../../model/columns.ts';
import { LogRecord } from '../../model/record.ts';
import { systemClock } from '../../platform/clock.ts';

const encoder = new TextEncoder();

/** A batch whose bodies are `lines`, received now; for tests. */
export function batchOfLines(
  lines: readonly (string | Uint8Array)[],
  tenant = 'acme',
  fill: (record: LogRecord, row: number) => void = () => undefined,
): Batch {
  const batch = new RecordBatch();
  const record = new LogRecord();
  batch.begin(systemClock.observedNs());
  lines.forEach((line, row) => {
    const bytes = typeof line === 'string' ? encoder.encode(line) : line;
    record.reset();
    record.set(C.body, bytes, 0, bytes.length);
    fill(record, row);
    batch.append(record);
    batch.rawBytes += bytes.length;
  });
  return batch.take(tenant, 'test');
}

/** `count` lines `name 0`, `name 1` ... */
export const numberedLines = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, row) => `${name} ${row}`);
