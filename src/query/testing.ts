import { RecordBatch, type Batch, type LayoutUse } from '../model/batch.ts';
import { C, COLUMNS, type ColumnName } from '../model/columns.ts';
import { binary, bytesOf, fillLine, type Layout, type RowValues } from '../model/layout.ts';
import { keys } from '../model/key.ts';
import { LogRecord } from '../model/record.ts';
import type { EngineReader, NumberedBatch } from '../model/storage.ts';
import {
  MESH_LABELS,
  metadataLabels,
  streamLabels,
  type LabelColumns,
  type LabelOptions,
} from './record-labels.ts';
import type { QueryCatalog } from './access-filter.ts';
import type { Pair } from './labels.ts';
import type { Row } from './row.ts';
import { fromUtf8, isValidUtf8, toUtf8 } from './utf8.ts';

/** A value as tests write it down: most are text, some are no UTF-8. */
export type TestValue = string | Uint8Array;
type TestPairs = Readonly<Record<string, TestValue>>;

/** A record as tests write it down. */
export interface TestRecord {
  readonly timestampNs: bigint;
  readonly line: TestValue;
  /** The text of a layout that is stored instead of the line: see `laidOut`. */
  readonly layout?: string;
  /** Kept whole beside `body`, as structured lines without a layout are. */
  readonly structured?: boolean;
  readonly columns?: Partial<Record<ColumnName, TestValue>>;
  readonly numbers?: Partial<Record<ColumnName, number>>;
  readonly severity?: number;
  readonly labels?: TestPairs;
  readonly metadata?: TestPairs;
  readonly attributes?: TestPairs;
}

const NS_PER_S = 1_000_000_000n;
const EMPTY = new Uint8Array(0);

const bytesOfValue = (value: TestValue | undefined): Uint8Array =>
  value === undefined ? EMPTY : typeof value === 'string' ? toUtf8(value) : value;

const textOfValue = (value: TestValue | undefined): string =>
  typeof value === 'string' ? value : fromUtf8(bytesOfValue(value));

/** A record pushed as a Loki stream. */
export const lokiRecord = (
  timestampNs: bigint,
  labels: Readonly<Record<string, string>>,
  line: TestValue,
  more: Partial<TestRecord> = {},
): TestRecord => {
  const service = labels['service_name'];
  const columns = { receiver: 'loki', ...(service !== undefined && { service }), ...more.columns };
  return { ...more, timestampNs, labels, line, columns };
};

/** The record stored as values and layout; its line is what the layout gives. */
export const laidOut = (one: TestRecord, layout: Layout): TestRecord => ({
  ...one,
  layout: layout.text,
  line: fillLine(layout, valuesOf(one)),
});

const numberOf = (one: TestRecord, column: number): number =>
  (column === C.severity ? one.severity : one.numbers?.[COLUMNS[column]?.name as ColumnName]) ?? 0;

export const valuesOf = (one: TestRecord): RowValues => ({
  text: (column) => bytesOfValue(one.columns?.[COLUMNS[column]?.name as ColumnName]),
  number: (column) => numberOf(one, column),
  time: () => one.timestampNs,
  pair: (column, key) => {
    const map = COLUMNS[column]?.name as 'labels' | 'metadata' | 'attributes';
    return bytesOfValue(one[map]?.[fromUtf8(bytesOf(key))]);
  },
});

/** The records as ingest would encode them. */
export const testBatch = (
  tenant: string,
  observedNs: bigint,
  records: readonly TestRecord[],
): Batch => {
  const batch = new RecordBatch();
  batch.begin(observedNs);
  const record = new LogRecord();
  const set = (column: number, value: TestValue): void => {
    const bytes = bytesOfValue(value);
    record.set(column, bytes, 0, bytes.length);
  };
  for (const one of records) {
    record.reset();
    record.setTime(Number(one.timestampNs / NS_PER_S), Number(one.timestampNs % NS_PER_S));
    for (const [name, value] of Object.entries(one.columns ?? {})) set(C[name as never], value);
    for (const [name, value] of Object.entries(one.numbers ?? {})) {
      record.numbers[C[name as ColumnName]] = value;
    }
    record.numbers[C.severity] = one.severity ?? 0;
    if (one.layout !== undefined) set(C.layout, bytesOf(one.layout));
    else set(one.structured === true ? C.line : C.body, one.line);
    for (const map of ['labels', 'metadata', 'attributes'] as const) {
      for (const [name, value] of Object.entries(one[map] ?? {})) {
        const bytes = bytesOfValue(value);
        record[map].put(keys.of(name), bytes, 0, bytes.length);
      }
    }
    batch.append(record);
  }
  return { ...batch.take(tenant, 'test'), layouts: layoutUses(records) };
};

/** The layouts of the records and the services that use them, for the catalog. */
const layoutUses = (records: readonly TestRecord[]): LayoutUse[] => {
  const uses = new Map<string, Set<string>>();
  for (const { layout, columns } of records) {
    if (layout === undefined) continue;
    const services = uses.get(layout) ?? new Set();
    uses.set(layout, services.add(binary(bytesOfValue(columns?.service))));
  }
  return [...uses].map(([text, services]) => ({ text, services: [...services] }));
};

const pairsOf = (map: TestPairs | undefined): Pair[] =>
  Object.entries(map ?? {}).map(([name, value]) => [name, textOfValue(value)]);

/** The rows that queries see of a stored batch, made without the engine, from the lines. */
export const testRows = (
  records: readonly TestRecord[],
  options: LabelOptions,
  stored: Pick<NumberedBatch, 'lane' | 'seq'> = { lane: 'test', seq: 0 },
): Row[] =>
  records.map((one, i) => {
    const text = (name: ColumnName): string => textOfValue(one.columns?.[name]);
    const columns: LabelColumns = {
      receiver: text('receiver'),
      severity: one.severity ?? 0,
      severityText: text('severity_text'),
      mesh: MESH_LABELS.map(([, column]) => text(column)),
      labels: pairsOf(one.labels),
      metadata: pairsOf(one.metadata),
    };
    const stream = streamLabels(columns);
    const line = bytesOfValue(one.line);
    return {
      timestampNs: one.timestampNs,
      lane: stored.lane,
      seq: stored.seq + i,
      stream,
      metadata: metadataLabels(columns, stream, options),
      line: fromUtf8(line),
      lineBytes: line.length,
      lineRaw: isValidUtf8(line) ? undefined : line,
      fields: {
        columns: new Map(fieldsOf(one)),
        labels: columns.labels,
        metadata: columns.metadata,
        attributes: pairsOf(one.attributes),
      },
    };
  });

/** The columns that are set, as `| record` gives them. */
const fieldsOf = (one: TestRecord): [string, string][] => {
  const numbers = { ...one.numbers, severity: one.severity ?? 0 };
  const body = one.layout === undefined && one.structured !== true ? { body: one.line } : {};
  return [
    ...Object.entries({ ...one.columns, ...body })
      .map(([name, value]): [string, string] => [name, textOfValue(value)])
      .filter(([, value]) => value !== ''),
    ...Object.entries(numbers)
      .filter(([, value]) => value !== 0)
      .map(([name, value]): [string, string] => [name, String(value)]),
  ];
};

/** What the engine's fixture gives, as far as queries need it. */
export interface QueryTarget {
  readonly reader: EngineReader;
  readonly catalog: QueryCatalog;
}
