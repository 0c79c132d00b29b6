import { LIMITS } from '../../model/limits.ts';
import { anyDoubt, labelConditionSql } from '../label-conditions.ts';
import { lineLengthSql } from '../layout-length-sql.ts';
import type { RangeAggregation } from '../logql/ast.ts';
import type { LabelOptions } from '../record-labels.ts';
import { runValues, type ReadContext } from '../read.ts';
import type { BinaryKind } from '../row-binary.ts';
import { fromSql, statement, type Scan, type Statement } from '../sql.ts';
import { SqlParams } from '../sql-params.ts';
import type { CellUpdate } from './cells.ts';
import type { Grid } from './grid.ts';
import type { Groups } from './groups.ts';
import { throwIfSql } from './undecided.ts';

/**
 * A range aggregation's cells counted by the engine, for pipelines that it decides alone: rows
 * and bytes per series and cell, in the cells' order. What comes back follows points and series,
 * not rows.
 * @param most of the only cell, give the greatest so many groups, and those equal to the last.
 */
export async function* countedCells(
  context: ReadContext,
  scan: Scan,
  expr: RangeAggregation,
  groups: Groups,
  grid: Grid,
  most: number | undefined,
): AsyncGenerator<readonly CellUpdate[], void, undefined> {
  if (scan.scope.tables.length === 0) return;
  const query = countsQuery(scan, expr, groups, grid, context.labels, most);
  const kinds: BinaryKind[] = [...groups.kinds, 'i64', 'i64', 'u64', 'u64', 'u8'];
  const width = groups.kinds.length;
  for await (const rows of await runValues(context, query, kinds)) {
    yield rows.map((values): CellUpdate => {
      const [a, b, count, bytes] = values.slice(width) as [bigint, bigint, number, number];
      return {
        a: Number(a),
        b: Number(b),
        labels: groups.labels(values),
        count,
        value: bytes,
        timestampNs: 0n,
      };
    });
    await context.turn();
  }
}

/** The rows of a scan with what they are grouped by, `g0`, `g1` ..., and their cell `a`, `b`. */
export const cellRowsSql = (
  scan: Scan,
  groups: Groups,
  grid: Grid,
  more: readonly string[],
  params: SqlParams,
  labels: LabelOptions,
): { readonly sql: string; readonly names: readonly string[] } => {
  const columns = groups.columns(params).map(({ sql }, i) => `${sql} AS g${i}`);
  const step = params.int64(grid.stepNs);
  const inner = [
    ...columns,
    `toUnixTimestamp64Nano(timestamp) - ${params.int64(grid.originNs)} AS since`,
    `if(since <= 0, 0, intDiv(since + ${params.int64(grid.stepNs - 1n)}, ${step})) AS a`,
    `least(intDiv(since + ${params.int64(grid.rangeNs - 1n)}, ${step}), ${params.int64(grid.last)}) AS b`,
    ...more,
  ];
  const from = fromSql(scan, params, labels);
  return {
    sql: `(SELECT ${inner.join(', ')} FROM ${from})`,
    names: columns.map((_, i) => `g${i}`),
  };
};

/** Rows that a scan's filters or their groups leave in doubt, as SQL; '0' where there are none. */
export const doubtSql = (
  scan: Scan,
  groups: Groups,
  params: SqlParams,
  labels: LabelOptions,
): string => {
  const ofStages = scan.stages.flatMap((stage) =>
    stage.type === 'labels' ? labelConditionSql(stage.filter, stage.space, params, labels) : [],
  );
  return anyDoubt([...ofStages, ...groups.columns(params), { doubt: scan.doubt }]) ?? '0';
};

/** Conditions on groups whose texts are no UTF-8. */
export const brokenTexts = (groups: Groups, params: SqlParams): readonly string[] =>
  groups.columns(params).flatMap(({ raw, sql }) => (raw ? [`NOT isValidUTF8(${sql})`] : []));

const countsQuery = (
  scan: Scan,
  expr: RangeAggregation,
  groups: Groups,
  grid: Grid,
  labels: LabelOptions,
  most: number | undefined,
): Statement => {
  const params = new SqlParams();
  const counted = expr.op === 'bytes_over_time' || expr.op === 'bytes_rate';
  // Groups that look alike, because of bytes that are no UTF-8, would have to be added up first.
  const broken = most === undefined ? [] : brokenTexts(groups, params);
  const more = [
    counted ? `${lineLengthSql(scan.layouts)} AS size` : 'toUInt64(0) AS size',
    `(${[doubtSql(scan, groups, params, labels), ...broken].join(' OR ')}) AS doubt`,
  ];
  const { sql, names } = cellRowsSql(scan, groups, grid, more, params, labels);
  const order =
    most === undefined
      ? 'ORDER BY a, b'
      : `ORDER BY ${counted ? 'sum(size)' : 'count()'} DESC LIMIT ${params.int64(most)} WITH TIES`;
  const sums = ['toInt64(a)', 'toInt64(b)', 'count()', 'sum(size)', `max(${throwIfSql('doubt')})`];
  return statement(
    `SELECT ${[...names, ...sums].join(', ')} FROM ${sql} WHERE a <= b` +
      ` GROUP BY ${[...names, 'a', 'b'].join(', ')} ${order}`,
    params,
    { max_rows_to_group_by: LIMITS.queryGroups, group_by_overflow_mode: 'throw' },
  );
};
