import { C } from '../model/columns.ts';
import { NativeReader } from '../model/native-reader.ts';
import type { NumberedBatch } from '../model/storage.ts';
import { lineOf } from './line.ts';
import {
  MESH_LABELS,
  metadataLabels,
  streamLabels,
  type LabelColumns,
  type LabelOptions,
} from './record-labels.ts';
import type { Pair } from './labels.ts';
import type { Row } from './row.ts';

const decoder = new TextDecoder();

/** The rows of a batch that has just become durable, as queries see them. */
export async function* rowsOfBatch(
  batch: NumberedBatch,
  options: LabelOptions,
): AsyncGenerator<Row, void, undefined> {
  const reader = new NativeReader(await batch.load(), batch.columns, batch.rows);
  const text = (column: number, row: number): string => decoder.decode(reader.text(column, row));
  const pairs = (column: number, row: number): Pair[] => {
    const found: Pair[] = [];
    reader.pairs(column, row, (key, value) => {
      found.push([decoder.decode(key), decoder.decode(value)]);
    });
    return found;
  };
  for (let row = 0; row < batch.rows; row++) {
    const columns: LabelColumns = {
      receiver: text(C.receiver, row),
      severity: reader.number(C.severity, row),
      severityText: text(C.severity_text, row),
      mesh: MESH_LABELS.map(([, column]) => text(C[column], row)),
      labels: pairs(C.labels, row),
      metadata: pairs(C.metadata, row),
    };
    const stream = streamLabels(columns);
    const line = lineOf(reader.text(C.line, row), reader.text(C.body, row));
    yield {
      timestampNs: reader.time(C.timestamp, row),
      lane: batch.lane,
      seq: batch.seq + row,
      stream,
      metadata: metadataLabels(columns, stream, options),
      line: decoder.decode(line),
      lineBytes: line.length,
      lineRaw: undefined,
      fields: undefined,
    };
  }
}
