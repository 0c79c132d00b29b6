import fc from 'fast-check';

import type {
  BinaryExpr,
  Expr,
  Grouping,
  LogRange,
  MetricExpr,
  RangeAggregation,
  RangeOp,
  Unwrap,
  VectorAggregation,
  VectorMatching,
  VectorOp,
} from './ast.ts';
import {
  anyDuration,
  anyLabelFilter,
  anyLog,
  anyName,
  anyNumber,
  anyRegex,
  anyText,
} from './log-arbitrary.ts';

/** Random whole queries; see log-arbitrary.ts. All positions are 0. */
const pos = 0;

const anyLabels = fc.array(anyName, { maxLength: 3 });

const anyGrouping: fc.Arbitrary<Grouping> = fc
  .tuple(fc.boolean(), anyLabels)
  .map(([without, labels]) => ({ type: 'grouping', without, labels, pos }));

const anyUnwrap: fc.Arbitrary<Unwrap> = fc
  .tuple(
    anyName,
    fc.constantFrom('bytes', 'duration', 'duration_seconds' as const, null),
    fc.array(anyLabelFilter, { maxLength: 2 }),
  )
  .map(([label, conversion, filters]) => ({ type: 'unwrap', label, conversion, filters, pos }));

const anyInterval = fc.oneof(
  fc.constantFrom(0, 1, 500, 60_000, 300_000, 5_400_000, 86_400_000, 604_800_000, 31_536_000_000),
  fc.integer({ min: 0, max: 9_000_000_000_000 }),
);

const range = (unwrap: fc.Arbitrary<Unwrap | null>): fc.Arbitrary<LogRange> =>
  fc
    .tuple(anyLog, unwrap, anyInterval, fc.oneof(fc.constant(0n), anyDuration))
    .map(([log, unwrapped, ms, offsetNs]): LogRange => ({
      type: 'log_range',
      log,
      unwrap: unwrapped,
      intervalNs: BigInt(ms) * 1_000_000n,
      offsetNs,
      pos,
    }));

const PLAIN: readonly RangeOp[] = [
  'rate',
  'count_over_time',
  'bytes_rate',
  'bytes_over_time',
  'absent_over_time',
];
const UNWRAPPED: readonly RangeOp[] = ['rate', 'rate_counter', 'sum_over_time', 'absent_over_time'];
const GROUPED: readonly RangeOp[] = [
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'stddev_over_time',
  'stdvar_over_time',
  'quantile_over_time',
  'first_over_time',
  'last_over_time',
];

const rangeAggregation = (
  ops: readonly RangeOp[],
  unwrap: fc.Arbitrary<Unwrap | null>,
  grouping: fc.Arbitrary<Grouping | null>,
): fc.Arbitrary<RangeAggregation> =>
  fc
    .tuple(fc.constantFrom(...ops), range(unwrap), grouping, fc.constantFrom(0, 0.5, 0.99, 1, 1e-9))
    .map(([op, logRange, group, quantile]) => ({
      type: 'range_aggregation',
      op,
      param: op === 'quantile_over_time' ? quantile : null,
      range: logRange,
      grouping: group,
      pos,
    }));

const none = fc.constant(null);
const anyRangeAggregation: fc.Arbitrary<MetricExpr> = fc.oneof(
  rangeAggregation(PLAIN, none, none),
  rangeAggregation(UNWRAPPED, anyUnwrap, none),
  rangeAggregation(GROUPED, anyUnwrap, fc.option(anyGrouping)),
);

const VECTOR: readonly VectorOp[] = ['sum', 'avg', 'max', 'min', 'count', 'stddev', 'stdvar'];
const COUNTED: readonly VectorOp[] = ['topk', 'bottomk', 'approx_topk'];
const SORTED: readonly VectorOp[] = ['sort', 'sort_desc'];

const vectorAggregation = (expr: fc.Arbitrary<MetricExpr>): fc.Arbitrary<VectorAggregation> =>
  fc
    .tuple(
      fc.constantFrom(...VECTOR, ...COUNTED, ...SORTED),
      expr,
      // `by ()` is no grouping at all.
      fc.option(anyGrouping.filter(({ without, labels }) => without || labels.length > 0)),
      fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constant(Number.MAX_SAFE_INTEGER)),
    )
    .map(([op, inner, grouping, count]) => ({
      type: 'vector_aggregation',
      op,
      param: COUNTED.includes(op) ? count : null,
      expr: inner,
      grouping: SORTED.includes(op) || op === 'approx_topk' ? null : grouping,
      pos,
    }));

const anyMatching: fc.Arbitrary<VectorMatching> = fc.oneof(
  fc
    .tuple(fc.boolean(), anyLabels)
    .map(([on, labels]): VectorMatching => ({ card: 'one-to-one', on, labels, include: [] })),
  fc
    .tuple(
      fc.constantFrom('many-to-one', 'one-to-many' as const),
      fc.boolean(),
      anyLabels,
      anyLabels,
    )
    .map(([card, on, labels, include]) => ({ card, on, labels, include })),
);

const anyBinaryOp = fc.constantFrom<BinaryExpr['op'][]>(
  ...(['+', '-', '*', '/', '%', '^', '==', '!=', '>', '>=', '<', '<='] as const),
  ...(['and', 'or', 'unless'] as const),
);

/** What the parser folds or refuses is no tree of its. */
const standing = ({ op, left, right }: BinaryExpr): boolean => {
  const literals = Number(left.type === 'literal') + Number(right.type === 'literal');
  return literals === 0 || (literals === 1 && !['and', 'or', 'unless'].includes(op));
};

export const anyMetric: fc.Arbitrary<MetricExpr> = fc.letrec<{ metric: MetricExpr }>((tie) => ({
  metric: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    anyRangeAggregation,
    fc
      .oneof(anyNumber, fc.constantFrom(NaN, Infinity, -Infinity))
      .map((value): MetricExpr => ({ type: 'literal', value, pos })),
    anyNumber.map((value): MetricExpr => ({ type: 'vector', value: Math.abs(value), pos })),
    vectorAggregation(tie('metric')),
    fc
      .tuple(anyBinaryOp, tie('metric'), tie('metric'), fc.boolean(), anyMatching)
      .map(([op, left, right, bool, matching]): BinaryExpr => ({
        type: 'binary',
        op,
        left,
        right,
        bool,
        matching,
        pos,
      }))
      .filter(standing),
    fc
      .tuple(tie('metric'), anyText, anyText, anyText, anyRegex)
      .map(([expr, dst, replacement, src, regex]): MetricExpr => ({
        type: 'label_replace',
        expr,
        dst,
        replacement,
        src,
        regex,
        pos,
      })),
  ),
})).metric;

export const anyExpr: fc.Arbitrary<Expr> = fc.oneof(anyLog, anyMetric);
