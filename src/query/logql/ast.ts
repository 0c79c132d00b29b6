/**
 * The syntax tree of a LogQL query, as Loki 3.x's parser accepts it, plus `| record` and
 * `| distinct`. Plain data: every node has a `type` and `pos`, the offset of its first character in
 * the query text (UTF-16 code units). Nothing here is optional; what is absent is `null` or `[]`.
 *
 * Normal forms that `parseLogql` guarantees, so that whoever reads a tree need not handle the rest:
 * - Two literals are folded: no `binary` node has a literal on both sides.
 * - `and`, `or`, `unless` have no literal side; their `bool` means nothing.
 * - A negated line filter (`!=`, `!~`, `!>`) has one operand: `!= "a" or "b"` is two stages.
 * - `by ()` on a vector aggregation is `grouping: null`.
 * - Durations are integers of nanoseconds (`bigint`), sizes integers of bytes (`bigint`).
 *
 * Specification: Loki's "LogQL: Log query language" documentation, and its parser's behaviour.
 */

/** A whole query: lines (`log`) or samples (the rest). */
export type Expr = LogExpr | MetricExpr;

export type MetricExpr =
  RangeAggregation | VectorAggregation | BinaryExpr | LiteralExpr | VectorExpr | LabelReplace;

interface Node {
  /** Offset of the node's first character in the query text, in UTF-16 code units. */
  readonly pos: number;
}

// --- lines

/** `{selector} stage stage ...`; stages apply from left to right. */
export interface LogExpr extends Node {
  readonly type: 'log';
  /** All must hold. The same name may occur more than once. */
  readonly matchers: readonly Matcher[];
  readonly stages: readonly Stage[];
}

export type MatchOp = '=' | '!=' | '=~' | '!~';

/**
 * A comparison of one label with a text. An absent label compares as the empty text.
 * `=~` and `!~` hold RE2 expressions that must match the **whole** value, as `^(?:value)$`, in
 * selectors and label filters alike; `.` matches newlines in selectors only.
 */
export interface Matcher extends Node {
  readonly type: 'matcher';
  readonly name: string;
  readonly op: MatchOp;
  readonly value: string;
}

export type Stage =
  | LineFilter
  | JsonStage
  | LogfmtStage
  | PatternStage
  | RegexpStage
  | UnpackStage
  | DecolorizeStage
  | RecordStage
  | LabelFilterStage
  | LineFormatStage
  | LabelFormatStage
  | DropStage
  | KeepStage
  | DistinctStage;

export type LineFilterOp = '|=' | '!=' | '|~' | '!~' | '|>' | '!>';

/**
 * `|= "a" or "b"`: the line must satisfy one operand. Negated operators have one operand, which the
 * line must not satisfy. `|~` and `!~` are RE2 expressions that match **anywhere** in the line;
 * `|>` and `!>` are patterns (see pattern.ts) that match the whole line.
 * The empty text and expression match every line; the empty pattern matches empty lines only.
 */
export interface LineFilter extends Node {
  readonly type: 'line_filter';
  readonly op: LineFilterOp;
  readonly operands: readonly [LineOperand, ...LineOperand[]];
}

/** A text, expression or pattern; with `ip`, an address, range or CIDR (only under `|=`, `!=`). */
export interface LineOperand extends Node {
  readonly type: 'line_operand';
  readonly text: string;
  readonly ip: boolean;
}

/** `json` (all fields) where `expressions` is empty, else `json label="path", ...`. */
export interface JsonStage extends Node {
  readonly type: 'json';
  readonly expressions: readonly Extraction[];
}

/** `logfmt` with its flags; all fields where `expressions` is empty. */
export interface LogfmtStage extends Node {
  readonly type: 'logfmt';
  /** Stop at the first malformed pair and say so in `__error__`. */
  readonly strict: boolean;
  /** Keep keys without a value as labels with the empty value. */
  readonly keepEmpty: boolean;
  readonly expressions: readonly Extraction[];
}

/**
 * `label="expression"`; `label` alone has `expression` equal to `label`. For `json` the expression
 * is a path, for `logfmt` a key (json-path.ts reads both).
 */
export interface Extraction extends Node {
  readonly type: 'extraction';
  readonly label: string;
  readonly expression: string;
}

/** `pattern "<ip> - <_> ..."`; pattern.ts has its parts. */
export interface PatternStage extends Node {
  readonly type: 'pattern';
  readonly pattern: string;
}

/** `regexp "(?P<name>...)"`: RE2, matches anywhere in the line; its named groups become labels. */
export interface RegexpStage extends Node {
  readonly type: 'regexp';
  readonly regex: string;
}

export interface UnpackStage extends Node {
  readonly type: 'unpack';
}

export interface DecolorizeStage extends Node {
  readonly type: 'decolorize';
}

/** Our own: the record's fields under their own names become labels. */
export interface RecordStage extends Node {
  readonly type: 'record';
}

export interface LabelFilterStage extends Node {
  readonly type: 'label_filter';
  readonly filter: LabelFilter;
}

export type LabelFilter =
  Matcher | NumberFilter | DurationFilter | BytesFilter | IpFilter | AndFilter | OrFilter;

/** `=` in the text is `==` here. */
export type CompareOp = '==' | '!=' | '>' | '>=' | '<' | '<=';

export interface NumberFilter extends Node {
  readonly type: 'number_filter';
  readonly name: string;
  readonly op: CompareOp;
  readonly value: number;
}

export interface DurationFilter extends Node {
  readonly type: 'duration_filter';
  readonly name: string;
  readonly op: CompareOp;
  readonly valueNs: bigint;
}

export interface BytesFilter extends Node {
  readonly type: 'bytes_filter';
  readonly name: string;
  readonly op: CompareOp;
  readonly valueBytes: bigint;
}

/**
 * `addr = ip("10.0.0.0/8")`: the pattern is an address, a range `a-b` or a CIDR (ip.ts reads it).
 * Below `and` and `or`, and behind `unwrap`, it may be none of these, as in Loki; such a filter
 * never holds.
 */
export interface IpFilter extends Node {
  readonly type: 'ip_filter';
  readonly name: string;
  readonly op: '==' | '!=';
  readonly pattern: string;
}

/** Also written with a comma, or with nothing between. */
export interface AndFilter extends Node {
  readonly type: 'and_filter';
  readonly left: LabelFilter;
  readonly right: LabelFilter;
}

export interface OrFilter extends Node {
  readonly type: 'or_filter';
  readonly left: LabelFilter;
  readonly right: LabelFilter;
}

/** `line_format "..."`: the Go template's text, not yet parsed. */
export interface LineFormatStage extends Node {
  readonly type: 'line_format';
  readonly template: string;
}

/** No label is set twice, none is `__error__`. */
export interface LabelFormatStage extends Node {
  readonly type: 'label_format';
  readonly formats: readonly LabelFormat[];
}

/** `label=source` (a rename) or `label="template"`. */
export interface LabelFormat extends Node {
  readonly type: 'rename' | 'template';
  readonly label: string;
  /** The label renamed from, or the Go template's text. */
  readonly value: string;
}

/**
 * The parser never gives a `drop` or `keep` that ends in a bare name before a line filter `!=` or
 * `!~`: the filter's text would be read as the name's value.
 */
export interface DropStage extends Node {
  readonly type: 'drop';
  readonly labels: readonly LabelTarget[];
}

export interface KeepStage extends Node {
  readonly type: 'keep';
  readonly labels: readonly LabelTarget[];
}

/** A label by name, or only where its value matches. */
export type LabelTarget = LabelName | Matcher;

export interface LabelName extends Node {
  readonly type: 'label_name';
  readonly name: string;
}

/** `distinct a, b`: of the lines with equal values in all these labels, the first. */
export interface DistinctStage extends Node {
  readonly type: 'distinct';
  readonly labels: readonly LabelName[];
}

// --- samples

export type RangeOp =
  | 'rate'
  | 'rate_counter'
  | 'count_over_time'
  | 'bytes_rate'
  | 'bytes_over_time'
  | 'avg_over_time'
  | 'sum_over_time'
  | 'min_over_time'
  | 'max_over_time'
  | 'stdvar_over_time'
  | 'stddev_over_time'
  | 'quantile_over_time'
  | 'first_over_time'
  | 'last_over_time'
  | 'absent_over_time';

/** `param` is the quantile of `quantile_over_time` and `null` for the rest. */
export interface RangeAggregation extends Node {
  readonly type: 'range_aggregation';
  readonly op: RangeOp;
  readonly param: number | null;
  readonly range: LogRange;
  readonly grouping: Grouping | null;
}

/** The lines of `(t - offset - interval, t - offset]`, or the samples unwrapped from them. */
export interface LogRange extends Node {
  readonly type: 'log_range';
  readonly log: LogExpr;
  readonly unwrap: Unwrap | null;
  readonly intervalNs: bigint;
  /** May be negative. */
  readonly offsetNs: bigint;
}

export type UnwrapConversion = 'bytes' | 'duration' | 'duration_seconds';

/** `| unwrap label` or `| unwrap conversion(label)`, and label filters after it, all to hold. */
export interface Unwrap extends Node {
  readonly type: 'unwrap';
  readonly label: string;
  readonly conversion: UnwrapConversion | null;
  readonly filters: readonly LabelFilter[];
}

export interface Grouping extends Node {
  readonly type: 'grouping';
  readonly without: boolean;
  readonly labels: readonly string[];
}

export type VectorOp =
  | 'sum'
  | 'avg'
  | 'max'
  | 'min'
  | 'count'
  | 'stddev'
  | 'stdvar'
  | 'bottomk'
  | 'topk'
  | 'sort'
  | 'sort_desc'
  | 'approx_topk';

/**
 * `param` is the count of `topk`, `bottomk`, `approx_topk` (an integer above 0) and `null` for the
 * rest. `grouping: null` takes all series together (and means nothing for `sort`, `sort_desc`).
 */
export interface VectorAggregation extends Node {
  readonly type: 'vector_aggregation';
  readonly op: VectorOp;
  readonly param: number | null;
  readonly expr: MetricExpr;
  readonly grouping: Grouping | null;
}

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%' | '^';
export type SetOp = 'and' | 'or' | 'unless';
export type BinaryOp = ArithmeticOp | CompareOp | SetOp;

export interface BinaryExpr extends Node {
  readonly type: 'binary';
  readonly op: BinaryOp;
  readonly left: MetricExpr;
  readonly right: MetricExpr;
  /** A comparison gives 0 or 1 instead of filtering. */
  readonly bool: boolean;
  readonly matching: VectorMatching;
}

/**
 * How series of both sides find each other: by all labels but `labels`, or with `on` by `labels`
 * only. `group_left` is many-to-one, `group_right` one-to-many; `include` are the labels taken over
 * from the "one" side.
 */
export interface VectorMatching {
  readonly card: 'one-to-one' | 'many-to-one' | 'one-to-many';
  readonly on: boolean;
  readonly labels: readonly string[];
  readonly include: readonly string[];
}

/** A number; `NaN` and infinities come only from folding (`1 / 0` is `NaN` in LogQL). */
export interface LiteralExpr extends Node {
  readonly type: 'literal';
  readonly value: number;
}

/** `vector(1)`: one series without labels. */
export interface VectorExpr extends Node {
  readonly type: 'vector';
  readonly value: number;
}

/**
 * `label_replace(expr, "dst", "replacement", "src", "regex")`; the RE2 expression must match the
 * whole value of `src`; `$1` and `${name}` in the replacement are its groups.
 */
export interface LabelReplace extends Node {
  readonly type: 'label_replace';
  readonly expr: MetricExpr;
  readonly dst: string;
  readonly replacement: string;
  readonly src: string;
  readonly regex: string;
}
