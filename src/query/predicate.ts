import type { AccessFilter } from './access-filter.ts';
import { labelValue } from './labels.ts';
import type { Matcher, Stage } from './logql/ast.ts';
import { compileStage } from './pipeline/all.ts';
import { Entry } from './pipeline/entry.ts';
import { textTest } from './pipeline/label-filter.ts';
import type { Lines } from './plan.ts';
import type { Row } from './row.ts';

/**
 * The second evaluator: a plan's filters and stages over rows in process, for what SQL leaves to
 * us, for live tails and detectors. What SQL decides it decides the same way (fuzzed).
 */
export type Predicate = (row: Row) => Entry | undefined;

/** Runs stages over a row; the entry that comes out, or `undefined` when one drops the line. */
export const compilePipeline = (stages: readonly Stage[]): Predicate => {
  const runs = stages.map(compileStage);
  return (row) => {
    const entry = new Entry(row);
    for (const run of runs) if (!run(entry)) return undefined;
    return entry;
  };
};

/** A whole plan over rows of its tenant: the reader's filter, the matchers, all stages. */
export const compilePredicate = (access: AccessFilter, lines: Lines): Predicate => {
  const mayRead = access.anyOf.map(matchAll);
  const matches = matchAll(lines.matchers);
  const pipeline = compilePipeline(lines.stages);
  return (row) => (mayRead.some((test) => test(row)) && matches(row) ? pipeline(row) : undefined);
};

const matchAll = (matchers: readonly Matcher[]): ((row: Row) => boolean) => {
  const tests = matchers.map((matcher) => ({ name: matcher.name, test: textTest(matcher) }));
  return (row) => tests.every(({ name, test }) => test(labelValue(row.stream, name)));
};

/** Whether rows must carry `fields` for these stages. */
export const needsFields = (stages: readonly Stage[]): boolean =>
  stages.some(({ type }) => type === 'record');

/** Stages that look at labels and fields only. */
const LINE_BLIND: ReadonlySet<string> = new Set([
  'label_filter',
  'drop',
  'keep',
  'distinct',
  'record',
]);

/** Whether these stages may look at a row's line. */
export const needsLine = (stages: readonly Stage[]): boolean =>
  stages.some(({ type }) => !LINE_BLIND.has(type));
