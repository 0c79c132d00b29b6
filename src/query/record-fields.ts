import { COLUMNS, TAIL_COLUMNS, type ColumnKind } from '../model/columns.ts';
import {
  anyLabelSql,
  DETECTED_LEVEL,
  IS_LOKI_SQL,
  mapLabelSql,
  mayHaveMetadataSql,
  MESH_LABELS,
  streamLabelParts,
  type LabelOptions,
} from './record-labels.ts';
import { parsedLabelSql, type ParsedSpace } from './parsed-labels.ts';
import type { SqlParams } from './sql-params.ts';

/**
 * The labels that `| record` makes of a record's own fields, for SQL; pipeline/record.ts is the
 * same in process. A column's name always means the column: attributes and labels of that name get
 * the suffix `_extracted`, so that a query over columns need not look into the maps.
 */

/** The line's own columns: they would repeat the line. */
const LINE_FIELDS: ReadonlySet<string> = new Set(['line', 'layout']);

/** Columns that are labels after `| record`, with their kinds. */
export const RECORD_COLUMNS: ReadonlyMap<string, Exclude<ColumnKind, 'map'>> = new Map(
  [...COLUMNS, ...TAIL_COLUMNS].flatMap(({ name, kind }) =>
    kind === 'map' || LINE_FIELDS.has(name) ? [] : [[name, kind]],
  ),
);

/** Columns whose equality an index of the tables answers; see the schema. */
const INDEXED: ReadonlySet<string> = new Set(['trace_id', 'request_id', 'service']);

/**
 * Which labels a row has at one place of a pipeline: those stored, or those after `| record`.
 * `own` is for the first try of a metric: behind `| record`, as if no stored label hid a field;
 * rows where one does are in doubt. An object is what a parser adds.
 */
export type LabelSpace = 'stored' | 'record' | 'own' | ParsedSpace;

/** A label's value as SQL. */
export interface LabelSql {
  /** The text, '' where absent. */
  readonly text: string;
  /** For number columns: the integer, whether it is set, and the text that hides it. */
  readonly column: NumberColumnSql | undefined;
  /** Whether the text may hold bytes that are no UTF-8. */
  readonly raw: boolean;
  /** A condition that holds for all rows with that value and that indexes answer. */
  readonly mayEqual: ((value: string) => string) | undefined;
  /** Rows whose value may be another; `undefined` where there are none. */
  readonly doubt: string | undefined;
  /** Rows with the text '' whose label may be empty and not absent; `undefined` for none. */
  readonly empty: string | undefined;
}

export interface NumberColumnSql {
  readonly integer: string;
  readonly isSet: string;
  /** Whether a stored label hides the column, and that label's text; `undefined` for never. */
  readonly hidden: { readonly when: string; readonly text: string } | undefined;
}

/** The value of a label in a space; a name for which `isStoredLabel` holds. */
export const labelSql = (
  name: string,
  space: LabelSpace,
  params: SqlParams,
  options: LabelOptions,
): LabelSql => {
  if (typeof space === 'object') return parsedSql(name, space, params, options);
  if (space !== 'stored') return recordLabelSql(name, space, params, options);
  const text = anyLabelSql(name, params, options);
  const held = (value: string): string => inMaps(params.text(value));
  const derived = name === DETECTED_LEVEL || MESH_LABELS.some(([label]) => label === name);
  return {
    text,
    column: undefined,
    raw: false,
    mayEqual: derived ? undefined : held,
    doubt: undefined,
    empty: undefined,
  };
};

/** A stored label hides what a parser finds. */
const parsedSql = (
  name: string,
  space: ParsedSpace,
  params: SqlParams,
  options: LabelOptions,
): LabelSql => {
  const stored = anyLabelSql(name, params, options);
  const { text, doubt, mayBeEmpty } = parsedLabelSql(name, space);
  const whole = `if((${stored}) != '', ${stored}, ${text})`;
  return {
    text: whole,
    column: undefined,
    raw: false,
    mayEqual: undefined,
    doubt: `((${doubt}) AND (${stored}) = '')`,
    empty: `((${mayBeEmpty}) AND (${whole}) = '')`,
  };
};

const inMaps = (value: string): string =>
  `(mapContainsValue(metadata, ${value}) OR mapContainsValue(labels, ${value}))`;

/**
 * The value of a label after `| record`: a stored label of the name hides the column of the name;
 * names without a column are looked for in attributes, then in labels.
 */
export const recordLabelSql = (
  name: string,
  space: 'record' | 'own',
  params: SqlParams,
  options: LabelOptions,
): LabelSql => {
  const stored = anyLabelSql(name, params, options);
  const when = hidesSql(name, params, options);
  const hidden = `((${when}) AND (${stored}) != '')`;
  const kind = RECORD_COLUMNS.get(name);
  const integer = kind === undefined ? undefined : integerSql(name, kind);
  const { column } = streamLabelParts(name, params);
  // `service_name`: a column under another name, which hides fields of this one.
  const named = kind === undefined && column !== undefined;
  const own = space === 'own' && named ? column : ownSql(name, params);
  const index = indexOf(name, kind);
  return {
    text: space === 'own' ? own : `if(${hidden}, ${stored}, ${own})`,
    column:
      integer === undefined
        ? undefined
        : {
            integer,
            isSet: isAlwaysSet(name, kind) ? '1' : `${integer} != 0`,
            hidden: space === 'own' ? undefined : { when: hidden, text: stored },
          },
    raw: kind === undefined || kind === 'text',
    mayEqual:
      index === undefined
        ? undefined
        : (value) => {
            const held = params.text(value);
            return `(${index(held)} OR ${inMaps(held)})`;
          },
    doubt: space !== 'own' ? undefined : named ? `(${IS_LOKI_SQL} OR ${column} = '')` : when,
    empty: undefined,
  };
};

/**
 * Whether a stored label may hide a record's own field. A column that is a stored label itself, for
 * all but Loki's streams, is the field (`ownSql`).
 */
const hidesSql = (name: string, params: SqlParams, options: LabelOptions): string => {
  if (name === DETECTED_LEVEL) return `((${anyLabelSql(name, params, options)}) != '')`;
  const { loki, column } = streamLabelParts(name, params);
  const inMetadata = mayHaveMetadataSql(name, params);
  const inStream = `${IS_LOKI_SQL} AND ${loki} != ''`;
  if (column === undefined) return `((${inStream}) OR (${inMetadata}))`;
  if (column !== name) return `(${IS_LOKI_SQL} OR (${column} = '' AND ${inMetadata}))`;
  return `((${inStream}) OR ((${IS_LOKI_SQL} OR ${column} = '') AND ${inMetadata}))`;
};

const ownSql = (name: string, params: SqlParams): string => {
  const kind = RECORD_COLUMNS.get(name);
  if (kind !== undefined) return columnSql(name, kind);
  const { column } = streamLabelParts(name, params);
  const field = fieldSql(name, params);
  return column === undefined ? field : `if(${column} != '', ${column}, ${field})`;
};

/** An attribute, or a label of a record that is no Loki stream's. */
const fieldSql = (name: string, params: SqlParams): string => {
  const attribute = mapLabelSql('attributes', name, params);
  return `if((${attribute}) != '', ${attribute}, ${mapLabelSql('labels', name, params)})`;
};

const columnSql = (name: string, kind: ColumnKind): string => {
  const integer = integerSql(name, kind);
  if (integer === undefined) return name;
  const digits = `toString(${integer})`;
  return isAlwaysSet(name, kind) ? digits : `if(${integer} = 0, '', ${digits})`;
};

const integerSql = (name: string, kind: ColumnKind): string | undefined => {
  if (kind === 'time') return `toUnixTimestamp64Nano(${name})`;
  return kind === 'u8' || kind === 'u16' || kind === 'u64' ? name : undefined;
};

const isAlwaysSet = (name: string, kind: ColumnKind | undefined): boolean =>
  kind === 'time' || name === 'seq';

/** The condition of an index on a field's equality. */
const indexOf = (
  name: string,
  kind: ColumnKind | undefined,
): ((value: string) => string) | undefined => {
  if (MESH_LABELS.some(([label]) => label === name)) return undefined;
  if (kind === undefined) return (value) => `mapContainsValue(attributes, ${value})`;
  return INDEXED.has(name) ? (value) => `${name} = ${value}` : undefined;
};
