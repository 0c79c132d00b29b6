import { unreachable } from '../../model/errors.ts';
import type { RangeAggregation } from '../logql/ast.ts';
import { secondsOf } from '../pipeline/numbers.ts';

/**
 * What a range aggregation remembers of the samples of one cell. Cells of a window are merged in
 * the order of time. The arithmetic is Loki's, so that a window of one cell gives the same
 * digits.
 */
export interface Accumulator {
  /** Adds a sample; `count` rows at once only where the engine has counted. */
  add(value: number, timestampNs: bigint, count: number): void;
  /** Adds what a later cell remembers. */
  merge(later: this): void;
  /** The value of a window that ends at `endNs`; at least one sample was added. */
  result(endNs: bigint): number;
  /** Whether every sample is kept; aggregates keep none. */
  readonly keepsSamples: boolean;
  /** Samples kept, for the bound on memory. */
  readonly held: number;
}

abstract class Aggregate {
  readonly keepsSamples = false;
  readonly held = 0;
}

/** Makes accumulators of one aggregation; all of one aggregation are of one class. */
export const accumulatorOf = (expr: RangeAggregation): (() => Accumulator) => {
  const { intervalNs, unwrap } = expr.range;
  const seconds = secondsOf(intervalNs);
  switch (expr.op) {
    case 'count_over_time':
      return () => new Count(1);
    case 'rate':
      return unwrap === null ? () => new Count(seconds) : () => new Sum(seconds);
    case 'bytes_over_time':
    case 'sum_over_time':
      return () => new Sum(1);
    case 'bytes_rate':
      return () => new Sum(seconds);
    case 'avg_over_time':
      return () => new Mean();
    case 'min_over_time':
      return () => new Extreme((value, held) => value < held);
    case 'max_over_time':
      return () => new Extreme((value, held) => value > held);
    case 'stdvar_over_time':
      return () => new Variance((variance) => variance);
    case 'stddev_over_time':
      return () => new Variance(Math.sqrt);
    case 'first_over_time':
      return () => new Edge(true);
    case 'last_over_time':
      return () => new Edge(false);
    case 'absent_over_time':
      return () => new Edge(true);
    case 'quantile_over_time':
      return () => new Quantile(expr.param ?? 0);
    case 'rate_counter':
      return () => new CounterRate(intervalNs);
    default:
      return unreachable(expr.op);
  }
};

class Count extends Aggregate implements Accumulator {
  private count = 0;
  private readonly divisor: number;

  constructor(divisor: number) {
    super();
    this.divisor = divisor;
  }

  add(_value: number, _timestampNs: bigint, count: number): void {
    this.count += count;
  }

  merge(later: Count): void {
    this.count += later.count;
  }

  result(): number {
    return this.count / this.divisor;
  }
}

class Sum extends Aggregate implements Accumulator {
  private sum = 0;
  private readonly divisor: number;

  constructor(divisor: number) {
    super();
    this.divisor = divisor;
  }

  add(value: number): void {
    this.sum += value;
  }

  merge(later: Sum): void {
    this.sum += later.sum;
  }

  result(): number {
    return this.sum / this.divisor;
  }
}

class Mean extends Aggregate implements Accumulator {
  private count = 0;
  private mean = 0;

  add(value: number): void {
    this.count++;
    // An infinite mean stays: the difference below would make it NaN.
    if (Number.isFinite(this.mean) || !keepsInfinite(this.mean, value)) {
      this.mean += value / this.count - this.mean / this.count;
    }
  }

  merge(later: Mean): void {
    const count = this.count + later.count;
    if (this.count === 0) this.mean = later.mean;
    else if (Number.isFinite(this.mean) || !keepsInfinite(this.mean, later.mean)) {
      this.mean += ((later.mean - this.mean) * later.count) / count;
    }
    this.count = count;
  }

  result(): number {
    return this.mean;
  }
}

const keepsInfinite = (mean: number, value: number): boolean =>
  Math.abs(mean) === Infinity && (value === mean || Number.isFinite(value));

/** Least or greatest; NaN only where there is nothing else. */
class Extreme extends Aggregate implements Accumulator {
  private value = NaN;
  private readonly better: (value: number, held: number) => boolean;

  constructor(better: (value: number, held: number) => boolean) {
    super();
    this.better = better;
  }

  add(value: number): void {
    if (Number.isNaN(this.value) || this.better(value, this.value)) this.value = value;
  }

  merge(later: Extreme): void {
    this.add(later.value);
  }

  result(): number {
    return this.value;
  }
}

/** Welford's algorithm; merged as Chan, Golub and LeVeque do. */
class Variance extends Aggregate implements Accumulator {
  private count = 0;
  private mean = 0;
  private squares = 0;
  private readonly last: (variance: number) => number;

  constructor(last: (variance: number) => number) {
    super();
    this.last = last;
  }

  add(value: number): void {
    this.count++;
    const delta = value - this.mean;
    this.mean += delta / this.count;
    this.squares += delta * (value - this.mean);
  }

  merge(later: Variance): void {
    const count = this.count + later.count;
    const delta = later.mean - this.mean;
    this.squares += later.squares + (delta * delta * this.count * later.count) / count;
    this.mean = this.count === 0 ? later.mean : this.mean + (delta * later.count) / count;
    this.count = count;
  }

  result(): number {
    return this.last(this.squares / this.count);
  }
}

/** The first or the last value. */
class Edge extends Aggregate implements Accumulator {
  private value = 0;
  private empty = true;
  private readonly first: boolean;

  constructor(first: boolean) {
    super();
    this.first = first;
  }

  add(value: number): void {
    if (this.empty || !this.first) this.value = value;
    this.empty = false;
  }

  merge(later: Edge): void {
    if (!later.empty) this.add(later.value);
  }

  result(): number {
    return this.value;
  }
}

class Quantile implements Accumulator {
  readonly keepsSamples = true;
  private values: number[] = [];
  private readonly quantile: number;

  constructor(quantile: number) {
    this.quantile = quantile;
  }

  get held(): number {
    return this.values.length;
  }

  add(value: number): void {
    this.values.push(value);
  }

  merge(later: Quantile): void {
    this.values = this.values.concat(later.values);
  }

  result(): number {
    return quantileOf(this.quantile, this.values);
  }
}

/** The quantile of values, between two neighbours in proportion; NaN counts as the least. */
export const quantileOf = (quantile: number, values: readonly number[]): number => {
  if (quantile < 0) return -Infinity;
  if (quantile > 1) return Infinity;
  const sorted = Float64Array.from(values, (value) => (Number.isNaN(value) ? -Infinity : value));
  const missing = values.reduce((count, value) => count + (Number.isNaN(value) ? 1 : 0), 0);
  sorted.sort();
  for (let i = 0; i < missing; i++) sorted[i] = NaN;
  const rank = quantile * (sorted.length - 1);
  const lower = Math.max(0, Math.floor(rank));
  const upper = Math.min(sorted.length - 1, lower + 1);
  const weight = rank - Math.floor(rank);
  return (sorted[lower] as number) * (1 - weight) + (sorted[upper] as number) * weight;
};

/**
 * A counter's rate per second as Prometheus extrapolates it: resets are added back, and the slope
 * is carried to the window's ends where samples come close enough to them.
 */
class CounterRate implements Accumulator {
  readonly keepsSamples = true;
  private values: number[] = [];
  private times: bigint[] = [];
  private readonly rangeNs: bigint;

  constructor(rangeNs: bigint) {
    this.rangeNs = rangeNs;
  }

  get held(): number {
    return this.values.length;
  }

  add(value: number, timestampNs: bigint): void {
    this.values.push(value);
    this.times.push(timestampNs);
  }

  merge(later: CounterRate): void {
    this.values = this.values.concat(later.values);
    this.times = this.times.concat(later.times);
  }

  result(endNs: bigint): number {
    const { values, times, rangeNs } = this;
    if (values.length < 2) return 0;
    const [first, last] = [values[0] as number, values.at(-1) as number];
    const [firstNs, lastNs] = [times[0] as bigint, times.at(-1) as bigint];
    let increase = last - first;
    for (let i = 1; i < values.length; i++) {
      const before = values[i - 1] as number;
      if ((values[i] as number) < before) increase += before;
    }
    const sampled = Number(lastNs - firstNs) / 1e9;
    const between = sampled / (values.length - 1);
    const near = between * 1.1;
    let toStart = Number(firstNs - (endNs - rangeNs)) / 1e9;
    if (toStart >= near) toStart = between / 2;
    // A counter does not go below zero: the slope is not carried further back than to there.
    if (increase > 0 && first >= 0) toStart = Math.min(toStart, sampled * (first / increase));
    let toEnd = Number(endNs - lastNs) / 1e9;
    if (toEnd >= near) toEnd = between / 2;
    return (increase * ((sampled + toStart + toEnd) / sampled)) / secondsOf(rangeNs);
  }
}
