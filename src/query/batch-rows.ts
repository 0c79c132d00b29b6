import { C, COLUMNS } from '../model/columns.ts';
import { binary, type RowValues } from '../model/layout.ts';
import { lineOfRow } from '../model/layout-fill.ts';
import { NativeReader } from '../model/native-reader.ts';
import type { NumberedBatch } from '../model/storage.ts';
import type { Labels, Pair } from './labels.ts';
import { layoutMemory, type LayoutMemory } from './layout-memory.ts';
import { LazyLine } from './lazy-line.ts';
import {
  MESH_LABELS,
  metadataLabels,
  streamLabels,
  type LabelColumns,
  type LabelOptions,
} from './record-labels.ts';
import type { RecordFields, Row } from './row.ts';
import { fromUtf8 } from './utf8.ts';

/** Rows after which other work gets its turn: a batch may have 65,536. */
const ROWS_PER_TURN = 256;

/** The rows of a batch that has just become durable, as queries see them. */
export async function* rowsOfBatch(
  batch: NumberedBatch,
  options: LabelOptions,
): AsyncGenerator<Row, void, undefined> {
  const reader = new NativeReader(await batch.load(), batch.columns, batch.rows);
  const memory = layoutMemory();
  for (let row = 0; row < batch.rows; row++) {
    if (row % ROWS_PER_TURN === ROWS_PER_TURN - 1) {
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    yield new BatchRow(batch, reader, row, options, memory);
  }
}

/** Reads what most queries need at once, and all the fields only when one asks for them. */
class BatchRow extends LazyLine implements Row {
  readonly timestampNs: bigint;
  readonly lane: string;
  readonly seq: number;
  readonly stream: Labels;
  readonly metadata: Labels;
  private readonly reader: NativeReader;
  private readonly row: number;

  constructor(
    batch: NumberedBatch,
    reader: NativeReader,
    row: number,
    options: LabelOptions,
    memory: LayoutMemory,
  ) {
    super(() => lineOfRow(valuesOf(reader, row), memory));
    this.reader = reader;
    this.row = row;
    this.timestampNs = reader.time(C.timestamp, row);
    this.lane = batch.lane;
    this.seq = batch.seq + row;
    const columns: LabelColumns = {
      receiver: this.text(C.receiver),
      severity: reader.number(C.severity, row),
      severityText: this.text(C.severity_text),
      mesh: MESH_LABELS.map(([, column]) => this.text(C[column])),
      labels: this.pairs(C.labels),
      metadata: this.pairs(C.metadata),
    };
    this.stream = streamLabels(columns);
    this.metadata = metadataLabels(columns, this.stream, options);
  }

  get fields(): RecordFields {
    const columns = new Map<string, string>();
    COLUMNS.forEach(({ name, kind }, column) => {
      const value = kind === 'map' ? '' : this.fieldOf(kind, column);
      if (value !== '') columns.set(name, value);
    });
    columns.set('lane', this.lane);
    columns.set('seq', String(this.seq));
    return {
      columns,
      labels: this.pairs(C.labels),
      metadata: this.pairs(C.metadata),
      attributes: this.pairs(C.attributes),
    };
  }

  /** '' where unset. */
  private fieldOf(kind: string, column: number): string {
    if (kind === 'name' || kind === 'text') return this.text(column);
    if (kind === 'time') return String(this.reader.time(column, this.row));
    const value = this.reader.number(column, this.row);
    return value === 0 ? '' : String(value);
  }

  private text(column: number): string {
    return fromUtf8(this.reader.text(column, this.row));
  }

  private pairs(column: number): Pair[] {
    const found: Pair[] = [];
    this.reader.pairs(column, this.row, (key, value) => {
      found.push([fromUtf8(key), fromUtf8(value)]);
    });
    return found;
  }
}

const EMPTY = new Uint8Array(0);

const valuesOf = (reader: NativeReader, row: number): RowValues => ({
  text: (column) => reader.text(column, row),
  number: (column) => reader.number(column, row),
  time: (column) => reader.time(column, row),
  pair: (column, wanted) => {
    let found: Uint8Array | undefined;
    reader.pairs(column, row, (key, value) => {
      if (found === undefined && key.length === wanted.length && binary(key) === wanted) {
        found = value;
      }
    });
    return found ?? EMPTY;
  },
});
