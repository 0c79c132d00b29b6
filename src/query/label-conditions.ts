import { compareSql, holdsForAbsent } from './conditions.ts';
import type {
  BytesFilter,
  CompareOp,
  DurationFilter,
  LabelFilter,
  Matcher,
  NumberFilter,
} from './logql/ast.ts';
import { DURATIONS, NUMBERS, SIZES, type NumberReading } from './number-sql.ts';
import { ERROR_LABEL } from './pipeline/entry.ts';
import { labelSql, type LabelSpace, type LabelSql } from './record-fields.ts';
import { isStoredLabel, type LabelOptions } from './record-labels.ts';
import { plainAlternatives } from './regex.ts';
import type { SqlParams } from './sql-params.ts';

/** A label filter as SQL. */
export interface LabelCondition {
  /** Holds for every row that the filter keeps, and for rows in doubt. */
  readonly pass: string;
  /** Among rows that pass, those that only our process can decide; `undefined` where never. */
  readonly doubt: string | undefined;
}

/** Whether SQL can tell most rows that the filter keeps from those that it drops. */
export const isSqlLabelFilter = (filter: LabelFilter): boolean => {
  switch (filter.type) {
    case 'and_filter':
    case 'or_filter':
      return isSqlLabelFilter(filter.left) && isSqlLabelFilter(filter.right);
    case 'matcher':
      return isStoredLabel(filter.name) || asksForNoError(filter);
    case 'bytes_filter':
      return isStoredLabel(filter.name) && filter.valueBytes <= Number.MAX_SAFE_INTEGER;
    case 'number_filter':
    case 'duration_filter':
      return isStoredLabel(filter.name);
    case 'ip_filter':
      return false;
  }
};

/** `__error__=""`: rows that are not in doubt have no error. */
const asksForNoError = (filter: Matcher): boolean =>
  filter.name === ERROR_LABEL && holdsForAbsent(filter);

/** Labels of which few rows share a value, with indexes of their own. */
const IDS: ReadonlySet<string> = new Set(['trace_id', 'request_id']);

/** Whether the filter keeps only rows with one id. */
export const isForIds = (filter: LabelFilter): boolean => {
  if (filter.type === 'and_filter') return isForIds(filter.left) || isForIds(filter.right);
  if (filter.type !== 'matcher') return false;
  return filter.op === '=' && filter.value !== '' && IDS.has(filter.name);
};

/** Whether SQL decides the filter for every row. */
export const isDecided = (filter: LabelFilter, space: LabelSpace): boolean => {
  if (filter.type === 'and_filter' || filter.type === 'or_filter') {
    return isDecided(filter.left, space) && isDecided(filter.right, space);
  }
  if (filter.type !== 'matcher' || filter.name === ERROR_LABEL) return false;
  return space === 'stored' || (space === 'record' && comparesBytes(filter));
};

/** Whether the matcher is decided alike for text and for the bytes it stands for. */
const comparesBytes = ({ op, value }: Matcher): boolean =>
  !value.includes('\ufffd') &&
  (op === '=' || op === '!=' || plainAlternatives(value) !== undefined);

/** A filter for which `isSqlLabelFilter` holds. */
export const labelConditionSql = (
  filter: LabelFilter,
  space: LabelSpace,
  params: SqlParams,
  options: LabelOptions,
): LabelCondition => {
  const of = (one: LabelFilter): LabelCondition => labelConditionSql(one, space, params, options);
  switch (filter.type) {
    case 'and_filter':
    case 'or_filter': {
      const [left, right] = [of(filter.left), of(filter.right)];
      const join = filter.type === 'and_filter' ? 'AND' : 'OR';
      return { pass: `(${left.pass} ${join} ${right.pass})`, doubt: anyDoubt([left, right]) };
    }
    case 'matcher': {
      if (filter.name === ERROR_LABEL) return { pass: '1', doubt: undefined };
      return matcherCondition(filter, labelSql(filter.name, space, params, options), params);
    }
    default: {
      const label = labelSql(filter.name, space, params, options);
      const { reading, right } = comparedWith(filter, params);
      return comparisonCondition(label, reading, `${SQL_OPS[filter.op]} ${right}`);
    }
    case 'ip_filter':
      throw new RangeError('addresses are compared in process');
  }
};

/** Rows that any of the conditions leaves in doubt. */
export const anyDoubt = (
  conditions: readonly Pick<LabelCondition, 'doubt'>[],
): string | undefined => {
  const doubts = conditions.flatMap(({ doubt }) => doubt ?? []);
  return doubts.length === 0 ? undefined : `(${doubts.join(' OR ')})`;
};

/** Of more values a hint would cost more than it saves. */
const HINTED_VALUES = 8;

const matcherCondition = (matcher: Matcher, label: LabelSql, params: SqlParams): LabelCondition => {
  const { text, raw, mayEqual } = label;
  const compared = compareSql(text, matcher, params);
  if (raw && !comparesBytes(matcher)) {
    return inDoubt(compared, [`NOT isValidUTF8(${text})`, ...doubtOf(label)]);
  }
  const values = matcher.op === '=' ? [matcher.value] : plainAlternatives(matcher.value);
  const positive = matcher.op === '=' || matcher.op === '=~';
  if (!positive || mayEqual === undefined || values === undefined || !areHinted(values)) {
    return inDoubt(compared, doubtOf(label));
  }
  const hints = values.map((value) => mayEqual(value)).join(' OR ');
  return inDoubt(`(${hints}) AND ${compared}`, doubtOf(label));
};

const areHinted = (values: readonly string[]): boolean =>
  !values.includes('') && values.length <= HINTED_VALUES;

const doubtOf = ({ doubt }: LabelSql): readonly string[] => (doubt === undefined ? [] : [doubt]);

/** A condition that rows in doubt pass too. */
const inDoubt = (holds: string, doubts: readonly string[]): LabelCondition => {
  if (doubts.length === 0) return { pass: `(${holds})`, doubt: undefined };
  const doubt = `(${doubts.join(' OR ')})`;
  return { pass: `(${holds} OR ${doubt})`, doubt };
};

const SQL_OPS: Readonly<Record<CompareOp, string>> = {
  '==': '=',
  '!=': '!=',
  '>': '>',
  '>=': '>=',
  '<': '<',
  '<=': '<=',
};

const comparedWith = (
  filter: NumberFilter | DurationFilter | BytesFilter,
  params: SqlParams,
): { readonly reading: NumberReading; readonly right: string } => {
  switch (filter.type) {
    case 'number_filter':
      return { reading: NUMBERS, right: params.float64(filter.value) };
    case 'duration_filter':
      return { reading: DURATIONS, right: params.int64(filter.valueNs) };
    case 'bytes_filter':
      return { reading: SIZES, right: params.float64(Number(filter.valueBytes)) };
  }
};

/** Rows without the label go; those whose text is no plain number are left to our process. */
const comparisonCondition = (
  label: LabelSql,
  reading: NumberReading,
  comparison: string,
): LabelCondition => {
  const { text, column } = label;
  const ofText = (value: string): LabelCondition => {
    const holds = `${reading.plain(value)} AND ${reading.value(value)} ${comparison}`;
    return inDoubt(`(${holds})`, [isRareSql(reading, value)]);
  };
  const { ofColumn } = reading;
  if (column === undefined || ofColumn === undefined) {
    const { pass, doubt } = ofText(text);
    const empty = label.empty === undefined ? [] : [label.empty];
    return inDoubt(pass, [...(doubt === undefined ? [] : [doubt]), ...doubtOf(label), ...empty]);
  }
  const { integer, isSet, hidden } = column;
  const own = `(${isSet} AND ${ofColumn(integer)} ${comparison})`;
  if (hidden === undefined) return inDoubt(own, doubtOf(label));
  const { pass, doubt } = ofText(hidden.text);
  return {
    pass: `if(${hidden.when}, ${pass}, ${own})`,
    doubt: `(${hidden.when} AND ${doubt ?? '0'})`,
  };
};

/** A text that SQL cannot tell to be a number or none. */
const isRareSql = (reading: NumberReading, text: string): string =>
  `(${text} != '' AND NOT ${reading.plain(text)})`;

/** A label's number as `unwrap` takes it, whether there is one, and rows in doubt. */
export const numberOfLabel = (
  label: LabelSql,
  reading: NumberReading,
): { readonly value: string; readonly isSet: string; readonly doubts: readonly string[] } => {
  const { text, column } = label;
  const { ofColumn } = reading;
  const doubts = doubtOf(label);
  if (column === undefined || ofColumn === undefined) {
    return {
      value: reading.value(text),
      isSet: inDoubt(`(${text}) != ''`, doubts).pass,
      doubts: [isRareSql(reading, text), ...doubts],
    };
  }
  const { integer, isSet, hidden } = column;
  if (hidden === undefined) {
    return { value: ofColumn(integer), isSet: inDoubt(isSet, doubts).pass, doubts };
  }
  return {
    value: `if(${hidden.when}, ${reading.value(hidden.text)}, ${ofColumn(integer)})`,
    isSet: `(${hidden.when} OR ${isSet})`,
    doubts: [`(${hidden.when} AND ${isRareSql(reading, hidden.text)})`, ...doubts],
  };
};
