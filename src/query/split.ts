import { isSqlLineFilter } from './conditions.ts';
import { isDecided, isSqlLabelFilter } from './label-conditions.ts';
import type { LabelFilter, LineFilter, Stage } from './logql/ast.ts';
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
export type SqlStage = LineFilter | SqlLabelFilter;

/** A filter for which `isSqlLabelFilter` holds, and the labels that it sees. */
export interface SqlLabelFilter {
  readonly type: 'labels';
  readonly filter: LabelFilter;
  readonly space: LabelSpace;
}

export const splitStages = (stages: readonly Stage[]): Split => {
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
    const pushed: SqlStage | undefined = toSql(stage, sameLine, space);
    if (pushed !== undefined) sql.push(pushed);
    if (
      pushed === undefined ||
      (pushed.type === 'labels' && !isDecided(pushed.filter, pushed.space))
    ) {
      rest.push(stage);
    }
    if (pushed === undefined && isFilter(stage)) alone = false;
    if (CHANGES_LINE.has(stage.type)) sameLine = alone = false;
    if (stage.type === 'record') space = space === undefined ? undefined : 'record';
    else if (!KEEPS_LABELS.has(stage.type)) space = undefined;
  }
  const decided = !rest.some(isFilter);
  return { sql, rest, decided, labels: alone ? space : undefined };
};

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

const toSql = (
  stage: Stage,
  sameLine: boolean,
  space: LabelSpace | undefined,
): SqlStage | undefined => {
  if (stage.type === 'line_filter') return sameLine && isSqlLineFilter(stage) ? stage : undefined;
  if (stage.type !== 'label_filter' || space === undefined) return undefined;
  return isSqlLabelFilter(stage.filter)
    ? { type: 'labels', filter: stage.filter, space }
    : undefined;
};

/** What runs where, for `explain`. */
export const explainSplit = (split: Split): string => {
  const names = (stages: readonly { readonly type: string }[]): string =>
    stages.length === 0 ? 'nothing' : stages.map(({ type }) => type).join(', ');
  return `in the engine: ${names(split.sql)}; in process: ${names(split.rest)}`;
};
