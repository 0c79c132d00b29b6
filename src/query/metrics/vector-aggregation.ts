import { compareLabels, pickLabels, type Labels } from '../labels.ts';
import type { VectorAggregation } from '../logql/ast.ts';
import { keyOfLabels, type Sample, type StepSource, type Vector } from './vector.ts';

/** `sum by (a) (...)` and its family over the vector of each point. */
export const vectorAggregation = (expr: VectorAggregation, inner: StepSource): StepSource => {
  const labelsOf = groupLabels(expr);
  const reduce = reducer(expr);
  return {
    at: async (k) => {
      const groups = new Map<string, { labels: Labels; samples: Sample[] }>();
      for (const sample of await inner.at(k)) {
        const labels = labelsOf(sample.labels);
        const key = keyOfLabels(labels);
        const group = groups.get(key);
        if (group === undefined) groups.set(key, { labels, samples: [sample] });
        else group.samples.push(sample);
      }
      const vector: Sample[] = [];
      for (const { labels, samples } of groups.values()) vector.push(...reduce(labels, samples));
      return vector;
    },
    close: () => inner.close(),
  };
};

/** The labels of a sample's group; remembered, since series come again at each point. */
const groupLabels = ({ op, grouping }: VectorAggregation): ((labels: Labels) => Labels) => {
  const none: Labels = [];
  if (grouping === null || op === 'sort' || op === 'sort_desc') return () => none;
  const names = new Set(grouping.labels);
  const known = new WeakMap<Labels, Labels>();
  return (labels) => {
    let group = known.get(labels);
    if (group === undefined) {
      group = pickLabels(labels, names, !grouping.without);
      known.set(labels, group);
    }
    return group;
  };
};

type Reduce = (labels: Labels, samples: readonly Sample[]) => Vector;

const reducer = ({ op, param }: VectorAggregation): Reduce => {
  switch (op) {
    case 'sum':
      return single((values) => values.reduce((sum, value) => sum + value, 0));
    case 'count':
      return single((values) => values.length);
    case 'avg':
      return single(meanOf);
    case 'min':
      return single((values) => values.reduce((a, b) => (b < a || Number.isNaN(a) ? b : a)));
    case 'max':
      return single((values) => values.reduce((a, b) => (b > a || Number.isNaN(a) ? b : a)));
    case 'stdvar':
      return single(varianceOf);
    case 'stddev':
      return single((values) => Math.sqrt(varianceOf(values)));
    case 'topk':
    case 'approx_topk':
      return (_, samples) => ranked(samples, -1).slice(0, param ?? 0);
    case 'bottomk':
      return (_, samples) => ranked(samples, 1).slice(0, param ?? 0);
    case 'sort':
      return (_, samples) => ranked(samples, 1);
    case 'sort_desc':
      return (_, samples) => ranked(samples, -1);
  }
};

const single =
  (fold: (values: readonly number[]) => number): Reduce =>
  (labels, samples) => [{ labels, value: fold(samples.map(({ value }) => value)) }];

/** By value, `way` 1 from the least; NaN last, equal values by their labels. */
const ranked = (samples: readonly Sample[], way: 1 | -1): Sample[] =>
  [...samples].sort((a, b) => {
    const order = Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value));
    if (order !== 0) return order;
    if (a.value < b.value) return -way;
    return a.value > b.value ? way : compareLabels(a.labels, b.labels);
  });

const meanOf = (values: readonly number[]): number => {
  let mean = values[0] as number;
  for (let i = 1; i < values.length; i++) {
    const value = values[i] as number;
    // An infinite mean stays: the difference below would make it NaN.
    if (Math.abs(mean) === Infinity && (value === mean || Number.isFinite(value))) continue;
    mean += (value - mean) / (i + 1);
  }
  return mean;
};

const varianceOf = (values: readonly number[]): number => {
  let [mean, squares] = [values[0] as number, 0];
  for (let i = 1; i < values.length; i++) {
    const delta = (values[i] as number) - mean;
    mean += delta / (i + 1);
    squares += delta * ((values[i] as number) - mean);
  }
  return squares / values.length;
};
