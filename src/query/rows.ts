import { COLUMNS, TAIL_COLUMNS, type ColumnKind } from '../model/columns.ts';
import { must } from '../model/errors.ts';
import type { Labels, Pair } from './labels.ts';
import { LazyLine } from './lazy-line.ts';
import {
  LOKI_RECEIVER,
  MESH_LABELS,
  metadataLabels,
  streamLabels,
  type LabelColumns,
  type LabelOptions,
} from './record-labels.ts';
import type { RecordFields, Row } from './row.ts';
import { RowBinaryReader, type BinaryKind, type BinaryValue } from './row-binary.ts';
import type { Selection } from './row-selection.ts';
import { fromUtf8 } from './utf8.ts';

/** Columns that rows carry, besides what their lines are made of (`row-selection.ts`). */
export interface RowColumns {
  readonly names: readonly string[];
  readonly kinds: readonly BinaryKind[];
  /** Whether rows carry `fields`. */
  readonly whole: boolean;
  /** Whether rows have their lines; empty ones otherwise. */
  readonly lines: boolean;
}

/** Long, and mostly not looked at: they become text when somebody asks. */
const LINES: ReadonlySet<string> = new Set(['line', 'body']);
const ALL: readonly { readonly name: string; readonly kind: ColumnKind }[] = [
  ...COLUMNS,
  ...TAIL_COLUMNS,
];

const select = (names: readonly string[], whole: boolean): RowColumns => ({
  names,
  kinds: names.map((name) => {
    if (LINES.has(name)) return 'bytes';
    if (name === 'labels') return 'labels';
    return must(
      ALL.find((column) => column.name === name),
      `column ${name}`,
    ).kind;
  }),
  whole,
  lines: true,
});

/** Enough for labels and metadata. */
export const LINE_ROWS: RowColumns = select(
  [
    'timestamp',
    'lane',
    'seq',
    'receiver',
    'severity',
    'severity_text',
    ...MESH_LABELS.map(([, column]) => column),
    'labels',
    'metadata',
  ],
  false,
);

/** Every column: rows with `fields`. */
export const WHOLE_ROWS: RowColumns = select(
  ALL.map(({ name }) => name),
  true,
);

/** The same for those who look at no line: none is read or filled. */
export const withoutLines = (columns: RowColumns): RowColumns => ({ ...columns, lines: false });

/** A row, and whether its line cannot be had from what was selected. */
export interface ReadRow extends Row {
  readonly lineless: boolean;
}

/** Makes rows from a selection's values. Remembers label sets, for rows in order. */
export const rowMaker = (
  { columns, line }: Selection,
  options: LabelOptions,
): ((values: readonly BinaryValue[]) => ReadRow) => {
  const place = (name: string): number => columns.names.indexOf(name);
  const [timestamp, lane, seq] = [place('timestamp'), place('lane'), place('seq')];
  const [receiver, severity, text] = [place('receiver'), place('severity'), place('severity_text')];
  const [labels, metadata] = [place('labels'), place('metadata')];
  const mesh = MESH_LABELS.map(([, column]) => place(column));
  const streams = new StreamMemory();
  return (values) => {
    const held: LabelColumns = {
      receiver: values[receiver] as string,
      severity: values[severity] as number,
      severityText: values[text] as string,
      mesh: mesh.map((at) => values[at] as string),
      labels: values[labels] as readonly Pair[],
      metadata: values[metadata] as readonly Pair[],
    };
    const stream = streams.of(held);
    const print = line(values);
    return new EngineRow(
      {
        timestampNs: values[timestamp] as bigint,
        lane: values[lane] as string,
        seq: values[seq] as number,
        stream,
        metadata: metadataLabels(held, stream, options),
        fields: columns.whole ? fieldsOf(columns, values) : undefined,
        lineless: print === undefined,
      },
      print ?? (() => NO_LINE),
    );
  };
};

const NO_LINE = new Uint8Array(0);

/** Lines are filled and decoded when they are looked at: label queries never do. */
class EngineRow extends LazyLine implements ReadRow {
  readonly timestampNs: bigint;
  readonly lane: string;
  readonly seq: number;
  readonly stream: Labels;
  readonly metadata: Labels;
  readonly fields: RecordFields | undefined;
  readonly lineless: boolean;

  constructor(row: Omit<ReadRow, 'line' | 'lineBytes' | 'lineRaw'>, print: () => Uint8Array) {
    super(print);
    this.timestampNs = row.timestampNs;
    this.lane = row.lane;
    this.seq = row.seq;
    this.stream = row.stream;
    this.metadata = row.metadata;
    this.fields = row.fields;
    this.lineless = row.lineless;
  }
}

/**
 * Gives the same label set for the same columns, so that others can remember what they made of
 * it.
 */
class StreamMemory {
  private readonly loki = new WeakMap<readonly Pair[], Labels>();
  private readonly others = new Map<string, Labels>();

  of(columns: LabelColumns): Labels {
    if (columns.receiver === LOKI_RECEIVER) {
      let stream = this.loki.get(columns.labels);
      if (stream === undefined) this.loki.set(columns.labels, (stream = streamLabels(columns)));
      return stream;
    }
    const key = columns.mesh.join('\u0000');
    let stream = this.others.get(key);
    if (stream === undefined) {
      if (this.others.size >= STREAMS_REMEMBERED) this.others.clear();
      this.others.set(key, (stream = streamLabels(columns)));
    }
    return stream;
  }
}

/** Streams of one answer are rarely more; beyond it they are made anew. */
const STREAMS_REMEMBERED = 1_024;

const fieldsOf = (columns: RowColumns, values: readonly BinaryValue[]): RecordFields => {
  const texts = new Map<string, string>();
  const maps: Record<string, readonly Pair[]> = {};
  columns.names.forEach((name, i) => {
    const kind = columns.kinds[i];
    const value = values[i] as BinaryValue;
    if (kind === 'map' || kind === 'labels') maps[name] = value as readonly Pair[];
    else if (kind === 'bytes') setText(texts, name, fromUtf8(value as Uint8Array));
    else if (kind === 'name' || kind === 'text') setText(texts, name, value as string);
    else if (value !== 0 || name === 'seq') texts.set(name, String(value));
  });
  return {
    columns: texts,
    labels: maps['labels'] ?? [],
    metadata: maps['metadata'] ?? [],
    attributes: maps['attributes'] ?? [],
  };
};

const setText = (texts: Map<string, string>, name: string, value: string): void => {
  if (value !== '') texts.set(name, value);
};

/** Reads rows as they arrive. Throws when the stream ends within a row. */
export async function* readRows(
  chunks: AsyncIterable<Uint8Array>,
  selection: Selection,
  options: LabelOptions,
): AsyncGenerator<readonly ReadRow[], void, undefined> {
  const make = rowMaker(selection, options);
  for await (const values of readValues(chunks, selection.kinds)) yield values.map(make);
}

/** Reads values as they arrive, the rows of each chunk together. */
export async function* readValues(
  chunks: AsyncIterable<Uint8Array>,
  kinds: readonly BinaryKind[],
): AsyncGenerator<readonly BinaryValue[][], void, undefined> {
  const reader = new RowBinaryReader(kinds);
  for await (const chunk of chunks) {
    const rows = [...reader.push(chunk)];
    if (rows.length > 0) yield rows;
  }
  must(reader.complete ? true : undefined, 'the engine ended its answer within a row');
}
