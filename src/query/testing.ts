import { RecordBatch, type Batch } from '../model/batch.ts';
import { C, type ColumnName } from '../model/columns.ts';
import { LogRecord } from '../model/record.ts';
import type { EngineReader, NumberedBatch } from '../model/storage.ts';
import { LINE_COLUMNS, lineOf } from './line.ts';
import {
  MESH_LABELS,
  metadataLabels,
  streamLabels,
  type LabelColumns,
  type LabelOptions,
} from './record-labels.ts';
import type { QueryCatalog } from './access-filter.ts';
import type { Row } from './row.ts';
import { fromUtf8, isValidUtf8, toUtf8 } from './utf8.ts';

/** A record as tests write it down. */
export interface TestRecord {
  readonly timestampNs: bigint;
  readonly line: string | Uint8Array;
  /** Kept whole beside `body`, as structured lines are. */
  readonly structured?: boolean;
  readonly columns?: Partial<Record<ColumnName, string>>;
  readonly severity?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly attributes?: Readonly<Record<string, string>>;
}

const NS_PER_S = 1_000_000_000n;

/** A record pushed as a Loki stream. */
export const lokiRecord = (
  timestampNs: bigint,
  labels: Readonly<Record<string, string>>,
  line: string | Uint8Array,
  more: Partial<TestRecord> = {},
): TestRecord => {
  const service = labels['service_name'];
  const columns = { receiver: 'loki', ...(service !== undefined && { service }), ...more.columns };
  return { ...more, timestampNs, labels, line, columns };
};

/** The records as ingest would encode them. */
export const testBatch = (
  tenant: string,
  observedNs: bigint,
  records: readonly TestRecord[],
): Batch => {
  const batch = new RecordBatch();
  batch.begin(observedNs);
  const record = new LogRecord();
  for (const one of records) {
    record.reset();
    record.setTime(Number(one.timestampNs / NS_PER_S), Number(one.timestampNs % NS_PER_S));
    for (const [name, value] of Object.entries(one.columns ?? {})) {
      record.setText(C[name as ColumnName], value);
    }
    record.numbers[C.severity] = one.severity ?? 0;
    const bytes = typeof one.line === 'string' ? toUtf8(one.line) : one.line;
    record.set(one.structured === true ? C.line : C.body, bytes, 0, bytes.length);
    for (const map of ['labels', 'metadata', 'attributes'] as const) {
      for (const [name, value] of Object.entries(one[map] ?? {})) record[map].putText(name, value);
    }
    batch.append(record);
  }
  return batch.take(tenant, 'test');
};

/** The rows that queries see of a stored batch, made without the engine. */
export const testRows = (
  records: readonly TestRecord[],
  options: LabelOptions,
  stored: Pick<NumberedBatch, 'lane' | 'seq'> = { lane: 'test', seq: 0 },
): Row[] =>
  records.map((one, i) => {
    const text = (name: ColumnName): string => one.columns?.[name] ?? '';
    const columns: LabelColumns = {
      receiver: text('receiver'),
      severity: one.severity ?? 0,
      severityText: text('severity_text'),
      mesh: MESH_LABELS.map(([, column]) => text(column)),
      labels: Object.entries(one.labels ?? {}),
      metadata: Object.entries(one.metadata ?? {}),
    };
    const stream = streamLabels(columns);
    const bytes = typeof one.line === 'string' ? toUtf8(one.line) : one.line;
    const [line, body] = one.structured === true ? [bytes, EMPTY] : [EMPTY, bytes];
    const whole = lineOf(line, body);
    return {
      timestampNs: one.timestampNs,
      lane: stored.lane,
      seq: stored.seq + i,
      stream,
      metadata: metadataLabels(columns, stream, options),
      line: fromUtf8(whole),
      lineBytes: whole.length,
      lineRaw: isValidUtf8(whole) ? undefined : whole,
      fields: {
        columns: new Map([
          ...Object.entries(one.columns ?? {}),
          ...LINE_COLUMNS.map((name, j): [string, string] => [
            name,
            fromUtf8([line, body][j] ?? EMPTY),
          ]),
        ]),
        labels: Object.entries(one.labels ?? {}),
        metadata: Object.entries(one.metadata ?? {}),
        attributes: Object.entries(one.attributes ?? {}),
      },
    };
  });

const EMPTY = new Uint8Array(0);

/** What the engine's fixture gives, as far as queries need it. */
export interface QueryTarget {
  readonly reader: EngineReader;
  readonly catalog: QueryCatalog;
}
