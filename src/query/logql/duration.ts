/**
 * Durations as LogQL writes them: Prometheus' form (`1d12h`, whole numbers, units from great to
 * small) and Go's (`1h15m30.918s`, `-5m`, `1.5µs`). All values are nanoseconds; anything outside a
 * signed 64-bit integer is refused.
 */

import { quote } from './quote.ts';

const MAX_NS = (1n << 63n) - 1n;
const MS = 1_000_000n;

/** Prometheus' units in their required order. */
const PROMETHEUS_UNITS: readonly (readonly [unit: string, ms: bigint])[] = [
  ['y', 31_536_000_000n],
  ['w', 604_800_000n],
  ['d', 86_400_000n],
  ['h', 3_600_000n],
  ['m', 60_000n],
  ['s', 1_000n],
  ['ms', 1n],
];

/** Nanoseconds, or Prometheus' words for what is wrong. */
export const parsePrometheusDuration = (text: string): bigint | string => {
  if (text === '0') return 0n;
  if (text === '') return 'empty duration string';
  const quoted = quote(text);
  const invalid = `not a valid duration string: ${quoted}`;
  let total = 0n;
  let last = -1;
  let rest = text;
  while (rest !== '') {
    const part = /^([0-9]+)([^0-9]+)/.exec(rest);
    if (part === null) return invalid;
    const [whole, digits = '', name = ''] = part;
    if (digits.length > 20) return invalid;
    const unit = PROMETHEUS_UNITS.findIndex(([known]) => known === name);
    if (unit < 0) return `unknown unit ${quote(name)} in duration ${quoted}`;
    if (unit <= last) return invalid;
    last = unit;
    total += BigInt(digits) * (PROMETHEUS_UNITS[unit]?.[1] ?? 0n) * MS;
    if (total > MAX_NS) return 'duration out of range';
    rest = rest.slice(whole.length);
  }
  return total;
};

const GO_UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

/** Nanoseconds of a duration in Go's form, or `null`. */
export const parseGoDuration = (text: string): bigint | null => {
  const negative = text.startsWith('-');
  let rest = /^[+-]/.test(text) ? text.slice(1) : text;
  if (rest === '0') return 0n;
  if (rest === '') return null;
  let total = 0n;
  while (rest !== '') {
    const part = /^([0-9]*)(?:\.([0-9]*))?([^0-9.]+)/.exec(rest);
    if (part === null) return null;
    const [whole, digits = '', fraction = '', name = ''] = part;
    const unit = GO_UNITS[name];
    if (unit === undefined || digits + fraction === '' || digits.length > 20) return null;
    total += BigInt(digits === '' ? '0' : digits) * BigInt(unit) + fractionNs(fraction, unit);
    if (total > MAX_NS + 1n) return null;
    rest = rest.slice(whole.length);
  }
  if (negative) return -total;
  return total > MAX_NS ? null : total;
};

/** Nanoseconds of `.fraction` of a unit, cut as Go cuts; digits beyond the 18th are below it. */
const fractionNs = (fraction: string, unit: number): bigint => {
  if (fraction === '') return 0n;
  const digits = fraction.slice(0, 18);
  return BigInt(Math.trunc(Number(digits) * (unit / 10 ** digits.length)));
};

/** A duration in either form, as label filters and `offset` take it; `null` when it is neither. */
export const parseDuration = (text: string): bigint | null => {
  const ns = parsePrometheusDuration(text);
  return typeof ns === 'bigint' ? ns : parseGoDuration(text);
};

/** `1h30m`, `7d`, `1w`: years and weeks only where nothing remains. Below a millisecond is lost. */
export const formatPrometheusDuration = (ns: bigint): string => {
  let ms = ns / MS;
  if (ms === 0n) return '0s';
  let text = '';
  for (const [unit, size] of PROMETHEUS_UNITS) {
    if ((unit === 'y' || unit === 'w') && ms % size !== 0n) continue;
    if (ms >= size) text += `${ms / size}${unit}`;
    ms %= size;
  }
  return text;
};

/** Go's form: `1h15m30.5s`, `250ms`, `1.5µs`, `0s`, `-5m0s`. */
export const formatGoDuration = (ns: bigint): string => {
  if (ns < 0n) return `-${formatGoDuration(-ns)}`;
  if (ns === 0n) return '0s';
  if (ns < 1_000n) return `${ns}ns`;
  if (ns < MS) return `${decimal(ns, 3)}µs`;
  if (ns < 1_000n * MS) return `${decimal(ns, 6)}ms`;
  const minute = 60_000_000_000n;
  const seconds = `${decimal(ns % minute, 9)}s`;
  const minutes = ns / minute;
  if (minutes === 0n) return seconds;
  if (minutes < 60n) return `${minutes}m${seconds}`;
  return `${minutes / 60n}h${minutes % 60n}m${seconds}`;
};

/** `value / 10^places` without trailing zeros. */
const decimal = (value: bigint, places: number): string => {
  const digits = value.toString().padStart(places + 1, '0');
  const fraction = digits.slice(-places).replace(/0+$/, '');
  const whole = digits.slice(0, -places);
  return fraction === '' ? whole : `${whole}.${fraction}`;
};
