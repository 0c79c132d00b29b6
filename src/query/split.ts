import type { Layout } from '../model/layout.ts';
import { isDecided, isSqlLabelFilter } from './label-conditions.ts';
import { planLineFilter, type LineFilterPlan } from './line-filter-plan.ts';
import type { LabelFilter, LineFilter, Stage } from './logql/ast.ts';
import { jsonSpace } from './parsed-labels.ts';
import type { LabelSpace } from './record-fields.ts';

/**
 * The one place that decides which stages of a pipeline run in SQL and which in our own process.
 * The engine takes every filter that it can tell anything about. What it may let through too much
 * of is also run here, over the rows that it lets through, as is what makes labels.
 */
export interface Split {
  /** Conditions for the engine, in the pipeline's order. */
  readonly sql: readonly SqlStage[];
  /** Run in process over the rows that the engine lets through. */
  readonly rest: readonly Stage[];
  /** Whether `rest` drops no row: those that the engine lets through are the answer. */
  readonly decided: boolean;
  /**
   * The labels behind the last stage as SQL knows them, where `sql` holds everything that drops
   * rows (some may be in doubt); `undefined` where only our process knows.
   */
  readonly labels: LabelSpace | undefined;
}

/** What SQL can decide, or nearly. */
export type SqlStage = SqlLineFilter | SqlLabelFilter;

/** A filter on the stored line, with a plan that has a condition. */
export interface SqlLineFilter {
  readonly type: 'line_filter';
  readonly filter: LineFilter;
  readonly plan: LineFilterPlan & { readonly sql: NonNullable<LineFilterPlan['sql']> };
}

/** A filter for which `isSqlLabelFilter` holds, and the labels that it sees. */
export interface SqlLabelFilter {
  readonly type: 'labels';
  readonly filter: LabelFilter;
  readonly space: LabelSpace;
}

/** Splits the stages for rows that may have these layouts. */
export const splitStages = (stages: readonly Stage[], layouts: readonly Layout[]): Split => {
  const sql: SqlStage[] = [];
  const rest: Stage[] = [];
  let space: LabelSpace | undefined = 'stored';
  let sameLine = true;
  let alone = true;
  for (const [i, stage] of stages.entries()) {
    if (stage.type === 'distinct') {
      // Which of several lines stays depends on what came before: no filter may overtake it.
      return { sql, rest: [...rest, ...stages.slice(i)], decided: false, labels: undefined };
    }
    const pushed: SqlStage | undefined = toSql(stage, sameLine, space, layouts);
    if (pushed !== undefined) sql.push(pushed);
    if (pushed === undefined || !decides(pushed)) rest.push(stage);
    if (isFilter(stage) && (pushed === undefined || isLoose(pushed))) alone = false;
    if (CHANGES_LINE.has(stage.type)) sameLine = alone = false;
    space = spaceBehind(stage, space, sameLine ? layouts : []);
  }
  const decided = !rest.some(isFilter);
  return { sql, rest, decided, labels: alone ? space : undefined };
};

const decides = (one: SqlStage): boolean =>
  one.type === 'line_filter' ? one.plan.decided : isDecided(one.filter, one.space);

/** Lets rows through that are not counted as in doubt. */
const isLoose = (one: SqlStage): boolean => one.type === 'line_filter' && !one.plan.decided;

const isFilter = ({ type }: Stage): boolean => type === 'line_filter' || type === 'label_filter';

/** Stages behind which a line filter does not see the stored line. */
const CHANGES_LINE: ReadonlySet<string> = new Set(['decolorize', 'line_format', 'unpack']);

/** Stages behind which labels are as before. */
const KEEPS_LABELS: ReadonlySet<string> = new Set([
  'line_filter',
  'label_filter',
  'decolorize',
  'line_format',
]);

const spaceBehind = (
  stage: Stage,
  space: LabelSpace | undefined,
  layouts: readonly Layout[],
): LabelSpace | undefined => {
  if (KEEPS_LABELS.has(stage.type)) return space;
  if (stage.type === 'record')
    return space === 'stored' || space === 'record' ? 'record' : undefined;
  const parses = stage.type === 'json' && stage.expressions.length === 0 && space === 'stored';
  return parses ? jsonSpace(layouts) : undefined;
};

const toSql = (
  stage: Stage,
  sameLine: boolean,
  space: LabelSpace | undefined,
  layouts: readonly Layout[],
): SqlStage | undefined => {
  if (stage.type === 'line_filter') return sameLine ? lineToSql(stage, layouts) : undefined;
  if (stage.type !== 'label_filter' || space === undefined) return undefined;
  return isSqlLabelFilter(stage.filter)
    ? { type: 'labels', filter: stage.filter, space }
    : undefined;
};

const lineToSql = (filter: LineFilter, layouts: readonly Layout[]): SqlLineFilter | undefined => {
  const plan = planLineFilter(filter, layouts);
  const { sql } = plan;
  return sql === undefined ? undefined : { type: 'line_filter', filter, plan: { ...plan, sql } };
};

/** What runs where, for `explain`. */
export const explainSplit = (split: Split): string => {
  const names = (stages: readonly { readonly type: string }[]): string =>
    stages.length === 0 ? 'nothing' : stages.map(({ type }) => type).join(', ');
  return `in the engine: ${names(split.sql)}; in process: ${names(split.rest)}`;
};
