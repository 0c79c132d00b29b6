import { COLUMNS, TAIL_COLUMNS, type ColumnKind } from '../model/columns.ts';
import { anyLabelSql, mapLabelSql, type LabelOptions } from './record-labels.ts';
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

/** Which labels a row has at one place of a pipeline: those stored, or those after `| record`. */
export type LabelSpace = 'stored' | 'record';

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
}

export interface NumberColumnSql {
  readonly integer: string;
  readonly isSet: string;
  readonly hiddenBy: string;
}

/** The value of a label in a space; a name for which `isStoredLabel` holds. */
export const labelSql = (
  name: string,
  space: LabelSpace,
  params: SqlParams,
  options: LabelOptions,
): LabelSql =>
  space === 'stored'
    ? {
        text: anyLabelSql(name, params, options),
        column: undefined,
        raw: false,
        mayEqual: undefined,
      }
    : recordLabelSql(name, params, options);

/**
 * The value of a label after `| record`: a stored label of the name hides the column of the name;
 * names without a column are looked for in attributes, then in labels.
 */
export const recordLabelSql = (
  name: string,
  params: SqlParams,
  options: LabelOptions,
): LabelSql => {
  const stored = anyLabelSql(name, params, options);
  const kind = RECORD_COLUMNS.get(name);
  const hinted = (own: (value: string) => string) => (value: string) => {
    const held = params.text(value);
    const maps = `mapContainsValue(metadata, ${held}) OR mapContainsValue(labels, ${held})`;
    return `(${own(held)} OR ${maps})`;
  };
  if (kind === undefined) {
    const attribute = mapLabelSql('attributes', name, params);
    const own = `if((${attribute}) != '', ${attribute}, ${mapLabelSql('labels', name, params)})`;
    return {
      text: orStored(stored, own),
      column: undefined,
      raw: true,
      mayEqual: hinted((value) => `mapContainsValue(attributes, ${value})`),
    };
  }
  const number = numberColumn(name, kind);
  if (number === undefined) {
    return {
      text: orStored(stored, name),
      column: undefined,
      raw: kind === 'text',
      mayEqual: INDEXED.has(name) ? hinted((value) => `${name} = ${value}`) : undefined,
    };
  }
  const always = kind === 'time' || name === 'seq';
  const digits = `toString(${number})`;
  return {
    text: orStored(stored, always ? digits : `if(${number} = 0, '', ${digits})`),
    column: { integer: number, isSet: always ? '1' : `${number} != 0`, hiddenBy: stored },
    raw: false,
    mayEqual: undefined,
  };
};

const orStored = (stored: string, own: string): string =>
  `if((${stored}) != '', ${stored}, ${own})`;

const numberColumn = (name: string, kind: ColumnKind): string | undefined => {
  if (kind === 'time') return `toUnixTimestamp64Nano(${name})`;
  return kind === 'u8' || kind === 'u16' || kind === 'u64' ? name : undefined;
};
