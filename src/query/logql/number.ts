/** Numbers as Go reads and writes them (`strconv.ParseFloat`, `%v`, `FormatFloat(x, 'f', -1)`). */

import { quote } from './quote.ts';

/**
 * The value, or Go's words for what is wrong. Takes decimal and hexadecimal floats with `_` between
 * digits, no signs. Hexadecimal digits beyond 2^53 may round differently from Go.
 */
export const parseFloatText = (text: string): number | string => {
  const failed = `strconv.ParseFloat: parsing ${quote(text)}: `;
  const misplaced = /_(?![0-9a-f])|(?<![0-9a-fx])_/i.test(text);
  const digits = misplaced ? '' : text.replaceAll('_', '');
  const value = /^0[xX]/.test(digits) ? parseHexFloat(digits) : parseDecimal(digits);
  if (Number.isNaN(value)) return `${failed}invalid syntax`;
  return value === Infinity ? `${failed}value out of range` : value;
};

const parseDecimal = (text: string): number =>
  /^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(text) ? Number(text) : NaN;

const parseHexFloat = (text: string): number => {
  const parts = /^0x([0-9a-f]*)(?:\.([0-9a-f]*))?p([+-]?[0-9]+)$/i.exec(text);
  if (parts === null) return NaN;
  const [, whole = '', fraction = '', exponent = ''] = parts;
  const digits = whole + fraction;
  if (digits === '') return NaN;
  return Number(`0x${digits}`) * 2 ** (Number(exponent) - 4 * fraction.length);
};

/** `%v`: shortest digits, an exponent below 1e-4 and from 1e21 on, `+Inf`, `NaN`. */
export const formatNumber = (value: number): string => {
  if (value === Infinity) return '+Inf';
  const size = Math.abs(value);
  if (!Number.isFinite(value) || size === 0) return Object.is(value, -0) ? '-0' : plain(value);
  if (size >= 1e-4 && size < 1e21) return plain(value);
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  return `${mantissa}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, '0')}`;
};

const plain = (value: number): string => (value === -Infinity ? '-Inf' : String(value));

/** Never an exponent: as many digits as the value needs. */
export const formatFixed = (value: number): string => {
  const [mantissa = '', exponent] = String(value).split('e');
  if (exponent === undefined) return Object.is(value, -0) ? '-0' : mantissa;
  const sign = mantissa.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  const padded = digits.padEnd(point, '0');
  const rest = padded.slice(point);
  return sign + padded.slice(0, point) + (rest === '' ? '' : `.${rest}`);
};

/** `%f`: six places after the point. */
export const formatSixPlaces = (value: number): string => {
  if (!Number.isFinite(value)) return formatNumber(value);
  if (Math.abs(value) >= 1e21) return `${formatFixed(value)}.000000`;
  return Object.is(value, -0) ? '-0.000000' : value.toFixed(6);
};
