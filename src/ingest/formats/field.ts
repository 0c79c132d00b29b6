import { COLUMNS, type ColumnName } from '../../model/columns.ts';
import { NS } from '../../model/duration.ts';
import { NAMED_FIELDS, READ, type NamedFields } from '../../model/fields-names.ts';
import type { TimePattern } from './strftime.ts';

/**
 * What a value may consist of, which says where it ends:
 * - `number`  digits, signs and a point
 * - `word`    anything but blanks
 * - `list`    words joined by `, ` or ` : ` (NGINX's upstreams)
 * - `any`     anything
 * - `request` anything; method, path and protocol where it is a request line
 */
export type Shape = 'number' | 'word' | 'list' | 'any' | 'request';

/** A value of a definition. */
export interface Field {
  /** The field's name, which says its column (see fields-names.ts); else an attribute's. */
  readonly name: string;
  /** As the definition has it: `%REQ(:METHOD)%`, `$status`. */
  readonly operator: string;
  /** Position in the definition. */
  readonly at: number;
  readonly shape: Shape;
  /** Nanoseconds of one, for durations whose name does not tell the unit. */
  readonly unit?: number;
  /** Column of such a duration, or of a text whose name has none. */
  readonly column?: number;
  /** `-` is kept where it is a value of its own (no response flags) rather than nothing. */
  readonly dash?: true;
  /** Absent values are empty, not `-`. */
  readonly blank?: true;
  /** The writer escapes values as in JSON strings. */
  readonly escaped?: true;
  /** A time in a form of its own. */
  readonly time?: TimePattern;
}

const byName = new Map<string, NamedFields>();
for (const row of NAMED_FIELDS) {
  if (row.envelopeOnly === true) continue;
  for (const name of row.names.split(' ')) byName.set(name, row);
}

/** Whether a field of this name in a line has a column of its own. */
export const isNamed = (name: string): boolean => byName.has(name);

/** Whether a field goes to a column. */
export const hasColumn = ({ name, column, unit }: Field): boolean =>
  column !== undefined || unit !== undefined || isNamed(name);

const UNITS: Readonly<Record<number, string>> = {
  [NS.ns]: 'ns',
  [NS.us]: 'us',
  [NS.ms]: 'ms',
  [NS.s]: 's',
};

/** What a field becomes, in words: a row of `meshtrail format explain`. */
export interface ExplainedField {
  readonly operator: string;
  /** `status`, or `attributes.x`. */
  readonly goesTo: string;
  /** Of the value in the line; '' where it has none. */
  readonly unit: string;
}

export const explainField = (field: Field): ExplainedField => {
  const { name, operator, column, unit, shape, time } = field;
  if (shape === 'request') return { operator, goesTo: 'method, path, protocol', unit: '' };
  const row = byName.get(name);
  const known: ColumnName | undefined =
    column !== undefined ? COLUMNS[column]?.name : unit !== undefined ? 'duration_ns' : row?.column;
  const written = unit ?? (row?.reading === READ.duration ? row.unit : undefined);
  return {
    operator,
    goesTo: known ?? `attributes.${name}`,
    unit: time !== undefined ? 'time' : written === undefined ? '' : (UNITS[written] ?? ''),
  };
};
