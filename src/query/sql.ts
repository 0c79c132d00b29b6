import type { Layout } from '../model/layout.ts';
import { LIMITS } from '../model/limits.ts';
import type { QueryOptions } from '../model/storage.ts';
import type { Scope } from './access-filter.ts';
import { accessSql, matcherSql } from './conditions.ts';
import { labelConditionSql } from './label-conditions.ts';
import type { Matcher } from './logql/ast.ts';
import type { Direction, RowId } from './plan.ts';
import type { LabelOptions } from './record-labels.ts';
import type { Selection } from './row-selection.ts';
import type { SqlStage } from './split.ts';
import { SqlParams } from './sql-params.ts';

/**
 * Plan to ClickHouse SQL. Every statement reads the Merge table over the tables of its scope,
 * within its time and behind the reader's filter; users' texts are bound, never written.
 */

export interface Statement {
  readonly sql: string;
  readonly options: QueryOptions;
}

/** What the engine reads: a scope's rows for which matchers and stages hold. */
export interface Scan {
  readonly scope: Scope;
  readonly matchers: readonly Matcher[];
  readonly stages: readonly SqlStage[];
  /** The layouts that rows which the matchers admit may have. */
  readonly layouts: readonly Layout[];
  /** Whether rows are sought by id: indexes then answer for the whole scope at once. */
  readonly forIds?: boolean;
  /** Rows that a parser may fail on, as SQL: metrics fail of them in process. */
  readonly doubt?: string;
  readonly after?: { readonly id: RowId; readonly direction: Direction } | undefined;
}

export const LOGS = 'meshtrail.logs';
export const SPANS = 'meshtrail.spans';

/**
 * Where a scope's rows are: a single table by its own name, since planning through the Merge table
 * takes twice the time; several through that.
 */
export const tablesSql = (
  scope: Scope,
  params: SqlParams,
  merged = LOGS,
): { from: string; conditions: string[] } => {
  const [only, second] = scope.tables;
  if (only?.isCurrent === true && second === undefined && /^[a-z0-9_]+$/.test(only.table)) {
    return { from: `meshtrail.${only.table}`, conditions: [] };
  }
  const names = params.texts(scope.tables.map(({ table }) => table));
  return { from: merged, conditions: [`_table IN ${names}`] };
};

/** The rows of a scan, for FROM and after it. */
export const fromSql = (scan: Scan, params: SqlParams, labels: LabelOptions): string => {
  const { scope } = scan;
  if (scan.layouts.length > 0) params.blockRows = LIMITS.layoutBlockRows;
  const { from, conditions } = tablesSql(scope, params);
  conditions.push(
    `timestamp >= ${params.time(scope.startNs)} AND timestamp < ${params.time(scope.endNs)}`,
  );
  const access = accessSql(scope.access, params);
  if (access !== undefined) conditions.push(access);
  for (const matcher of scan.matchers) conditions.push(matcherSql(matcher, params));
  for (const stage of scan.stages) {
    if (stage.type === 'line_filter') conditions.push(stage.plan.sql(params));
    else {
      conditions.push(labelConditionSql(stage.filter, stage.space, params, labels).pass);
    }
  }
  if (scan.after !== undefined) {
    const { id, direction } = scan.after;
    const place = `(${params.time(id.timestampNs)}, ${params.text(id.lane)}, ${params.int64(id.seq)})`;
    const behind = direction === 'backward' ? '<' : '>';
    conditions.push(`(timestamp, lane, seq) ${behind} ${place}`);
  }
  return `${from} WHERE ${conditions.join(' AND ')}`;
};

export const statement = (
  sql: string,
  params: SqlParams,
  settings: NonNullable<QueryOptions['settings']> = {},
): Statement => ({
  sql,
  options: {
    params: params.all,
    settings: {
      ...(params.blockRows !== undefined && { max_block_size: params.blockRows }),
      ...(sql.length > USUAL_QUERY_BYTES && longQuery(sql)),
      ...settings,
    },
  },
});

/** Below what every ClickHouse takes without being told (262,144). */
const USUAL_QUERY_BYTES = 200_000;

/** Statements with many layouts are long; those of a user never are (`LIMITS.logqlBytes`). */
const longQuery = (sql: string): NonNullable<QueryOptions['settings']> => ({
  max_query_size: 2 * sql.length,
  max_ast_elements: 500_000,
  max_expanded_ast_elements: 2_000_000,
});

const orderSql = (direction: Direction): string => {
  const way = direction === 'backward' ? 'DESC' : 'ASC';
  return `ORDER BY timestamp ${way}, lane ${way}, seq ${way}`;
};

/** Ids of the first rows of a scan: (timestamp, lane, seq). */
export const idsQuery = (
  scan: Scan,
  direction: Direction,
  limit: number,
  labels: LabelOptions,
): Statement => {
  const params = new SqlParams();
  const from = fromSql(scan, params, labels);
  return statement(
    `SELECT timestamp, lane, seq FROM ${from} ${orderSql(direction)} LIMIT ${params.int64(limit)}`,
    params,
  );
};

/**
 * Whole rows of these ids, in order, and perhaps others: each lane's numbers are looked for in all
 * lanes named. The scope's time must be that of the ids.
 */
export const rowsByIdQuery = (
  scope: Scope,
  selection: Selection,
  direction: Direction,
  ids: { readonly lanes: readonly string[]; readonly seqs: readonly number[] },
  labels: LabelOptions,
): Statement => {
  const params = new SqlParams();
  const from = fromSql({ scope, stages: [], matchers: [], layouts: [] }, params, labels);
  const lanes = params.texts(ids.lanes);
  const seqs = params.texts(ids.seqs.map(String));
  return statement(
    `SELECT ${selection.sql.join(', ')} FROM ${from} AND lane IN ${lanes}` +
      ` AND seq IN arrayMap(s -> toUInt64(s), ${seqs}) ${orderSql(direction)}`,
    params,
  );
};

/** All rows of a scan, in order: for slices that `partsQuery` has found small enough. */
export const rowsQuery = (
  scan: Scan,
  selection: Selection,
  direction: Direction,
  labels: LabelOptions,
): Statement => {
  const params = new SqlParams();
  const from = fromSql(scan, params, labels);
  return statement(
    `SELECT ${selection.sql.join(', ')} FROM ${from} ${orderSql(direction)}`,
    params,
  );
};

/**
 * How many rows each part of the scan's time has: (part number, rows), parts without rows left
 * out.
 */
export const partsQuery = (scan: Scan, widthNs: bigint, labels: LabelOptions): Statement => {
  const params = new SqlParams();
  const from = fromSql(scan, params, labels);
  const offset = `toUnixTimestamp64Nano(timestamp) - ${params.int64(scan.scope.startNs)}`;
  return statement(
    `SELECT intDiv(${offset}, ${params.int64(widthNs)}) AS part, count() FROM ${from}` +
      ` GROUP BY part ORDER BY part`,
    params,
  );
};
