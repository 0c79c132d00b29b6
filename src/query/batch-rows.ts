import { C, COLUMNS } from '../model/columns.ts';
import { NativeReader } from '../model/native-reader.ts';
import type { NumberedBatch } from '../model/storage.ts';
import type { Labels, Pair } from './labels.ts';
import { lineOf } from './line.ts';
import {
  MESH_LABELS,
  metadataLabels,
  streamLabels,
  type LabelColumns,
  type LabelOptions,
} from './record-labels.ts';
import type { RecordFields, Row } from './row.ts';
import { fromUtf8, isValidUtf8 } from './utf8.ts';

/** Rows after which other work gets its turn: a batch may have 65,536. */
const ROWS_PER_TURN = 256;

/** The rows of a batch that has just become durable, as queries see them. */
export async function* rowsOfBatch(
  batch: NumberedBatch,
  options: LabelOptions,
): AsyncGenerator<Row, void, undefined> {
  const reader = new NativeReader(await batch.load(), batch.columns, batch.rows);
  for (let row = 0; row < batch.rows; row++) {
    if (row % ROWS_PER_TURN === ROWS_PER_TURN - 1) {
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    yield new BatchRow(batch, reader, row, options);
  }
}

/** Reads what most queries need at once, and all the fields only when one asks for them. */
class BatchRow implements Row {
  readonly timestampNs: bigint;
  readonly lane: string;
  readonly seq: number;
  readonly stream: Labels;
  readonly metadata: Labels;
  readonly line: string;
  readonly lineBytes: number;
  readonly lineRaw: Uint8Array | undefined;
  private readonly reader: NativeReader;
  private readonly row: number;

  constructor(batch: NumberedBatch, reader: NativeReader, row: number, options: LabelOptions) {
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
    const line = lineOf(reader.text(C.line, row), reader.text(C.body, row));
    this.line = fromUtf8(line);
    this.lineBytes = line.length;
    this.lineRaw = isValidUtf8(line) ? undefined : line.slice();
  }

  get fields(): RecordFields {
    const columns = new Map<string, string>();
    COLUMNS.forEach(({ name, kind }, column) => {
      const value = kind === 'map' ? '' : this.valueOf(kind, column);
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
  private valueOf(kind: string, column: number): string {
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
