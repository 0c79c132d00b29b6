import { DASH_FORM, NUMBER_FORM, TEXT_FORM, type Form, type ScaledUnit } from './layout-form.ts';
import { timeFormOf } from './layout-time-forms.ts';

/**
 * Where a field of the line went and in which form it stood there, as one integer, because it is
 * made for every field of every line: the column in the low eight bits, then what is written
 * (`PLACE`) in four, then the form's own number. Negative: nowhere from where the line could be
 * made again.
 */
export const PLACE = {
  /** The column holds the bytes as they stand in the line. */
  text: 0 << 8,
  /** The same, escaped in a JSON string; the number is the dialect. */
  json: 1 << 8,
  /** A proxy's `-`, for which the column holds nothing. */
  dash: 2 << 8,
  number: 3 << 8,
  /** The number is `scaledNumber`'s. */
  scaled: 4 << 8,
  /** The number is that of the time's form. */
  time: 5 << 8,
  epochSecond: 6 << 8,
  nanoOfSecond: 7 << 8,
  /** Not kept, because it says nothing: these are the layout's own. */
  empty: 8 << 8,
  null: 9 << 8,
  bareDash: 10 << 8,
  /** From here to `plain` literals are escaped for a JSON string; the number is the dialect. */
  quoted: 11 << 8,
  plain: 12 << 8,
  /** The column is empty, as the value is, and may yet be filled by another field. */
  blank: 13 << 8,
} as const;

/** The value is not kept, or not in a form from which its text could be made again. */
export const LOST = -1;
/** Not a place: the value has no column, and must be kept under its own name. */
export const REST = -2;

const UNITS: readonly ScaledUnit[] = ['s', 'ms', 'us'];

/** The number of a scaled form: a bare number in units of `unitNs`, with so many decimals. */
export const scaledPlace = (column: number, unitNs: number, decimals: number): number => {
  if (unitNs === 1) return column | PLACE.number;
  const unit = unitNs === 1_000_000 ? 1 : unitNs === 1_000 ? 2 : unitNs === 1_000_000_000 ? 0 : -1;
  return unit < 0 ? REST : column | PLACE.scaled | ((unit + 4 * (decimals + 1)) << 12);
};

export const columnOf = (place: number): number => place & 0xff;
export const kindOf = (place: number): number => place & 0xf00;

/** The place of a string that was written with escapes in a dialect; none where that is below 0. */
export const escapedPlace = (place: number, dialect: number): number =>
  place >= 0 && dialect >= 0 && kindOf(place) === PLACE.text
    ? place | PLACE.json | (dialect << 12)
    : LOST;

/** The form of a place that is a hole; undefined for the layout's own. */
export const formOf = (place: number): Form | undefined => {
  const number = place >> 12;
  switch (kindOf(place)) {
    case PLACE.text:
    case PLACE.blank:
      return TEXT_FORM;
    case PLACE.json:
      return { kind: 'json', dialect: number };
    case PLACE.dash:
      return DASH_FORM;
    case PLACE.number:
      return NUMBER_FORM;
    case PLACE.scaled:
      return { kind: 'scaled', unit: UNITS[number & 3] as ScaledUnit, decimals: (number >> 2) - 1 };
    case PLACE.time:
      return { kind: 'time', time: timeFormOf(number) };
    case PLACE.epochSecond:
      return { kind: 'time', time: { style: 'epoch', exponent: 0, decimals: 0 } };
    case PLACE.nanoOfSecond:
      return { kind: 'time', time: { style: 'nano' } };
    default:
      return undefined;
  }
};
