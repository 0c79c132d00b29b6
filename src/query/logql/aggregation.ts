import type {
  Grouping,
  LogRange,
  MetricExpr,
  RangeAggregation,
  RangeOp,
  VectorAggregation,
  VectorOp,
} from './ast.ts';
import type { Fault } from './errors.ts';
import { parseFloatText } from './number.ts';
import type { Token } from './token.ts';

const GROUPABLE: ReadonlySet<string> = new Set([
  'avg_over_time',
  'stddev_over_time',
  'stdvar_over_time',
  'quantile_over_time',
  'max_over_time',
  'min_over_time',
  'first_over_time',
  'last_over_time',
]);

const WITH_UNWRAP: ReadonlySet<string> = new Set([
  ...GROUPABLE,
  'sum_over_time',
  'rate',
  'rate_counter',
  'absent_over_time',
]);

const WITHOUT_UNWRAP: ReadonlySet<string> = new Set([
  'bytes_over_time',
  'bytes_rate',
  'count_over_time',
  'rate',
  'absent_over_time',
]);

interface RangeParts {
  readonly op: string;
  readonly param: Token | null;
  readonly range: LogRange;
  readonly grouping: Grouping | null;
  readonly pos: number;
}

/** Builds the node; what is wrong with it goes to `deferred`. */
export const makeRangeAggregation = (
  deferred: Map<object, Fault>,
  parts: RangeParts,
): RangeAggregation => {
  const { op, param, range, grouping, pos } = parts;
  const quantile = param === null ? null : parseFloatText(param.text);
  const node: RangeAggregation = {
    type: 'range_aggregation',
    op: op as RangeOp,
    param: typeof quantile === 'number' ? quantile : null,
    range,
    grouping,
    pos,
  };
  const reason = rangeFault(parts, quantile);
  if (reason !== null) deferred.set(node, { reason, pos: param?.pos ?? pos, place: 'none' });
  return node;
};

const rangeFault = (parts: RangeParts, quantile: number | string | null): string | null => {
  const { op, param, range, grouping } = parts;
  if (param !== null && op !== 'quantile_over_time') {
    return `parameter ${param.text} not supported for operation ${op}`;
  }
  if (typeof quantile === 'string') return `invalid parameter for operation ${op}: ${quantile}`;
  if (param === null && op === 'quantile_over_time')
    return `parameter required for operation ${op}`;
  if (grouping !== null && !GROUPABLE.has(op)) return `grouping not allowed for ${op} aggregation`;
  if (range.unwrap !== null) {
    return WITH_UNWRAP.has(op) ? null : `invalid aggregation ${op} with unwrap`;
  }
  return WITHOUT_UNWRAP.has(op) ? null : `invalid aggregation ${op} without unwrap`;
};

interface VectorParts {
  readonly op: string;
  readonly param: Token | null;
  readonly expr: MetricExpr;
  readonly grouping: Grouping | null;
  readonly pos: number;
}

/** Builds the node; what is wrong with it goes to `deferred`. */
export const makeVectorAggregation = (
  deferred: Map<object, Fault>,
  parts: VectorParts,
): VectorAggregation => {
  const { op, param, expr, grouping, pos } = parts;
  const all = grouping !== null && !grouping.without && grouping.labels.length === 0;
  const node: VectorAggregation = {
    type: 'vector_aggregation',
    op: op as VectorOp,
    param: param === null ? null : Math.min(Number(param.text), Number.MAX_SAFE_INTEGER),
    expr,
    grouping: all ? null : grouping,
    pos,
  };
  const reason = vectorFault(parts);
  if (reason !== null) deferred.set(node, { reason, pos: param?.pos ?? pos, place: 'none' });
  return node;
};

const COUNTED: readonly string[] = ['topk', 'bottomk', 'approx_topk'];

const vectorFault = ({ op, param, grouping }: VectorParts): string | null => {
  if (!COUNTED.includes(op)) {
    return param === null ? null : `unsupported parameter for operation ${op}(${param.text},`;
  }
  if (param === null) return `parameter required for operation ${op}`;
  if (!/^[0-9]+$/.test(param.text) || BigInt(param.text) >= 1n << 63n) {
    return `invalid parameter ${op}(${param.text},`;
  }
  if (Number(param.text) === 0) {
    return `invalid parameter (must be greater than 0) ${op}(${param.text}`;
  }
  const grouped = op === 'approx_topk' && grouping !== null;
  return grouped ? `grouping not allowed for ${op} aggregation` : null;
};
