import { LIMITS } from '../model/limits.ts';
import type { Scope } from './access-filter.ts';
import { compareLabels, compareText, labelsKey, type Labels } from './labels.ts';
import { LINE_SQL } from './line.ts';
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

/** Names of all stream labels, sorted. */
export const labelNames = async (
  context: ReadContext,
  scope: Scope,
  matchers: readonly Matcher[],
): Promise<Listing<string>> => {
  if (scope.tables.length === 0) return NOTHING;
  const params = new SqlParams();
  const from = fromSql(scanOf(scope, matchers), params, context.labels);
  const columns = [
    `groupUniqArrayArrayIf(${LIMITS.labelValues + 1})(CAST(mapKeys(labels), 'Array(String)'), ${IS_LOKI_SQL})`,
    ...MESH_LABELS.map(([, column]) => `countIf(NOT ${IS_LOKI_SQL} AND ${column} != '')`),
  ];
  const query = statement(`SELECT ${columns.join(', ')} FROM ${from}`, params);
  const [row] = await collect(context, query, ['texts', ...MESH_LABELS.map(() => 'u64' as const)]);
  if (row === undefined) return NOTHING;
  const names = new Set(row[0] as readonly string[]);
  MESH_LABELS.forEach(([label], i) => {
    if (row[i + 1] !== 0) names.add(label);
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
  const params = new SqlParams();
  const { loki, column } = streamLabelParts(name, params);
  const from = fromSql(scanOf(scope, matchers), params, context.labels);
  // Apart, so that the maps are read for Loki's streams only.
  const parts = [`SELECT ${loki} AS value FROM ${from} AND ${IS_LOKI_SQL}`];
  if (column !== undefined) {
    parts.push(`SELECT CAST(${column}, 'String') AS value FROM ${from} AND NOT ${IS_LOKI_SQL}`);
  }
  const all = parts.map((part) => `(${part})`).join(' UNION ALL ');
  const query = statement(
    `SELECT DISTINCT value FROM (${all}) WHERE value != '' LIMIT ${LIMITS.labelValues + 1}`,
    params,
  );
  const values = (await collect(context, query, ['text'])).map(([value]) => value as string);
  return cutAt(values.sort(compareText), LIMITS.labelValues);
};

const NO_PAIRS_SQL = `CAST(map(), 'Map(LowCardinality(String), String)')`;

/** Label sets of all streams that one of the selectors matches, sorted. */
export const listStreams = async (
  context: ReadContext,
  scope: Scope,
  selectors: readonly (readonly Matcher[])[],
): Promise<Listing<Labels>> => {
  if (scope.tables.length === 0) return NOTHING;
  const streams = new Map<string, Labels>();
  let cut = false;
  for (const matchers of selectors) {
    const params = new SqlParams();
    const from = fromSql(scanOf(scope, matchers), params, context.labels);
    const columns = [
      `if(${IS_LOKI_SQL}, '${LOKI_RECEIVER}', '') AS r`,
      `if(${IS_LOKI_SQL}, labels, ${NO_PAIRS_SQL}) AS l`,
      ...MESH_LABELS.map(([, column], i) => `if(${IS_LOKI_SQL}, '', ${column}) AS m${i}`),
    ];
    const query = statement(
      `SELECT DISTINCT ${columns.join(', ')} FROM ${from} LIMIT ${LIMITS.seriesListed + 1}`,
      params,
    );
    const kinds: BinaryKind[] = ['name', 'labels', ...MESH_LABELS.map(() => 'name' as const)];
    const rows = await collect(context, query, kinds);
    if (rows.length > LIMITS.seriesListed) cut = true;
    for (const [receiver, labels, ...mesh] of rows) {
      const columnsOfRow = { receiver, labels, mesh, severity: 0, severityText: '', metadata: [] };
      const stream = streamLabels(columnsOfRow as unknown as LabelColumns);
      streams.set(labelsKey(stream), stream);
    }
  }
  const listed = cutAt([...streams.values()].sort(compareLabels), LIMITS.seriesListed);
  return { items: listed.items, cut: cut || listed.cut };
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
  const from = fromSql(scanOf(scope, matchers), params, context.labels);
  const mesh = MESH_LABELS.map(([, column]) => column).join(', ');
  const stream = `cityHash64(if(${IS_LOKI_SQL}, (labels, ''), (${NO_PAIRS_SQL}, toString(cityHash64(${mesh})))))`;
  const query = statement(
    `SELECT uniqCombined(${stream}), count(), sum(length(${LINE_SQL})) FROM ${from}`,
    params,
  );
  const [row] = await collect(context, query, ['u64', 'u64', 'u64']);
  const [streams = 0, entries = 0, bytes = 0] = (row ?? []) as number[];
  return { streams, tables: scope.tables.length, bytes, entries };
};
