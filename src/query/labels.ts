/** Label sets: pairs sorted by name, no name twice, no empty value. */
export type Pair = readonly [name: string, value: string];
export type Labels = readonly Pair[];

export const NO_LABELS: Labels = [];

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The value of a label, '' where absent. */
export const labelValue = (labels: Labels, name: string): string => {
  for (const pair of labels) if (pair[0] === name) return pair[1];
  return '';
};

/** Sorts pairs into a label set; of a repeated name the first counts, empty values are dropped. */
export const sortLabels = (pairs: readonly Pair[]): Labels => {
  const seen = new Map<string, string>();
  for (const [name, value] of pairs) if (!seen.has(name)) seen.set(name, value);
  const kept: Pair[] = [];
  for (const pair of seen) if (pair[1] !== '') kept.push(pair);
  return kept.sort((a, b) => compareText(a[0], b[0]));
};

/** A text that is equal exactly for equal label sets. */
export const labelsKey = (labels: Labels): string => {
  let key = '';
  for (const [name, value] of labels) key += `${name}\u0000${value}\u0001`;
  return key;
};

/** Order of label sets in results: pair by pair, names before values, shorter sets first. */
export const compareLabels = (a: Labels, b: Labels): number => {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const [x, y] = [a[i] as Pair, b[i] as Pair];
    const order = compareText(x[0], y[0]) || compareText(x[1], y[1]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
};

/** The set as people read it: `{app="x", pod="y"}`, values quoted as Go does. */
export const printLabels = (labels: Labels): string =>
  `{${labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`;

/** Of the labels, those named (`keep`) or those not named. */
export const pickLabels = (labels: Labels, names: ReadonlySet<string>, keep: boolean): Labels =>
  labels.filter(([name]) => names.has(name) === keep);

/** The set with one label set to a value; '' removes it. */
export const withLabel = (labels: Labels, name: string, value: string): Labels =>
  sortLabels([[name, value], ...labels.filter((pair) => pair[0] !== name)]);
