import { MeshtrailError } from '../../model/errors.ts';
import { labelValue, pickLabels, withLabel, type Labels } from '../labels.ts';
import type { BinaryExpr, BinaryOp } from '../logql/ast.ts';
import { applyBinaryOp } from '../logql/binary.ts';
import { keyOfLabels, type Sample, type StepSource, type Vector } from './vector.ts';

const COMPARISONS: ReadonlySet<BinaryOp> = new Set(['==', '!=', '>', '>=', '<', '<=']);

/** The value of `left op right`; `undefined` where a comparison filters it away. */
const combine = (
  { op, bool }: BinaryExpr,
  left: number,
  right: number,
  kept: number,
): number | undefined => {
  const value = applyBinaryOp(op, left, right);
  if (bool || !COMPARISONS.has(op)) return value;
  return value === 0 ? undefined : kept;
};

/** A vector and a number: each sample keeps its labels, a comparison that holds its value. */
export const withLiteral = (
  expr: BinaryExpr,
  inner: StepSource,
  literal: number,
  side: 'left' | 'right',
): StepSource => ({
  at: async (k) => {
    const vector: Sample[] = [];
    for (const { labels, value } of await inner.at(k)) {
      const [left, right] = side === 'left' ? [literal, value] : [value, literal];
      const result = combine(expr, left, right, value);
      if (result !== undefined) vector.push({ labels, value: result });
    }
    return vector;
  },
  close: () => inner.close(),
});

/** Two vectors, matched by their labels. */
export const withVector = (expr: BinaryExpr, left: StepSource, right: StepSource): StepSource => {
  const signature = signatures(expr);
  return {
    at: async (k) => {
      const [lhs, rhs] = [await left.at(k), await right.at(k)];
      switch (expr.op) {
        case 'and':
          return matched(lhs, rhs, signature, true);
        case 'unless':
          return matched(lhs, rhs, signature, false);
        case 'or':
          return [...lhs, ...matched(rhs, lhs, signature, false)];
        default:
          return joined(expr, lhs, rhs, signature);
      }
    },
    close: async () => {
      await left.close();
      await right.close();
    },
  };
};

type Signature = (labels: Labels) => string;

/** What must be equal for two series to match. */
const signatures = ({ matching }: BinaryExpr): Signature => {
  const { on, labels: names } = matching;
  if (!on && names.length === 0) return keyOfLabels;
  const set = new Set(names);
  const known = new WeakMap<Labels, string>();
  return (labels) => {
    let signature = known.get(labels);
    if (signature === undefined) {
      signature = keyOfLabels(pickLabels(labels, set, on));
      known.set(labels, signature);
    }
    return signature;
  };
};

/** Samples that have (or have not) a partner on the other side. */
const matched = (vector: Vector, others: Vector, signature: Signature, wanted: boolean): Vector => {
  const partners = new Set(others.map(({ labels }) => signature(labels)));
  return vector.filter(({ labels }) => partners.has(signature(labels)) === wanted);
};

const joined = (expr: BinaryExpr, left: Vector, right: Vector, signature: Signature): Vector => {
  const swapped = expr.matching.card === 'one-to-many';
  const [many, one] = swapped ? [right, left] : [left, right];
  const partners = new Map<string, Sample>();
  for (const sample of one) {
    const key = signature(sample.labels);
    if (partners.has(key)) throw duplicate(swapped ? 'left' : 'right');
    partners.set(key, sample);
  }
  const used = new Set<string>();
  const vector: Sample[] = [];
  for (const sample of many) {
    const key = signature(sample.labels);
    const partner = partners.get(key);
    if (partner === undefined) continue;
    const labels = resultLabels(expr, sample.labels, partner.labels);
    checkUnique(expr, used, key, labels);
    const [lhs, rhs] = swapped ? [partner, sample] : [sample, partner];
    const value = combine(expr, lhs.value, rhs.value, lhs.value);
    if (value !== undefined) vector.push({ labels, value });
  }
  return vector;
};

const checkUnique = (expr: BinaryExpr, used: Set<string>, key: string, labels: Labels): void => {
  const oneToOne = expr.matching.card === 'one-to-one';
  const mark = oneToOne ? key : `${key}\u0002${keyOfLabels(labels)}`;
  if (used.has(mark)) {
    throw new MeshtrailError(
      'query_matching',
      oneToOne
        ? 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)'
        : 'multiple matches for labels: grouping labels must ensure unique matches',
    );
  }
  used.add(mark);
};

const duplicate = (side: string): MeshtrailError =>
  new MeshtrailError(
    'query_matching',
    `found duplicate series on the ${side} hand-side;` +
      'many-to-many matching not allowed: matching labels must be unique on one side',
  );

/** The labels of a match: of the "many" side, with those taken over from the "one" side. */
const resultLabels = ({ matching }: BinaryExpr, many: Labels, one: Labels): Labels => {
  let labels = many;
  if (matching.card === 'one-to-one' && (matching.on || matching.labels.length > 0)) {
    labels = pickLabels(many, new Set(matching.labels), matching.on);
  }
  for (const name of matching.include) labels = withLabel(labels, name, labelValue(one, name));
  return labels;
};
