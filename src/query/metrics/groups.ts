import type { Labels, Pair } from '../labels.ts';
import { Entry } from '../pipeline/entry.ts';
import { labelSql, type LabelSpace } from '../record-fields.ts';
import {
  IS_LOKI_SQL,
  isStoredLabel,
  LOKI_RECEIVER,
  MESH_LABELS,
  metadataLabels,
  streamLabels,
  type LabelColumns,
  type LabelOptions,
} from '../record-labels.ts';
import type { BinaryKind, BinaryValue } from '../row-binary.ts';
import type { SqlParams } from '../sql-params.ts';
import { shapeLabels, type Shape } from './shape.ts';

/** What the engine groups rows by, and the labels that a group's values stand for. */
export interface Groups {
  readonly columns: (params: SqlParams) => readonly GroupColumn[];
  readonly kinds: readonly BinaryKind[];
  readonly labels: (values: readonly BinaryValue[]) => Labels;
  /** Whether no two groups of valid texts have the same labels. */
  readonly distinct: boolean;
}

export interface GroupColumn {
  readonly sql: string;
  /** Whether the text may hold bytes that are no UTF-8. */
  readonly raw: boolean;
  /** Rows whose label may be another. */
  readonly doubt: string | undefined;
}

/** Whether SQL knows the labels of a shape: those named, or all that are stored. */
export const hasGroups = (shape: Shape, space: LabelSpace): boolean =>
  space === 'stored' || (shape.type === 'by' && shape.names.every(isStoredLabel));

/** `undefined` where SQL does not know the labels of a shape. */
export const groupsOf = (
  shape: Shape,
  space: LabelSpace,
  options: LabelOptions,
): Groups | undefined => {
  if (shape.type === 'by' && shape.names.every(isStoredLabel)) {
    return groupsByName(shape.names, space, options);
  }
  return space === 'stored' ? groupsByStream(shape, options) : undefined;
};

const groupsByName = (
  names: readonly string[],
  space: LabelSpace,
  options: LabelOptions,
): Groups => ({
  columns: (params) =>
    names.map((name) => {
      const { text, raw, doubt, empty } = labelSql(name, space, params, options);
      const doubts = [doubt ?? [], empty ?? []].flat();
      return { sql: text, raw, doubt: doubts.length === 0 ? undefined : doubts.join(' OR ') };
    }),
  kinds: names.map(() => 'name'),
  labels: (values) => {
    const pairs: Pair[] = [];
    names.forEach((name, i) => {
      if (values[i] !== '') pairs.push([name, values[i] as string]);
    });
    return pairs;
  },
  distinct: true,
});

const NO_PAIRS_SQL = `CAST(map(), 'Map(LowCardinality(String), String)')`;

/** All that labels are made of; what a row's labels do not depend on is made equal. */
const groupsByStream = (shape: Shape, options: LabelOptions): Groups => {
  const level = (column: string, none: string): string =>
    options.discoverLogLevels ? `if(${IS_LOKI_SQL}, ${column}, ${none})` : none;
  const columns = [
    `if(${IS_LOKI_SQL}, '${LOKI_RECEIVER}', '')`,
    level('severity', 'toUInt8(0)'),
    level('severity_text', `''`),
    `if(${IS_LOKI_SQL}, labels, ${NO_PAIRS_SQL})`,
    'metadata',
    ...MESH_LABELS.map(([, column]) => `if(${IS_LOKI_SQL}, '', ${column})`),
  ];
  return {
    columns: () => columns.map((sql) => ({ sql, raw: false, doubt: undefined })),
    kinds: ['name', 'u8', 'name', 'labels', 'map', ...MESH_LABELS.map(() => 'name' as const)],
    labels: (values) => {
      const [receiver, severity, severityText, labels, metadata, ...mesh] = values;
      const held = { receiver, severity, severityText, labels, metadata, mesh };
      return shapeLabels(labelsOf(held as unknown as LabelColumns, options), shape);
    },
    distinct: false,
  };
};

/** The labels of rows with these columns, by the rules for single rows. */
const labelsOf = (columns: LabelColumns, options: LabelOptions): Labels => {
  const stream = streamLabels(columns);
  const metadata = metadataLabels(columns, stream, options);
  if (metadata.length === 0) return stream;
  const row = { timestampNs: 0n, lane: '', seq: 0, stream, metadata, line: '', lineBytes: 0 };
  return new Entry({ ...row, lineRaw: undefined, fields: undefined }).all();
};
