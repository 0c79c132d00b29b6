import type { BinaryExpr, Expr, Grouping, LogRange, VectorMatching } from './ast.ts';
import { formatGoDuration, formatPrometheusDuration } from './duration.ts';
import { formatFixed, formatNumber, formatSixPlaces } from './number.ts';
import { printLog, printUnwrap } from './printer-log.ts';
import { quote } from './quote.ts';

/**
 * The canonical text of a query on one line, as Loki's own printer writes it, but never losing
 * anything: parsing it gives the same tree (positions aside) for every tree that `parseLogql` gave.
 */
export const printLogql = (expr: Expr): string => {
  switch (expr.type) {
    case 'log':
      return printLog(expr);
    case 'range_aggregation': {
      const param = expr.param === null ? '' : `${formatFixed(expr.param)},`;
      return `${expr.op}(${param}${printRange(expr.range)})${printGrouping(expr.grouping)}`;
    }
    case 'vector_aggregation': {
      const param = expr.param === null ? '' : `${expr.param},`;
      return `${expr.op}${printGrouping(expr.grouping)}(${param}${printLogql(expr.expr)})`;
    }
    case 'binary':
      return printBinary(expr);
    case 'literal':
      return printLiteral(expr.value);
    case 'vector':
      return `vector(${printVectorValue(expr.value)})`;
    case 'label_replace': {
      const texts = [expr.dst, expr.replacement, expr.src, expr.regex].map(quote);
      return `label_replace(${[printLogql(expr.expr), ...texts].join(',')})`;
    }
  }
};

/** `{a="b"} | unwrap x[5m] offset 1h0m0s`. */
const printRange = (range: LogRange): string => {
  const unwrap = range.unwrap === null ? '' : ` ${printUnwrap(range.unwrap)}`;
  return `${printLog(range.log)}${unwrap}${printInterval(range)}`;
};

/** `[5m] offset 1h0m0s`. */
export const printInterval = ({ intervalNs, offsetNs }: LogRange): string => {
  const offset = offsetNs === 0n ? '' : ` offset ${formatGoDuration(offsetNs)}`;
  return `[${formatPrometheusDuration(intervalNs)}]${offset}`;
};

/** ` by (a,b)`, or nothing. */
export const printGrouping = (grouping: Grouping | null): string =>
  grouping === null ? '' : ` ${grouping.without ? 'without' : 'by'} (${grouping.labels.join(',')})`;

const printBinary = (expr: BinaryExpr): string => {
  const right = printLogql(expr.right);
  return `(${printLogql(expr.left)} ${printOperator(expr, right)} ${right})`;
};

/** The operator with its modifiers; `right` is the text behind it. */
export const printOperator = ({ op, bool, matching }: BinaryExpr, right: string): string =>
  [op, ...(bool ? ['bool'] : []), ...printMatching(matching, right)].join(' ');

const printMatching = ({ card, on, labels, include }: VectorMatching, right: string): string[] => {
  if (!on && labels.length === 0 && card === 'one-to-one') return [];
  const match = `${on ? 'on' : 'ignoring'} (${labels.join(',')})`;
  if (card === 'one-to-one') return [match];
  const group = card === 'many-to-one' ? 'group_left' : 'group_right';
  // Without its own parentheses the group would take those of the right side.
  const bare = include.length === 0 && !right.startsWith('(');
  return [match, bare ? group : `${group} (${include.join(',')})`];
};

/** Values that no literal can have are written as the operations that give them. */
const printLiteral = (value: number): string => {
  if (Number.isNaN(value)) return '(0 / 0)';
  if (value === Infinity) return '(2 ^ 1024)';
  if (value === -Infinity) return '(-2 ^ 1025)';
  return Object.is(value, -0) ? '-0.0' : formatNumber(value);
};

/** Six places as Loki prints, more where six would change the value. */
const printVectorValue = (value: number): string => {
  const six = formatSixPlaces(value);
  return Number(six) === value ? six : formatFixed(value);
};
