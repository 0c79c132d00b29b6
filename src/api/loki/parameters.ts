import { LIMITS } from '../../model/limits.ts';
import type { LogExpr, Matcher } from '../../query/logql/ast.ts';
import { parsePrometheusDuration } from '../../query/logql/duration.ts';
import { LogqlError } from '../../query/logql/errors.ts';
import { parseLogql } from '../../query/logql/parser.ts';
import type { Expr } from '../../query/logql/ast.ts';
import { parseGoFloat } from '../../query/pipeline/numbers.ts';
import type { Direction } from '../../query/plan.ts';
import { LokiRefusal } from './refusal.ts';

/** Parameters of Loki's API, read and refused as Loki does. */

const NS_PER_S = 1_000_000_000n;
const DEFAULT_LIMIT = 100;
const DEFAULT_SINCE_NS = 3_600n * NS_PER_S;
const MAX_NS = (1n << 63n) - 1n;
/** Loki keeps limits in 32 bits. */
const MAX_LIMIT = 4_294_967_295;

/** The first value; '' where there is none. */
const text = (query: URLSearchParams, name: string): string => query.get(name) ?? '';

/** Nanoseconds from: up to ten digits of seconds, nanoseconds, decimal seconds, or RFC 3339. */
export const parseTime = (value: string): bigint | undefined => {
  if (value.includes('.')) {
    const seconds = parseGoFloat(value);
    if (seconds !== undefined && Math.abs(seconds) < 9e9) {
      const whole = Math.trunc(seconds);
      const ms = Math.round((seconds - whole) * 1_000);
      return BigInt(whole) * NS_PER_S + BigInt(ms) * 1_000_000n;
    }
  }
  if (/^[+-]?[0-9]{1,19}$/.test(value)) {
    const number = BigInt(value.replace('+', ''));
    if (value.length <= 10) return number * NS_PER_S;
    return number <= MAX_NS && number >= -MAX_NS ? number : undefined;
  }
  return parseRfc3339(value);
};

const RFC3339 =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9})\d*)?(Z|[+-]\d{2}:\d{2})$/;

const parseRfc3339 = (value: string): bigint | undefined => {
  const [, day, time, fraction = '', zone] = RFC3339.exec(value) ?? [];
  if (day === undefined || time === undefined || zone === undefined) return undefined;
  const ms = Date.parse(`${day}T${time}${zone}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
};

const timeOr = (query: URLSearchParams, name: string, otherwise: bigint): bigint => {
  const value = text(query, name);
  if (value === '') return otherwise;
  const ns = parseTime(value);
  if (ns === undefined) {
    const why = `parsing time "${value}" as "2006-01-02T15:04:05.999999999Z07:00": cannot parse "${value}" as "2006"`;
    throw new LokiRefusal(`could not parse '${name}' parameter: ${why}`);
  }
  return ns;
};

export interface Bounds {
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** `start`, `end`, `since`; without them the hour before now. */
export const boundsOf = (query: URLSearchParams, nowNs: bigint): Bounds => {
  const since = text(query, 'since');
  let sinceNs = DEFAULT_SINCE_NS;
  if (since !== '') {
    const parsed = parsePrometheusDuration(since);
    if (typeof parsed === 'string') {
      throw new LokiRefusal(`could not parse 'since' parameter: ${parsed}`);
    }
    sinceNs = parsed;
  }
  const endNs = timeOr(query, 'end', nowNs);
  const startNs = timeOr(query, 'start', (endNs > nowNs ? nowNs : endNs) - sinceNs);
  return { startNs, endNs };
};

export const instantOf = (query: URLSearchParams, nowNs: bigint): bigint =>
  timeOr(query, 'time', nowNs);

export const limitOf = (query: URLSearchParams): number => {
  const value = text(query, 'limit');
  if (value === '') return DEFAULT_LIMIT;
  if (!/^[+-]?[0-9]{1,19}$/.test(value)) {
    throw new LokiRefusal(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  const limit = Number(value);
  if (limit <= 0) throw new LokiRefusal('limit must be a positive value');
  if (limit > MAX_LIMIT) {
    throw new LokiRefusal(`limit value ${value} is out of range [0, ${MAX_LIMIT}]`);
  }
  return limit;
};

/** Only asked of queries for lines. */
export const checkEntries = (limit: number): void => {
  if (limit <= LIMITS.queryLines) return;
  throw new LokiRefusal(
    `max entries limit per query exceeded, limit > max_entries_limit_per_query (${limit} > ${LIMITS.queryLines})`,
  );
};

export const directionOf = (query: URLSearchParams): Direction => {
  const value = text(query, 'direction');
  switch (value.toLowerCase()) {
    case '':
    case 'backward':
      return 'backward';
    case 'forward':
      return 'forward';
    default:
      throw new LokiRefusal(`invalid direction '${value}'`);
  }
};

/** Seconds with decimals, or a duration; nanoseconds. */
const durationOf = (value: string): bigint => {
  const seconds = parseGoFloat(value);
  if (seconds !== undefined) {
    const ns = seconds * 1e9;
    if (Math.abs(ns) < Number(MAX_NS)) return BigInt(Math.trunc(ns));
    const quoted = JSON.stringify(value);
    throw new LokiRefusal(`cannot parse ${quoted} to a valid duration. It overflows int64`);
  }
  const parsed = parsePrometheusDuration(value);
  if (typeof parsed === 'bigint') return parsed;
  throw new LokiRefusal(`cannot parse ${JSON.stringify(value)} to a valid duration`);
};

/** The step; by default so that a range has about 250 points. */
export const stepOf = (query: URLSearchParams, { startNs, endNs }: Bounds): bigint => {
  const value = text(query, 'step');
  if (value === '') {
    const seconds = (endNs - startNs) / (250n * NS_PER_S);
    return (seconds > 1n ? seconds : 1n) * NS_PER_S;
  }
  const stepNs = durationOf(value);
  if (stepNs <= 0n) {
    throw new LokiRefusal(
      'zero or negative query resolution step widths are not accepted. Try a positive integer',
    );
  }
  return stepNs;
};

export const intervalOf = (query: URLSearchParams): bigint => {
  const value = text(query, 'interval');
  const intervalNs = value === '' ? 0n : durationOf(value);
  if (intervalNs < 0n) throw new LokiRefusal('interval must be >= 0');
  return intervalNs;
};

export const checkRange = ({ startNs, endNs }: Bounds, stepNs: bigint): void => {
  if (endNs < startNs) {
    throw new LokiRefusal('end timestamp must not be before or equal to start time');
  }
  if ((endNs - startNs) / stepNs > BigInt(LIMITS.queryPoints)) {
    throw new LokiRefusal(
      'exceeded maximum resolution of 11,000 points per time series. ' +
        'Try increasing the value of the step parameter',
    );
  }
};

/** The query's tree. Throws LogqlError. */
export const queryOf = (query: URLSearchParams): Expr => parsed(text(query, 'query'));

const parsed = (logql: string): Expr => {
  const expr = parseLogql(logql);
  if (expr instanceof LogqlError) throw expr;
  return expr;
};

/** A selector without stages; none where the text is empty or `{}`. */
export const selectorOf = (selector: string): readonly Matcher[] => {
  if (selector.replaceAll(' ', '') === '{}' || selector === '') return [];
  const expr = parsed(selector);
  if (expr.type !== 'log' || expr.stages.length > 0) {
    throw new LokiRefusal('only label matchers are supported');
  }
  return expr.matchers;
};

/** Grafana asks label lists with whole queries: only the selector counts. */
export const matchersOf = (query: URLSearchParams): readonly Matcher[] => {
  const selector = text(query, 'query');
  if (selector.replaceAll(' ', '') === '{}' || selector === '') return [];
  const expr = parsed(selector);
  return expr.type === 'log' ? (expr satisfies LogExpr).matchers : selectorOf(selector);
};

export const categorizesLabels = (headers: Readonly<Record<string, string | undefined>>): boolean =>
  (headers['x-loki-response-encoding-flags'] ?? '').split(',').includes('categorize-labels');
