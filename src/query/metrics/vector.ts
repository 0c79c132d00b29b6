import { compareLabels, labelsKey, type Labels } from '../labels.ts';

/** The value of one series at one point. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export type Vector = readonly Sample[];

/** Gives the vectors of an expression point by point, in order. */
export interface StepSource {
  /** The vector at point `k`; asked for k = 0, 1, 2 ... */
  at(k: number): Promise<Vector>;
  /** Lets go of the engine; called once, also when not all points were asked for. */
  close(): Promise<void>;
}

const keys = new WeakMap<Labels, string>();

/** `labelsKey`, remembered for label sets that are asked again and again. */
export const keyOfLabels = (labels: Labels): string => {
  let key = keys.get(labels);
  if (key === undefined) {
    key = labelsKey(labels);
    keys.set(labels, key);
  }
  return key;
};

export const sortVector = (vector: Vector): Vector =>
  [...vector].sort((a, b) => compareLabels(a.labels, b.labels));
