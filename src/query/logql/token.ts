/**
 * Kinds of token, named as Loki's error messages name them. Functions are upper case (`RATE`); they
 * are functions only before `(`, `by (` or `without (`, and identifiers elsewhere.
 */
export type TokenKind =
  | '$end'
  | 'IDENTIFIER'
  | 'STRING'
  | 'NUMBER'
  | 'DURATION'
  | 'BYTES'
  | 'RANGE'
  | 'FUNCTION_FLAG'
  | 'VECTOR'
  | 'RANGE_FUNCTION'
  | 'VECTOR_FUNCTION'
  | 'CONVERSION'
  | Keyword
  | Punctuation;

export interface Token {
  readonly kind: TokenKind;
  /** Decoded value of a STRING, name of a function in lower case, source text of the others. */
  readonly text: string;
  /** Nanoseconds of DURATION and RANGE, bytes of BYTES, else 0. */
  readonly amount: bigint;
  /** Offsets of its first character and behind its last, UTF-16 code units. */
  readonly pos: number;
  readonly end: number;
}

const KEYWORDS = [
  'by',
  'without',
  'bool',
  'offset',
  'on',
  'ignoring',
  'group_left',
  'group_right',
  'or',
  'and',
  'unless',
  'unwrap',
  'json',
  'regexp',
  'logfmt',
  'unpack',
  'pattern',
  'label_format',
  'line_format',
  'decolorize',
  'drop',
  'keep',
] as const;

/** `ip` and `label_replace` are keywords only where they are functions. */
export type Keyword = (typeof KEYWORDS)[number] | 'ip' | 'label_replace';

const PUNCTUATION = [
  '!=',
  '!~',
  '!>',
  '=~',
  '==',
  '|=',
  '|~',
  '|>',
  '>=',
  '<=',
  '{',
  '}',
  '(',
  ')',
  ']',
  ',',
  '.',
  '=',
  '|',
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  '>',
  '<',
] as const;

export type Punctuation = (typeof PUNCTUATION)[number];

const RANGE_FUNCTIONS = [
  'rate',
  'rate_counter',
  'count_over_time',
  'bytes_rate',
  'bytes_over_time',
  'avg_over_time',
  'sum_over_time',
  'min_over_time',
  'max_over_time',
  'stdvar_over_time',
  'stddev_over_time',
  'quantile_over_time',
  'first_over_time',
  'last_over_time',
  'absent_over_time',
] as const;

const VECTOR_FUNCTIONS = [
  'sum',
  'avg',
  'max',
  'min',
  'count',
  'stddev',
  'stdvar',
  'bottomk',
  'topk',
  'sort',
  'sort_desc',
  'approx_topk',
] as const;

const CONVERSIONS = ['bytes', 'duration', 'duration_seconds'] as const;

export const keywords: ReadonlyMap<string, TokenKind> = new Map(KEYWORDS.map((k) => [k, k]));

export const punctuation: ReadonlySet<string> = new Set(PUNCTUATION);

export const functions: ReadonlyMap<string, TokenKind> = new Map<string, TokenKind>([
  ...RANGE_FUNCTIONS.map((name) => [name, 'RANGE_FUNCTION'] as const),
  ...VECTOR_FUNCTIONS.map((name) => [name, 'VECTOR_FUNCTION'] as const),
  ...CONVERSIONS.map((name) => [name, 'CONVERSION'] as const),
  ['vector', 'VECTOR'],
  ['ip', 'ip'],
  ['label_replace', 'label_replace'],
]);

/** What Loki's messages call this token. */
export const lokiName = ({ kind, text }: Token): string => {
  if (kind === 'CONVERSION') return `${text.toUpperCase()}_CONV`;
  if (kind === 'RANGE_FUNCTION' || kind === 'VECTOR_FUNCTION') return text.toUpperCase();
  return kind;
};

/** Whether Loki's scanner has lost the line of this token by the time it reports it. */
export const losesLine = ({ kind, pos, end }: Token): boolean =>
  kind === 'RANGE' ||
  kind === 'DURATION' ||
  kind === 'BYTES' ||
  kind === 'FUNCTION_FLAG' ||
  (end - pos === 2 && punctuation.has(kind));
