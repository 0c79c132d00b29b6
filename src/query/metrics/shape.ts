import type { Grouping, RangeAggregation, Stage, VectorAggregation } from '../logql/ast.ts';
import { compareText, type Labels, type Pair } from '../labels.ts';
import type { Entry } from '../pipeline/entry.ts';

/** Which labels of a line a series has. */
export type Shape =
  | { readonly type: 'all' }
  | { readonly type: 'by'; readonly names: readonly string[] }
  | { readonly type: 'without'; readonly names: readonly string[] };

export const ALL: Shape = { type: 'all' };

const shapeOfGrouping = ({ without, labels }: Grouping): Shape => ({
  type: without ? 'without' : 'by',
  names: [...new Set(labels)].sort(compareText),
});

/** Sums of these are the same whether taken before or after grouping. */
const SUMMABLE: ReadonlySet<string> = new Set([
  'count_over_time',
  'rate',
  'bytes_over_time',
  'bytes_rate',
  'sum_over_time',
]);

/**
 * The labels that a range aggregation's series need: its own grouping's, else those of a `sum`
 * right around it, else all. An unwrapped label is no label of the series unless it is asked for
 * by name.
 */
export const shapeOf = (expr: RangeAggregation, outer: VectorAggregation | undefined): Shape => {
  let shape: Shape = ALL;
  if (expr.grouping !== null) shape = shapeOfGrouping(expr.grouping);
  else if (outer?.op === 'sum' && SUMMABLE.has(expr.op)) {
    shape = outer.grouping === null ? { type: 'by', names: [] } : shapeOfGrouping(outer.grouping);
  }
  const { unwrap } = expr.range;
  if (unwrap === null || shape.type === 'by') return shape;
  const names = shape.type === 'without' ? shape.names : [];
  return { type: 'without', names: [...names, unwrap.label] };
};

export const shapeLabels = (labels: Labels, shape: Shape): Labels => {
  if (shape.type === 'all') return labels;
  const keep = shape.type === 'by';
  return labels.filter(([name]) => shape.names.includes(name) === keep);
};

/** The labels of a line's series. */
export const shapeEntry = (entry: Entry, shape: Shape): Labels => {
  // An error's series keeps all its labels: they say what is wrong.
  if (entry.error !== '') return entry.all();
  if (shape.type !== 'by') return shapeLabels(entry.all(), shape);
  const pairs: Pair[] = [];
  for (const name of shape.names) {
    const value = entry.get(name);
    if (value !== undefined) pairs.push([name, value]);
  }
  return pairs;
};

/** Parsers that change no line and drop none: without use for their labels they need not run. */
const PARSERS: ReadonlySet<string> = new Set(['json', 'logfmt', 'pattern', 'regexp', 'record']);

/**
 * The stages that matter to an aggregation. As in Loki, `sum(count_over_time({...} | json [5m]))`
 * does not parse: nobody asks for a label.
 */
export const neededStages = (expr: RangeAggregation, shape: Shape): readonly Stage[] => {
  const { stages } = expr.range.log;
  const idle =
    shape.type === 'by' &&
    shape.names.length === 0 &&
    expr.range.unwrap === null &&
    stages.every(({ type }) => type === 'line_filter' || PARSERS.has(type));
  return idle ? stages.filter(({ type }) => type === 'line_filter') : stages;
};
