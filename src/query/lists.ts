import { LIMITS } from '../model/limits.ts';
import type { Scope } from './access-filter.ts';
import { compareLabels, compareText, labelsKey, type Labels, type Pair } from './labels.ts';
import { lineLengthSql } from './layout-length-sql.ts';
import type { Matcher } from './logql/ast.ts';
import { runValues, type ReadContext } from './read.ts';
import {
  IS_LOKI_SQL,
  LOKI_RECEIVER,
  MESH_LABELS,
  streamLabelParts,
  streamLabels,
  type LabelColumns,
} from './record-labels.ts';
import { layoutsOf, serviceTest } from './relevant-layouts.ts';
import type { BinaryKind, BinaryValue } from './row-binary.ts';
import { fromSql, statement, type Scan, type Statement } from './sql.ts';
import { SqlParams } from './sql-params.ts';

/** What streams there are: names, values and sets of stream labels within a scope. */

/** A list, and whether it was cut at its limit. */
export interface Listing<T> {
  readonly items: readonly T[];
  readonly cut: boolean;
}

const NOTHING = { items: [], cut: false } as const;

const scanOf = (scope: Scope, matchers: readonly Matcher[]): Scan => ({
  scope,
  matchers,
  stages: [],
  layouts: layoutsOf(scope, serviceTest(matchers)),
});

const collect = async (
  context: ReadContext,
  query: Statement,
  kinds: readonly BinaryKind[],
): Promise<BinaryValue[][]> => {
  const values: BinaryValue[][] = [];
  for await (const rows of await runValues(context, query, kinds)) {
    for (const row of rows) values.push(row);
    await context.turn();
  }
  return values;
};

const cutAt = <T>(items: readonly T[], limit: number): Listing<T> => ({
  items: items.slice(0, limit),
  cut: items.length > limit,
});

/**
 * A query over Loki's streams only, or over the rest: apart, so that maps are read for Loki only.
 */
const listQuery = (
  context: ReadContext,
  scan: Scan,
  loki: boolean,
  sql: (from: string, params: SqlParams) => string,
): Statement => {
  const params = new SqlParams();
  const from = fromSql(scan, params, context.labels);
  return statement(sql(`${from} AND ${loki ? '' : 'NOT '}${IS_LOKI_SQL}`, params), params);
};

/** Names of all stream labels, sorted. */
export const labelNames = async (
  context: ReadContext,
  scope: Scope,
  matchers: readonly Matcher[],
): Promise<Listing<string>> => {
  if (scope.tables.length === 0) return NOTHING;
  const scan = scanOf(scope, matchers);
  const keys = `CAST(mapKeys(labels), 'Array(String)')`;
  const pushed = listQuery(
    context,
    scan,
    true,
    (from) => `SELECT groupUniqArrayArray(${LIMITS.labelValues + 1})(${keys}) FROM ${from}`,
  );
  const known = MESH_LABELS.map(([, column]) => `countIf(${column} != '')`).join(', ');
  const others = listQuery(context, scan, false, (from) => `SELECT ${known} FROM ${from}`);
  const [pushedRow] = await collect(context, pushed, ['texts']);
  const [othersRow] = await collect(
    context,
    others,
    MESH_LABELS.map(() => 'u64' as const),
  );
  const names = new Set(pushedRow?.[0] as readonly string[] | undefined);
  MESH_LABELS.forEach(([label], i) => {
    if ((othersRow?.[i] ?? 0) !== 0) names.add(label);
  });
  return cutAt([...names].sort(compareText), LIMITS.labelValues);
};

/** Values of one stream label, sorted. */
export const labelValues = async (
  context: ReadContext,
  scope: Scope,
  matchers: readonly Matcher[],
  name: string,
): Promise<Listing<string>> => {
  if (scope.tables.length === 0) return NOTHING;
  const scan = scanOf(scope, matchers);
  const limit = LIMITS.labelValues + 1;
  const distinct = (value: string, from: string): string =>
    `SELECT DISTINCT CAST(${value}, 'String') AS value FROM ${from} AND value != '' LIMIT ${limit}`;
  const queries = [
    listQuery(context, scan, true, (from, params) =>
      distinct(streamLabelParts(name, params).loki, from),
    ),
  ];
  const { column } = streamLabelParts(name, new SqlParams());
  if (column !== undefined) {
    queries.push(listQuery(context, scan, false, (from) => distinct(column, from)));
  }
  const values = new Set<string>();
  for (const query of queries) {
    for (const [value] of await collect(context, query, ['text'])) values.add(value as string);
  }
  return cutAt([...values].sort(compareText), LIMITS.labelValues);
};

/** Label sets of all streams that one of the selectors matches, sorted. */
export const listStreams = async (
  context: ReadContext,
  scope: Scope,
  selectors: readonly (readonly Matcher[])[],
): Promise<Listing<Labels>> => {
  if (scope.tables.length === 0) return NOTHING;
  const streams = new Map<string, Labels>();
  const take = (columns: Pick<LabelColumns, 'receiver' | 'labels' | 'mesh'>): void => {
    const stream = streamLabels({ ...columns, severity: 0, severityText: '', metadata: [] });
    if (stream.length > 0) streams.set(labelsKey(stream), stream);
  };
  const limit = LIMITS.seriesListed + 1;
  const names = MESH_LABELS.map(([, column]) => column).join(', ');
  for (const matchers of selectors) {
    const scan = scanOf(scope, matchers);
    const pushed = listQuery(
      context,
      scan,
      true,
      (from) => `SELECT DISTINCT labels FROM ${from} LIMIT ${limit}`,
    );
    for (const [labels] of await collect(context, pushed, ['labels'])) {
      take({ receiver: LOKI_RECEIVER, labels: labels as readonly Pair[], mesh: [] });
    }
    const others = listQuery(
      context,
      scan,
      false,
      (from) => `SELECT DISTINCT ${names} FROM ${from} LIMIT ${limit}`,
    );
    for (const mesh of await collect(
      context,
      others,
      MESH_LABELS.map(() => 'name' as const),
    )) {
      take({ receiver: '', labels: [], mesh: mesh as string[] });
    }
  }
  return cutAt([...streams.values()].sort(compareLabels), LIMITS.seriesListed);
};

/** How much a selector would read. */
export interface StreamStats {
  readonly streams: number;
  readonly tables: number;
  readonly bytes: number;
  readonly entries: number;
}

export const streamStats = async (
  context: ReadContext,
  scope: Scope,
  matchers: readonly Matcher[],
): Promise<StreamStats> => {
  if (scope.tables.length === 0) return { streams: 0, tables: 0, bytes: 0, entries: 0 };
  const params = new SqlParams();
  const scan = scanOf(scope, matchers);
  const from = fromSql(scan, params, context.labels);
  const mesh = MESH_LABELS.map(([, column]) => column).join(', ');
  const noPairs = `CAST(map(), 'Map(LowCardinality(String), String)')`;
  const stream = `cityHash64(if(${IS_LOKI_SQL}, (labels, ''), (${noPairs}, toString(cityHash64(${mesh})))))`;
  const query = statement(
    `SELECT uniqCombined(${stream}), count(), sum(${lineLengthSql(scan.layouts)}) FROM ${from}`,
    params,
  );
  const [row] = await collect(context, query, ['u64', 'u64', 'u64']);
  const [streams = 0, entries = 0, bytes = 0] = (row ?? []) as number[];
  return { streams, tables: scope.tables.length, bytes, entries };
};
