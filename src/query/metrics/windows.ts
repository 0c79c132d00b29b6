import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Labels } from '../labels.ts';
import type { Accumulator } from './accumulator.ts';
import type { CellUpdate } from './cells.ts';
import type { Grid } from './grid.ts';
import { keyOfLabels, type Sample, type StepSource, type Vector } from './vector.ts';

/** What one query holds of samples, over all its aggregations. */
export class SampleBudget {
  private samples = 0;

  change(by: number): void {
    this.samples += by;
    if (this.samples <= LIMITS.querySamples) return;
    throw new MeshtrailError(
      'query_limit',
      `the windows of this query hold more than ${LIMITS.querySamples} samples`,
      'Use a shorter range in brackets, more matchers, or a grouping with fewer labels.',
    );
  }
}

/** Runs a range aggregation over cells, point by point. */
export class Windows implements StepSource {
  private readonly grid: Grid;
  private readonly updates: AsyncGenerator<readonly CellUpdate[], void, undefined>;
  private readonly make: () => Accumulator;
  private readonly budget: SampleBudget;
  private readonly series = new Map<string, Series>();
  private batch: readonly CellUpdate[] = [];
  private next = 0;
  private ended = false;

  constructor(
    grid: Grid,
    updates: AsyncGenerator<readonly CellUpdate[], void, undefined>,
    make: () => Accumulator,
    budget: SampleBudget,
  ) {
    this.grid = grid;
    this.updates = updates;
    this.make = make;
    this.budget = budget;
  }

  async at(k: number): Promise<Vector> {
    await this.take(k);
    const { originNs, stepNs } = this.grid;
    const endNs = originNs + BigInt(k) * stepNs;
    const samples: Sample[] = [];
    for (const [key, series] of this.series) {
      const total = series.at(k);
      if (total === undefined) this.series.delete(key);
      else samples.push({ labels: series.labels, value: total.result(endNs) });
    }
    return samples;
  }

  async close(): Promise<void> {
    await this.updates.return();
  }

  /** Takes all updates whose first window is at or before point `k`. */
  private async take(k: number): Promise<void> {
    while (!this.ended) {
      for (; this.next < this.batch.length; this.next++) {
        const update = this.batch[this.next] as CellUpdate;
        if (update.a > k) return;
        this.seriesOf(update.labels).add(update);
      }
      const more = await this.updates.next();
      this.ended = more.done === true;
      this.batch = more.done === true ? [] : more.value;
      this.next = 0;
    }
  }

  private seriesOf(labels: Labels): Series {
    const key = keyOfLabels(labels);
    let series = this.series.get(key);
    if (series === undefined) {
      if (this.series.size >= LIMITS.queryInnerSeries) throw tooManyInnerSeries();
      series = new Series(labels, this.make, this.budget);
      this.series.set(key, series);
    }
    return series;
  }
}

const tooManyInnerSeries = (): MeshtrailError =>
  new MeshtrailError(
    'query_limit',
    `this query compares more than ${LIMITS.queryInnerSeries} series at one point`,
    'Add matchers, or group by fewer labels inside the aggregation.',
  );

interface Cell {
  readonly a: number;
  readonly b: number;
  readonly total: Accumulator;
}

/**
 * The cells of one series that the current window may hold, oldest first. Aggregates are kept as
 * two stacks, so that a window costs the same however many cells it has; samples that must be
 * kept (quantiles) are gathered anew for each window.
 */
class Series {
  readonly labels: Labels;
  private readonly make: () => Accumulator;
  private readonly budget: SampleBudget;
  /** Newer cells, oldest first, and their total. */
  private back: Cell[] = [];
  private backTotal: Accumulator;
  /** Older cells, oldest last, each with the total from it to the newest of these. */
  private readonly front: Cell[] = [];

  constructor(labels: Labels, make: () => Accumulator, budget: SampleBudget) {
    this.labels = labels;
    this.make = make;
    this.budget = budget;
    this.backTotal = make();
  }

  add({ a, b, value, timestampNs, count }: CellUpdate): void {
    let cell = this.back.at(-1);
    if (cell?.a !== a || cell.b !== b) {
      cell = { a, b, total: this.make() };
      this.back.push(cell);
      this.budget.change(1);
    }
    const before = cell.total.held;
    cell.total.add(value, timestampNs, count);
    this.budget.change(cell.total.held - before);
    if (!this.keepsSamples(cell)) this.backTotal.add(value, timestampNs, count);
  }

  /** The total of the window of point `k`; `undefined` where it holds nothing. */
  at(k: number): Accumulator | undefined {
    for (;;) {
      const oldest = this.front.at(-1) ?? this.back[0];
      if (oldest === undefined) return undefined;
      if (oldest.b >= k) break;
      this.dropOldest(oldest);
    }
    const cells = this.front.length + this.back.length;
    if (cells === 1) return (this.front[0] ?? this.back[0])?.total;
    if (this.front.length === 0 && !this.keepsSamples(this.back[0])) return this.backTotal;
    const total = this.make();
    if (this.keepsSamples(this.back[0])) {
      for (const cell of this.back) total.merge(cell.total);
      return total;
    }
    total.merge((this.front.at(-1) as Cell).total);
    if (this.back.length > 0) total.merge(this.backTotal);
    return total;
  }

  /** Whether totals hold every sample: such cells never go to the front. */
  private keepsSamples(cell: Cell | undefined): boolean {
    return cell?.total.keepsSamples === true;
  }

  private dropOldest(oldest: Cell): void {
    this.budget.change(-1 - (oldest.total.keepsSamples ? oldest.total.held : 0));
    if (oldest.total.keepsSamples) {
      this.back.shift();
      return;
    }
    if (this.front.length === 0) this.turnOver();
    this.front.pop();
  }

  private turnOver(): void {
    let total: Accumulator | undefined;
    for (let i = this.back.length - 1; i >= 0; i--) {
      const cell = this.back[i] as Cell;
      if (total !== undefined) {
        const joined = this.make();
        joined.merge(cell.total);
        joined.merge(total);
        total = joined;
      } else ({ total } = cell);
      this.front.push({ a: cell.a, b: cell.b, total });
    }
    this.back = [];
    this.backTotal = this.make();
  }
}
