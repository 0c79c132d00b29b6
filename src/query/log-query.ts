import { isForIds } from './label-conditions.ts';
import type { Entry } from './pipeline/entry.ts';
import type { LogPlan } from './plan.ts';
import { compilePipeline, needsFields } from './predicate.ts';
import { firstRows, rowsInWindows, type ReadContext } from './read.ts';
import { layoutsOf, serviceTest } from './relevant-layouts.ts';
import type { Row } from './row.ts';
import { LINE_ROWS, WHOLE_ROWS } from './rows.ts';
import { splitStages } from './split.ts';

/**
 * Runs a log plan: entries in its direction, at most its limit. What the engine decides is not
 * looked at again; where it decides everything it is asked for no more rows than the limit.
 */
export async function* runLogPlan(
  context: ReadContext,
  plan: LogPlan,
): AsyncGenerator<Entry, void, undefined> {
  const { direction, scope, matchers, after } = plan;
  const layouts = layoutsOf(scope, serviceTest(matchers));
  const { sql, rest, decided } = splitStages(plan.stages, layouts);
  const scan = {
    scope,
    matchers,
    stages: sql,
    layouts,
    forIds: sql.some((stage) => stage.type === 'labels' && isForIds(stage.filter)),
    after: after === undefined ? undefined : { id: after, direction },
  };
  const columns = plan.whole === true || needsFields(rest) ? WHOLE_ROWS : LINE_ROWS;
  const pipeline = compilePipeline(rest);
  let left = plan.limit;
  const rows: AsyncIterable<Row> =
    decided && Number.isFinite(left)
      ? firstRows(context, scan, columns, direction, left)
      : rowsInWindows(context, scan, columns, direction);
  for await (const row of rows) {
    const entry = pipeline(row);
    if (entry === undefined) continue;
    printLine(row);
    yield entry;
    if (--left <= 0) return;
  }
}

/** Prints the line now: an answer holds lines, not all that was read to make them. */
const printLine = ({ lineBytes }: Row): number => lineBytes;
