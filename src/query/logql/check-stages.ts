import type { Expr, LabelFormat, LineFilter, LineOperand, Stage } from './ast.ts';
import { refuse } from './cursor.ts';
import { parseIpPattern } from './ip.ts';
import { parseJsonPath, parseLogfmtKey } from './json-path.ts';
import { patternFilterFault } from './pattern.ts';
import { printStage } from './printer-log.ts';
import { quote } from './quote.ts';
import type { RegexChecker } from './regex.ts';

/**
 * Refuses stages whose arguments are no valid expression, path, pattern or address. Loki does so
 * when it builds the pipeline, with the stage's text in the message; line filters are one stage
 * with those that it moves up to them.
 */
export const checkStages = (expr: Expr, regexes: RegexChecker): void => {
  switch (expr.type) {
    case 'log':
      return checkPipeline(expr.stages, regexes);
    case 'range_aggregation':
      return checkPipeline(expr.range.log.stages, regexes);
    case 'vector_aggregation':
    case 'label_replace':
      return checkStages(expr.expr, regexes);
    case 'binary':
      checkStages(expr.left, regexes);
      return checkStages(expr.right, regexes);
    case 'literal':
    case 'vector':
      return;
  }
};

const checkPipeline = (stages: readonly Stage[], regexes: RegexChecker): void => {
  let filters: LineFilter[] = [];
  let others: Stage[] = [];
  const flush = (): void => {
    checkLineFilters(filters, regexes);
    others.forEach(checkStage);
    filters = [];
    others = [];
  };
  for (const stage of stages) {
    if (stage.type === 'label_filter') flush();
    if (stage.type === 'line_filter') filters.push(stage);
    else others.push(stage);
    // The line changes here, or a filter may already have dropped it.
    if (['label_filter', 'line_format', 'unpack'].includes(stage.type)) flush();
  }
  flush();
};

const checkLineFilters = (filters: readonly LineFilter[], regexes: RegexChecker): void => {
  for (const { op, operands } of filters.toReversed()) {
    for (const operand of operands) {
      const fault = operandFault(op, operand, regexes);
      if (fault === null) continue;
      const text = filters.map((filter) => printStage(filter)).join(' ');
      refuseStage(text, fault, operand.pos);
    }
  }
};

const operandFault = (
  op: LineFilter['op'],
  { text, ip }: LineOperand,
  regexes: RegexChecker,
): string | null => {
  if (ip) return op === '|=' || op === '!=' ? ipFault(text) : 'ip: invalid operation';
  if (op === '|~' || op === '!~') return regexes.fault(text);
  return op === '|>' || op === '!>' ? patternFilterFault(text) : null;
};

const ipFault = (pattern: string): string | null =>
  parseIpPattern(pattern) === null ? `ip: invalid pattern: ${quote(pattern)}` : null;

const checkStage = (stage: Stage): void => {
  const fault = stageFault(stage);
  if (fault !== null) refuseStage(printStage(stage), fault, stage.pos);
};

const stageFault = (stage: Stage): string | null => {
  switch (stage.type) {
    case 'json':
    case 'logfmt': {
      const parse = stage.type === 'json' ? parseJsonPath : parseLogfmtKey;
      for (const { expression } of stage.expressions) {
        const parsed = parse(expression);
        if ('wrong' in parsed) return `cannot parse expression [${expression}]: ${parsed.wrong}`;
      }
      return null;
    }
    case 'label_format':
      return labelFormatFault(stage.formats);
    case 'label_filter':
      return stage.filter.type === 'ip_filter' ? ipFault(stage.filter.pattern) : null;
    default:
      return null;
  }
};

const labelFormatFault = (formats: readonly LabelFormat[]): string | null => {
  const seen = new Set<string>();
  for (const { label } of formats) {
    if (label === '__error__') return `${label} cannot be formatted`;
    if (seen.has(label)) {
      return `multiple label name '${label}' not allowed in a single format operation`;
    }
    seen.add(label);
  }
  return null;
};

const refuseStage = (text: string, fault: string, pos: number): never =>
  refuse(`stage '${text}' : ${fault}`, pos);
