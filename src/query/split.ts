import { isSqlLineFilter } from './conditions.ts';
import type { LabelFilter, LineFilter, Matcher, Stage } from './logql/ast.ts';
import { isStoredLabel } from './record-labels.ts';

/**
 * The one place that decides which stages of a pipeline run in SQL and which in our own process:
 * the engine takes stages from the front as long as it decides them exactly as we would.
 */
export interface Split {
  /** Decided by the engine; need not be looked at again. */
  readonly sql: readonly SqlStage[];
  /** Run in process over the rows that the engine lets through. */
  readonly rest: readonly Stage[];
}

/** What SQL can decide. */
export type SqlStage = LineFilter | SqlLabelFilter;

/** All matchers must hold, on stream labels and structured metadata. */
export interface SqlLabelFilter {
  readonly type: 'labels';
  readonly matchers: readonly Matcher[];
}

export const splitStages = (stages: readonly Stage[]): Split => {
  const sql: SqlStage[] = [];
  let taken = 0;
  for (const stage of stages) {
    const pushed = toSql(stage);
    if (pushed === undefined) break;
    sql.push(pushed);
    taken++;
  }
  return { sql, rest: stages.slice(taken) };
};

const toSql = (stage: Stage): SqlStage | undefined => {
  if (stage.type === 'line_filter') return isSqlLineFilter(stage) ? stage : undefined;
  if (stage.type !== 'label_filter') return undefined;
  const matchers = conjunction(stage.filter);
  return matchers === undefined ? undefined : { type: 'labels', matchers };
};

/** The matchers of `a and b and c`; `undefined` where anything else is in it. */
const conjunction = (filter: LabelFilter): readonly Matcher[] | undefined => {
  if (filter.type === 'matcher') return isStoredLabel(filter.name) ? [filter] : undefined;
  if (filter.type !== 'and_filter') return undefined;
  const left = conjunction(filter.left);
  const right = conjunction(filter.right);
  return left === undefined || right === undefined ? undefined : [...left, ...right];
};

/** What runs where, for `explain`. */
export const explainSplit = (split: Split): string => {
  const names = (stages: readonly { readonly type: string }[]): string =>
    stages.length === 0 ? 'nothing' : stages.map(({ type }) => type).join(', ');
  return `in the engine: ${names(split.sql)}; in process: ${names(split.rest)}`;
};
