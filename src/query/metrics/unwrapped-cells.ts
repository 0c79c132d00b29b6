import { LIMITS } from '../../model/limits.ts';
import { anyDoubt, isSqlLabelFilter, numberOfLabel } from '../label-conditions.ts';
import type { RangeAggregation, RangeOp, Unwrap } from '../logql/ast.ts';
import { DURATION_SECONDS, NUMBERS, SIZES, type NumberReading } from '../number-sql.ts';
import { labelSql, type LabelSpace } from '../record-fields.ts';
import { isStoredLabel, type LabelOptions } from '../record-labels.ts';
import { runValues, type ReadContext } from '../read.ts';
import type { BinaryKind } from '../row-binary.ts';
import { statement, type Scan, type Statement } from '../sql.ts';
import { SqlParams } from '../sql-params.ts';
import { accumulatorOf, type Accumulator } from './accumulator.ts';
import type { CellUpdate } from './cells.ts';
import { brokenTexts, cellRowsSql, doubtSql } from './counted-cells.ts';
import type { Grid } from './grid.ts';
import type { Groups } from './groups.ts';
import { throwIfSql } from './undecided.ts';

/**
 * A range aggregation over an unwrapped label in the engine: aggregated there where its digits are
 * then those of our own arithmetic; else the engine gives each sample's labels, time and value.
 */
export interface Unwrapping {
  readonly unwrap: Unwrap;
  readonly space: LabelSpace;
  readonly groups: Groups;
  readonly grid: Grid;
}

const READINGS: Readonly<Record<NonNullable<Unwrap['conversion']> | 'none', NumberReading>> = {
  none: NUMBERS,
  bytes: SIZES,
  duration: DURATION_SECONDS,
  duration_seconds: DURATION_SECONDS,
};

/** Whether SQL knows the label and what filters it. */
export const isSqlUnwrap = ({ label, filters }: Unwrap): boolean =>
  isStoredLabel(label) && filters.every(isSqlLabelFilter);

/** How an operation is taken of a cell's values `v` by the engine. */
interface Aggregate {
  /** Float64 values, from which `value` makes the cell's. */
  readonly sql: readonly string[];
  /** A condition on the cell under which the engine's digits may not be ours. */
  readonly doubt?: string;
  readonly value: (taken: readonly number[]) => number;
  /** Whether a series must have one group only. */
  readonly whole: boolean;
}

const only = ([value]: readonly number[]): number => value as number;
const plain = (sql: string): Aggregate => ({ sql: [sql], value: only, whole: false });

/** Sums of integers below 2^53 are the same in any order. */
const SUM: Aggregate = {
  ...plain('sum(v)'),
  doubt: `(max(v != trunc(v)) OR sum(abs(v)) >= ${2 ** 53})`,
};

const AGGREGATES: Partial<Record<RangeOp, Aggregate>> = {
  sum_over_time: SUM,
  rate: SUM,
  min_over_time: plain('min(v)'),
  max_over_time: plain('max(v)'),
  absent_over_time: plain('min(v)'),
  first_over_time: { ...plain('argMin(v, (timestamp, lane, seq))'), whole: true },
  last_over_time: { ...plain('argMax(v, (timestamp, lane, seq))'), whole: true },
};

/** The two values next to the quantile, between which accumulator.ts takes its share. */
const quantile = (level: number): Aggregate => {
  const lower = `toUInt64(floor(q * (count() - 1)))`;
  const sorted = 'arraySort(groupArray(v))';
  return {
    sql: [
      'toFloat64(count())',
      `${sorted}[1 + ${lower}]`,
      `${sorted}[least(2 + ${lower}, count())]`,
    ],
    value: ([count, below, above]) => {
      const rank = level * ((count as number) - 1);
      const weight = rank - Math.floor(rank);
      return (below as number) * (1 - weight) + (above as number) * weight;
    },
    whole: true,
  };
};

/** How the engine takes the operation; `undefined` where it only gives the samples. */
const aggregateOf = (
  { op, param }: RangeAggregation,
  { groups, grid }: Unwrapping,
): Aggregate | undefined => {
  // A quantile cannot be put together from those of cells: each window must be one cell.
  const single = grid.last === 0 || grid.rangeNs <= grid.stepNs;
  const level = param ?? -1;
  const inside = single && level >= 0 && level <= 1;
  const found = op === 'quantile_over_time' ? inside && quantile(level) : AGGREGATES[op];
  if (found === undefined || found === false) return undefined;
  return found.whole && !groups.distinct ? undefined : found;
};

/** The accumulators of cells whose values the engine has taken. */
export const aggregatedCells = (
  context: ReadContext,
  scan: Scan,
  expr: RangeAggregation,
  unwrapping: Unwrapping,
): { readonly cells: () => Cells; readonly make: () => Accumulator } | undefined => {
  const aggregate = aggregateOf(expr, unwrapping);
  if (aggregate === undefined) return undefined;
  return {
    cells: () => aggregated(context, scan, expr, unwrapping, aggregate),
    make: accumulatorOf(
      expr.op === 'quantile_over_time' ? { ...expr, op: 'first_over_time' } : expr,
    ),
  };
};

type Cells = AsyncGenerator<readonly CellUpdate[], void, undefined>;

async function* aggregated(
  context: ReadContext,
  scan: Scan,
  expr: RangeAggregation,
  unwrapping: Unwrapping,
  aggregate: Aggregate,
): Cells {
  if (scan.scope.tables.length === 0) return;
  const { groups } = unwrapping;
  const query = aggregateQuery(scan, expr, unwrapping, aggregate, context.labels);
  const taken = aggregate.sql.map((): BinaryKind => 'i64');
  const kinds: BinaryKind[] = [...groups.kinds, 'i64', 'i64', ...taken, 'u8'];
  const width = groups.kinds.length;
  for await (const rows of await runValues(context, query, kinds)) {
    yield rows.map((values): CellUpdate => {
      const [a, b, ...bits] = values.slice(width, -1) as bigint[];
      const value = aggregate.value(bits.map(doubleOf));
      const place = { a: Number(a), b: Number(b) };
      return { ...place, labels: groups.labels(values), count: 1, value, timestampNs: 0n };
    });
    await context.turn();
  }
}

/** Every sample's labels and value, in order of time, for what only our own arithmetic gives. */
export async function* unwrappedSamples(
  context: ReadContext,
  scan: Scan,
  unwrapping: Unwrapping,
): Cells {
  if (scan.scope.tables.length === 0) return;
  const { groups } = unwrapping;
  const query = samplesQuery(scan, unwrapping, context.labels);
  const kinds: BinaryKind[] = [...groups.kinds, 'i64', 'i64', 'time', 'i64'];
  const width = groups.kinds.length;
  const known = new Map<string, CellUpdate['labels']>();
  for await (const rows of await runValues(context, query, kinds)) {
    yield rows.map((values): CellUpdate => {
      const [a, b, timestampNs, bits] = values.slice(width) as [bigint, bigint, bigint, bigint];
      const key = groups.distinct ? values.slice(0, width).join('\u0000') : undefined;
      let labels = key === undefined ? undefined : known.get(key);
      if (labels === undefined) {
        labels = groups.labels(values);
        if (known.size >= LABELS_REMEMBERED) known.clear();
        if (key !== undefined) known.set(key, labels);
      }
      const value = doubleOf(bits);
      return { a: Number(a), b: Number(b), labels, count: 1, value, timestampNs };
    });
    await context.turn();
  }
}

/** Series of one answer are rarely more; beyond it their labels are made anew. */
const LABELS_REMEMBERED = 1_024;

const view = new DataView(new ArrayBuffer(8));
const doubleOf = (bits: bigint): number => {
  view.setBigInt64(0, bits);
  return view.getFloat64(0);
};
const bitsSql = (value: string): string => `reinterpretAsInt64(toFloat64(${value}))`;

/** The rows with their value `v`, and whether each is in doubt. */
const valueRows = (
  scan: Scan,
  { unwrap, space, groups, grid }: Unwrapping,
  params: SqlParams,
  labels: LabelOptions,
): ReturnType<typeof cellRowsSql> => {
  const reading = READINGS[unwrap.conversion ?? 'none'];
  const number = numberOfLabel(labelSql(unwrap.label, space, params, labels), reading);
  const behind = unwrap.filters.map((filter) => ({ type: 'labels', filter, space }) as const);
  const filtered: Scan = { ...scan, stages: [...scan.stages, ...behind] };
  const doubts = [
    doubtSql(filtered, groups, params, labels),
    ...number.doubts,
    ...brokenTexts(groups, params),
  ];
  const doubt = anyDoubt(doubts.map((doubt) => ({ doubt })));
  const more = [
    `${number.value} AS v`,
    `${number.isSet} AS is_set`,
    `${doubt} AS doubt`,
    'timestamp',
    'lane',
    'seq',
  ];
  return cellRowsSql(filtered, groups, grid, more, params, labels);
};

const aggregateQuery = (
  scan: Scan,
  expr: RangeAggregation,
  unwrapping: Unwrapping,
  aggregate: Aggregate,
  labels: LabelOptions,
): Statement => {
  const params = new SqlParams();
  const { sql, names } = valueRows(scan, unwrapping, params, labels);
  const level = params.float64(expr.param ?? 0);
  const taken = aggregate.sql.map((one) => bitsSql(one));
  const checked = `max(${throwIfSql('doubt')}) + ${throwIfSql(aggregate.doubt ?? '0')}`;
  const columns = [...names, 'toInt64(a)', 'toInt64(b)', ...taken, `toUInt8(${checked})`];
  return statement(
    `WITH ${level} AS q SELECT ${columns.join(', ')} FROM ${sql} WHERE a <= b AND is_set` +
      ` GROUP BY ${[...names, 'a', 'b'].join(', ')} ORDER BY a, b`,
    params,
    { max_rows_to_group_by: LIMITS.queryGroups, group_by_overflow_mode: 'throw' },
  );
};

const samplesQuery = (scan: Scan, unwrapping: Unwrapping, labels: LabelOptions): Statement => {
  const params = new SqlParams();
  const { sql, names } = valueRows(scan, unwrapping, params, labels);
  const columns = [...names, 'toInt64(a)', 'toInt64(b)', 'timestamp', bitsSql('v')];
  // Sorted behind the check, so that it has seen every row before the first one comes.
  return statement(
    `SELECT ${columns.join(', ')} FROM ${sql} WHERE a <= b AND is_set` +
      ` ORDER BY ${throwIfSql('doubt')}, timestamp, lane, seq`,
    params,
  );
};
