import { MeshtrailError } from '../../model/errors.ts';
import type { LabelFilter, RangeAggregation, Stage } from '../logql/ast.ts';
import { labelsKey, printLabels, type Labels } from '../labels.ts';
import { ERROR_LABEL, type Entry } from '../pipeline/entry.ts';
import { labelFilter } from '../pipeline/label-filter.ts';
import { unwrapped } from '../pipeline/numbers.ts';
import { compilePipeline, needsFields, needsLine, type Predicate } from '../predicate.ts';
import { allRows, type ReadContext } from '../read.ts';
import { LINE_ROWS, WHOLE_ROWS, withoutLines } from '../rows.ts';
import type { Scan } from '../sql.ts';
import type { CellUpdate } from './cells.ts';
import { cellOf, type Grid } from './grid.ts';
import { shapeEntry, type Shape } from './shape.ts';

/** Updates that are handed on together. */
const BATCH = 1_024;

/** A range aggregation's samples from rows that run through its pipeline in our process. */
export async function* sampledCells(
  context: ReadContext,
  scan: Scan,
  rest: readonly Stage[],
  expr: RangeAggregation,
  shape: Shape,
  grid: Grid,
): AsyncGenerator<readonly CellUpdate[], void, undefined> {
  const rows = needsFields(rest) ? WHOLE_ROWS : LINE_ROWS;
  const columns = needsLine(rest) || countsBytes(expr) ? rows : withoutLines(rows);
  const sample = sampler(compilePipeline(rest), expr);
  const wantsErrors = asksForErrors(rest, expr, shape);
  const known = new Map<string, Labels>();
  let batch: CellUpdate[] = [];
  for await (const row of allRows(context, scan, columns, 'forward')) {
    const { a, b } = cellOf(grid, row.timestampNs);
    if (a > b) continue;
    const found = sample(row);
    if (found === undefined) continue;
    const labels = shapeEntry(found.entry, shape);
    if (found.entry.error !== '' && !wantsErrors) throw pipelineError(found.entry, labels);
    const key = labelsKey(labels);
    let held = known.get(key);
    if (held === undefined) {
      if (known.size > BATCH) known.clear();
      known.set(key, (held = labels));
    }
    const { timestampNs } = row;
    batch.push({ a, b, labels: held, count: 1, value: found.value, timestampNs });
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

const countsBytes = ({ op, range }: RangeAggregation): boolean =>
  range.unwrap === null && (op === 'bytes_over_time' || op === 'bytes_rate');

type Sampler = (row: Parameters<Predicate>[0]) => { entry: Entry; value: number } | undefined;

/** The value of a line: its size or its unwrapped label. */
const sampler = (pipeline: Predicate, expr: RangeAggregation): Sampler => {
  const { unwrap } = expr.range;
  if (unwrap === null) {
    const sized = countsBytes(expr);
    return (row) => {
      const entry = pipeline(row);
      return entry === undefined ? undefined : { entry, value: sized ? entry.bytes : 0 };
    };
  }
  const filters = unwrap.filters.map(labelFilter);
  return (row) => {
    const entry = pipeline(row);
    const text = entry?.get(unwrap.label) ?? '';
    if (entry === undefined || text === '') return undefined;
    const value = unwrapped(text, unwrap.conversion);
    if (value === undefined) {
      const what = unwrap.conversion ?? 'number';
      entry.fail('SampleExtractionErr', `${JSON.stringify(text)} is no ${what}`);
    }
    for (const filter of filters) if (!filter(entry)) return undefined;
    return { entry, value: value ?? 0 };
  };
};

/** Errors fail the query, but where it names the error label: then it means to count them. */
const asksForErrors = (stages: readonly Stage[], expr: RangeAggregation, shape: Shape): boolean => {
  const filters: LabelFilter[] = [...(expr.range.unwrap?.filters ?? [])];
  for (const stage of stages) if (stage.type === 'label_filter') filters.push(stage.filter);
  const named = shape.type === 'by' && shape.names.includes(ERROR_LABEL);
  return named || filters.some(namesError);
};

const namesError = (filter: LabelFilter): boolean =>
  filter.type === 'and_filter' || filter.type === 'or_filter'
    ? namesError(filter.left) || namesError(filter.right)
    : filter.name === ERROR_LABEL;

const pipelineError = (entry: Entry, labels: Labels): MeshtrailError =>
  new MeshtrailError(
    'query_pipeline',
    `pipeline error: '${entry.error}' for series: '${printLabels(labels)}'.\n` +
      `Use a label filter to intentionally skip this error. (e.g | __error__!="${entry.error}").\n` +
      'To skip all potential errors you can match empty errors.(e.g __error__="")\n' +
      'The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )\n',
  );
