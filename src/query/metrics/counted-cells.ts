import { LIMITS } from '../../model/limits.ts';
import type { Labels, Pair } from '../labels.ts';
import { lineLengthSql } from '../layout-sql.ts';
import type { RangeAggregation } from '../logql/ast.ts';
import { Entry } from '../pipeline/entry.ts';
import {
  anyLabelSql,
  IS_LOKI_SQL,
  isStoredLabel,
  LOKI_RECEIVER,
  MESH_LABELS,
  metadataLabels,
  streamLabels,
  type LabelColumns,
  type LabelOptions,
} from '../record-labels.ts';
import { runValues, type ReadContext } from '../read.ts';
import type { BinaryKind, BinaryValue } from '../row-binary.ts';
import { fromSql, statement, type Scan, type Statement } from '../sql.ts';
import { SqlParams } from '../sql-params.ts';
import type { CellUpdate } from './cells.ts';
import type { Grid } from './grid.ts';
import { shapeLabels, type Shape } from './shape.ts';

/**
 * A range aggregation's cells counted by the engine, for pipelines that it decides alone: rows
 * and bytes per series and cell, in the cells' order. What comes back follows points and series,
 * not rows.
 */
export async function* countedCells(
  context: ReadContext,
  scan: Scan,
  expr: RangeAggregation,
  shape: Shape,
  grid: Grid,
): AsyncGenerator<readonly CellUpdate[], void, undefined> {
  if (scan.scope.tables.length === 0) return;
  const groups = groupsOf(shape, context.labels);
  const query = cellsQuery(scan, expr, groups, grid, context.labels);
  const kinds: BinaryKind[] = [...groups.kinds, 'i64', 'i64', 'u64', 'u64'];
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

interface Groups {
  readonly columns: (params: SqlParams) => readonly string[];
  readonly kinds: readonly BinaryKind[];
  readonly labels: (values: readonly BinaryValue[]) => Labels;
}

const groupsOf = (shape: Shape, options: LabelOptions): Groups =>
  shape.type === 'by' && shape.names.every(isStoredLabel)
    ? groupsByName(shape.names, options)
    : groupsByStream(shape, options);

const groupsByName = (names: readonly string[], options: LabelOptions): Groups => ({
  columns: (params) => names.map((name) => anyLabelSql(name, params, options)),
  kinds: names.map(() => 'name'),
  labels: (values) => {
    const pairs: Pair[] = [];
    names.forEach((name, i) => {
      if (values[i] !== '') pairs.push([name, values[i] as string]);
    });
    return pairs;
  },
});

const NO_PAIRS_SQL = `CAST(map(), 'Map(LowCardinality(String), String)')`;

/** All that labels are made of; what a row's labels do not depend on is made equal. */
const groupsByStream = (shape: Shape, options: LabelOptions): Groups => {
  const level = (column: string, none: string): string =>
    options.discoverLogLevels ? `if(${IS_LOKI_SQL}, ${column}, ${none})` : none;
  return {
    columns: () => [
      `if(${IS_LOKI_SQL}, '${LOKI_RECEIVER}', '')`,
      level('severity', 'toUInt8(0)'),
      level('severity_text', `''`),
      `if(${IS_LOKI_SQL}, labels, ${NO_PAIRS_SQL})`,
      'metadata',
      ...MESH_LABELS.map(([, column]) => `if(${IS_LOKI_SQL}, '', ${column})`),
    ],
    kinds: ['name', 'u8', 'name', 'labels', 'map', ...MESH_LABELS.map(() => 'name' as const)],
    labels: (values) => {
      const [receiver, severity, severityText, labels, metadata, ...mesh] = values;
      const columns = { receiver, severity, severityText, labels, metadata, mesh };
      return shapeLabels(labelsOf(columns as unknown as LabelColumns, options), shape);
    },
  };
};

/** The labels of rows with these columns, by the rules for single rows. */
const labelsOf = (columns: LabelColumns, options: LabelOptions): Labels => {
  const stream = streamLabels(columns);
  const metadata = metadataLabels(columns, stream, options);
  if (metadata.length === 0) return stream;
  const row = { timestampNs: 0n, lane: '', seq: 0, stream, metadata, line: '', lineBytes: 0 };
  return new Entry({ ...row, lineRaw: undefined, fields: undefined }).all();
};

const cellsQuery = (
  scan: Scan,
  expr: RangeAggregation,
  groups: Groups,
  grid: Grid,
  labels: LabelOptions,
): Statement => {
  const params = new SqlParams();
  const columns = groups.columns(params).map((sql, i) => `${sql} AS g${i}`);
  const step = params.int64(grid.stepNs);
  const counted = expr.op === 'bytes_over_time' || expr.op === 'bytes_rate';
  const inner = [
    ...columns,
    `toUnixTimestamp64Nano(timestamp) - ${params.int64(grid.originNs)} AS since`,
    `if(since <= 0, 0, intDiv(since + ${params.int64(grid.stepNs - 1n)}, ${step})) AS a`,
    `least(intDiv(since + ${params.int64(grid.rangeNs - 1n)}, ${step}), ${params.int64(grid.last)}) AS b`,
    counted ? `${lineLengthSql(scan.layouts)} AS size` : 'toUInt64(0) AS size',
  ];
  const names = columns.map((_, i) => `g${i}`);
  const keys = [...names, 'a', 'b'].join(', ');
  const from = fromSql(scan, params, labels);
  return statement(
    `SELECT ${[...names, 'toInt64(a)', 'toInt64(b)', 'count()', 'sum(size)'].join(', ')}` +
      ` FROM (SELECT ${inner.join(', ')} FROM ${from}) WHERE a <= b` +
      ` GROUP BY ${keys} ORDER BY a, b`,
    params,
    { max_rows_to_group_by: LIMITS.queryGroups, group_by_overflow_mode: 'throw' },
  );
};
