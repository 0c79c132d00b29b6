import { escapeJson, escapesJson } from './layout-json.ts';
import { printTime, type TimeForm } from './layout-time.ts';

/**
 * How a stored value stands in a line. The texts are those of a layout's holes, after the colon:
 *
 * - `text` (none)     the value as it is stored
 * - `dash`            as it is stored, `-` where it is empty (proxies' text formats)
 * - `json`, `json.ah` inside a JSON string: escaped in a dialect, see `layout-json.ts`
 * - `number`          a decimal integer
 * - `ms`, `s.3`       nanoseconds as a decimal number of a unit (`s`, `ms`, `us`), with just so
 *                     many decimals, or as few as there can be
 * - `time T.9Z`, `epoch 3`, `nano`   a time, see `layout-time.ts`
 */
export type Form =
  | { readonly kind: 'text' }
  | { readonly kind: 'dash' }
  | { readonly kind: 'json'; readonly dialect: number }
  | { readonly kind: 'number' }
  /** `decimals < 0`: as few as there can be. */
  | { readonly kind: 'scaled'; readonly unit: ScaledUnit; readonly decimals: number }
  | { readonly kind: 'time'; readonly time: TimeForm };

export type ScaledUnit = 's' | 'ms' | 'us';

/** Digits that a nanosecond count has below one of the unit. */
export const UNIT_DIGITS: Readonly<Record<ScaledUnit, number>> = { s: 9, ms: 6, us: 3 };

export const TEXT_FORM: Form = { kind: 'text' };
export const DASH_FORM: Form = { kind: 'dash' };
export const NUMBER_FORM: Form = { kind: 'number' };

/** Nanoseconds as a decimal number of units. */
export const printScaled = (ns: bigint | number, unit: ScaledUnit, decimals: number): string => {
  const below = UNIT_DIGITS[unit];
  const digits = String(ns).padStart(below + 1, '0');
  const whole = digits.slice(0, -below);
  const fraction = digits.slice(-below);
  if (decimals === 0) return whole;
  const shown = decimals > 0 ? fraction.slice(0, decimals) : fraction.replace(/0+$/, '');
  return shown === '' ? whole : `${whole}.${shown.padEnd(decimals, '0')}`;
};

const encoder = new TextEncoder();
const DASH = encoder.encode('-');

/** The bytes that a text value (of a name, text or map column) prints in this form. */
export const printText = (form: Form, value: Uint8Array): Uint8Array => {
  if (form.kind === 'dash') return value.length === 0 ? DASH : value;
  if (form.kind === 'json') {
    return escapesJson(value, form.dialect) ? escapeJson(value, form.dialect) : value;
  }
  return value;
};

/** The text that a number column prints in this form. */
export const printNumber = (form: Form, value: number): string =>
  form.kind === 'scaled' ? printScaled(value, form.unit, form.decimals) : String(value);

/** The text that a time column, nanoseconds since 1970, prints in this form. */
export const printTimeForm = (form: Form, ns: bigint): string =>
  form.kind === 'time' ? printTime(form.time, ns) : String(ns);
