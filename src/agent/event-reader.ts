import { createNormalize, type Normalize } from '../ingest/normalize/recognise.ts';
import { C, COLUMNS } from '../model/columns.ts';
import { LogRecord } from '../model/record.ts';
import type { EventFields, Piece } from './input.ts';

const EMPTY = new Uint8Array(0);
const COLUMN_OF = new Map<string, number>(COLUMNS.map(({ name }, column) => [name, column]));

/**
 * Looks into one event for the rules: with the normalizers that the server runs, so that both see
 * the same fields. It does so only when asked.
 */
export class EventReader {
  private readonly record = new LogRecord();
  private normalize: Normalize | undefined;
  private piece: Piece | undefined;
  private index = 0;
  private fields: EventFields = {};
  private isRead = false;

  /** What follows is about event `i` of the piece; `fields` are those of its source. */
  open(piece: Piece, i: number, fields: EventFields): void {
    this.piece = piece;
    this.index = i;
    this.fields = fields;
    this.isRead = false;
  }

  get line(): Uint8Array {
    const { piece, index } = this;
    return piece?.bytes.subarray(piece.starts[index], piece.ends[index]) ?? EMPTY;
  }

  /** OpenTelemetry's severity number; 0 where the line does not tell. */
  get severity(): number {
    return this.read().numbers[C.severity] as number;
  }

  /** A field of the event or its source, by its column's name or its own; undefined without. */
  field(name: string): string | undefined {
    const { piece, index } = this;
    const own = piece?.eventFields?.[index]?.[name] ?? this.fields[name];
    if (own !== undefined) return own;
    const record = this.read();
    const column = COLUMN_OF.get(name);
    if (column !== undefined) {
      if (record.has(column)) return record.text(column);
      const number = record.numbers[column] as number;
      if (number !== 0) return String(number);
    }
    return record.attributes.get(name) ?? record.metadata.get(name);
  }

  private read(): LogRecord {
    const { record, piece, index } = this;
    if (this.isRead || piece === undefined) return record;
    this.isRead = true;
    record.reset();
    record.format = piece.source.format ?? '';
    record.setLine(piece.bytes, piece.starts[index] as number, piece.ends[index] as number);
    this.normalize ??= createNormalize();
    this.normalize(record, piece.source.id);
    return record;
  }
}
