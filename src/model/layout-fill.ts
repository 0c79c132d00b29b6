import { Bytes } from './bytes.ts';
import { C, COLUMNS } from './columns.ts';
import {
  POWERS,
  putAscii,
  putByte,
  putBytes,
  putDigits,
  putInteger,
  putZeros,
} from './layout-digits.ts';
import { timePrinter } from './layout-fill-time.ts';
import { printNumber, printText, UNIT_DIGITS, type Form, type ScaledUnit } from './layout-form.ts';
import { binary, bytesOf, type Hole, type Layout, type RowValues } from './layout.ts';

/** Appends the line of a row that has the layout, byte for byte. */
export type Fill = (row: RowValues, out: Bytes) => void;

const POINT = 0x2e;
const DASH = 0x2d;

type Value = (row: RowValues) => Uint8Array;

const textFill = (form: Form, value: Value): Fill => {
  if (form.kind === 'text') return (row, out) => putBytes(out, value(row));
  if (form.kind === 'dash')
    return (row, out) => {
      const bytes = value(row);
      if (bytes.length === 0) putByte(out, DASH);
      else putBytes(out, bytes);
    };
  return (row, out) => putBytes(out, printText(form, value(row)));
};

const putScaled = (out: Bytes, ns: number, unit: ScaledUnit, decimals: number): void => {
  let digits = UNIT_DIGITS[unit];
  const one = POWERS[digits] as number;
  // Exact below 2^53: no quotient is nearer to the next integer than a float can tell.
  const whole = Math.floor(ns / one);
  let rest = ns - whole * one;
  putInteger(out, whole);
  if (decimals === 0) return;
  if (decimals > 0) {
    putByte(out, POINT);
    const known = Math.min(decimals, digits);
    putDigits(out, (rest / (POWERS[digits - known] as number)) | 0, known);
    putZeros(out, decimals - known);
    return;
  }
  if (rest === 0) return;
  for (; rest % 10 === 0; digits--) rest /= 10;
  putByte(out, POINT);
  putDigits(out, rest, digits);
};

const numberFill = (form: Form, column: number): Fill => {
  const scaled = form.kind === 'scaled';
  return (row, out) => {
    const value = row.number(column);
    // Number columns hold no more, but a row may be anybody's.
    if (!Number.isSafeInteger(value)) putAscii(out, printNumber(form, value));
    else if (scaled) putScaled(out, value, form.unit, form.decimals);
    else putInteger(out, value);
  };
};

const holeFill = ({ column, key, form }: Hole): Fill => {
  if (form.kind === 'time') {
    const print = timePrinter(form.time);
    return (row, out) => print(row.time(column), out);
  }
  if (form.kind === 'number' || form.kind === 'scaled') return numberFill(form, column);
  const isMap = COLUMNS[column]?.kind === 'map';
  return textFill(form, isMap ? (row) => row.pair(column, key) : (row) => row.text(column));
};

/** The zone of a time, which stands in front of the text after it. */
const zoneOf = (hole: Hole | undefined): string =>
  hole?.form.kind === 'time' && 'zone' in hole.form.time ? hole.form.time.zone : '';

/**
 * Does what `fillLine` does, prepared once for a layout: literals as bytes, and for each hole a
 * function that writes its value without strings. For reading many rows; make it once and keep it.
 */
export const createFill = ({ literals, holes }: Layout): Fill => {
  const texts = literals.map((literal, i) => zoneOf(holes[i - 1]) + literal);
  const bytes = new Uint8Array(bytesOf(texts.join('')));
  const view = new DataView(bytes.buffer);
  const fills = holes.map(holeFill);
  let end = 0;
  const ends = texts.map((text) => (end += text.length));
  return (row, out) => {
    let from = 0;
    for (let i = 0; i < fills.length; i++) {
      const to = ends[i] as number;
      out.rawView(view, from, to);
      from = to;
      (fills[i] as Fill)(row, out);
    }
    out.rawView(view, from, end);
  };
};

const fills = new WeakMap<Layout, Fill>();
const out = new Bytes(4_096);

/** The line of a row that has this layout; what is prepared for it is kept as long as it is. */
export const filledLine = (layout: Layout, row: RowValues): Uint8Array => {
  let fill = fills.get(layout);
  if (fill === undefined) fills.set(layout, (fill = createFill(layout)));
  out.clear();
  fill(row, out);
  return Buffer.from(out.buf.subarray(0, out.length));
};

/** The line of any row: its layout filled; else `line`; else `body`. */
export const lineOfRow = (
  row: RowValues,
  layoutOf: (text: string) => Layout | undefined,
): Uint8Array => {
  const text = row.text(C.layout);
  const layout = text.length === 0 ? undefined : layoutOf(binary(text));
  if (layout !== undefined) return filledLine(layout, row);
  const line = row.text(C.line);
  return line.length > 0 ? line : row.text(C.body);
};
