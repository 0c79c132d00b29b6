import type {
  Extraction,
  LabelFilter,
  LabelTarget,
  LineOperand,
  LogExpr,
  Matcher,
  Stage,
  Unwrap,
} from './ast.ts';
import { formatBytes } from './bytes.ts';
import { formatGoDuration } from './duration.ts';
import { formatFixed } from './number.ts';
import { quote } from './quote.ts';

/** `{a="b", c="d"} | json |= "x"`. */
export const printLog = ({ matchers, stages }: LogExpr): string =>
  [printSelector(matchers), ...stages.map((stage, i) => printStage(stage, stages[i + 1]))].join(
    ' ',
  );

export const printSelector = (matchers: readonly Matcher[]): string =>
  `{${matchers.map(printMatcher).join(', ')}}`;

const printMatcher = ({ name, op, value }: Matcher): string => `${name}${op}${quote(value)}`;

/** One stage; `next` is the stage behind it, which `record` must not be mistaken for filtering. */
export const printStage = (stage: Stage, next?: Stage): string => {
  switch (stage.type) {
    case 'line_filter':
      return `${stage.op} ${stage.operands.map(printOperand).join(' or ')}`;
    case 'json':
      return `| json${printExtractions(stage.expressions)}`;
    case 'logfmt': {
      const flags = `${stage.strict ? ' --strict' : ''}${stage.keepEmpty ? ' --keep-empty' : ''}`;
      return `| logfmt${flags}${printExtractions(stage.expressions)}`;
    }
    case 'pattern':
      return `| pattern ${quote(stage.pattern)}`;
    case 'regexp':
      return `| regexp ${quote(stage.regex)}`;
    case 'unpack':
    case 'decolorize':
      return `| ${stage.type}`;
    case 'record': {
      const compared = next?.type === 'line_filter' && (next.op === '!=' || next.op === '!~');
      return compared ? '| record()' : '| record';
    }
    case 'label_filter':
      return `| ${printLabelFilter(stage.filter)}`;
    case 'line_format':
      return `| line_format ${quote(stage.template)}`;
    case 'label_format': {
      const formats = stage.formats.map(
        ({ type, label, value }) => `${label}=${type === 'rename' ? value : quote(value)}`,
      );
      return `| label_format ${formats.join(',')}`;
    }
    case 'drop':
    case 'keep':
    case 'distinct':
      return `| ${stage.type} ${stage.labels.map(printTarget).join(',')}`;
  }
};

const printOperand = ({ text, ip }: LineOperand): string =>
  ip ? `ip(${quote(text)})` : quote(text);

const printExtractions = (expressions: readonly Extraction[]): string => {
  const parts = expressions.map(({ label, expression }) => `${label}=${quote(expression)}`);
  return parts.length === 0 ? '' : ` ${parts.join(',')}`;
};

const printTarget = (target: LabelTarget): string =>
  target.type === 'matcher' ? printMatcher(target) : target.name;

/** `a="b"`, `n>=5`, `( a="b" , d>1m0s )`. */
export const printLabelFilter = (filter: LabelFilter): string => {
  switch (filter.type) {
    case 'matcher':
      return printMatcher(filter);
    case 'number_filter': {
      // The scanner takes "-0" for a duration.
      const value = Object.is(filter.value, -0) ? '-0.0' : formatFixed(filter.value);
      return `${filter.name}${filter.op}${value}`;
    }
    case 'duration_filter':
      return `${filter.name}${filter.op}${formatGoDuration(filter.valueNs)}`;
    case 'bytes_filter':
      return `${filter.name}${filter.op}${formatBytes(filter.valueBytes)}`;
    case 'ip_filter':
      return `${filter.name}${filter.op === '==' ? '=' : '!='}ip(${quote(filter.pattern)})`;
    case 'and_filter':
      return `( ${printLabelFilter(filter.left)} , ${printLabelFilter(filter.right)} )`;
    case 'or_filter':
      return `( ${printLabelFilter(filter.left)} or ${printLabelFilter(filter.right)} )`;
  }
};

/** `| unwrap bytes(size) | size>5`. */
export const printUnwrap = ({ label, conversion, filters }: Unwrap): string => {
  const value = conversion === null ? label : `${conversion}(${label})`;
  return [`| unwrap ${value}`, ...filters.map((f) => `| ${printLabelFilter(f)}`)].join(' ');
};
