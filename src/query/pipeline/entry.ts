import { compareText, labelValue, labelsKey, type Labels, type Pair } from '../labels.ts';
import { EXTRACTED } from '../record-labels.ts';
import type { Row } from '../row.ts';
import { collapsedText, includesBytes } from '../utf8.ts';

/** Where a label comes from, from the weakest to the strongest. */
export type Category = 'stream' | 'metadata' | 'parsed';

/** A label set by source, each sorted; no name is in two of them. */
export interface CategorizedLabels {
  readonly stream: Labels;
  readonly metadata: Labels;
  readonly parsed: Labels;
}

export const ERROR_LABEL = '__error__';
export const ERROR_DETAILS_LABEL = '__error_details__';

/**
 * A line on its way through a pipeline: its text and its labels, with Loki's rules for names that
 * collide. Parsed labels hide structured metadata, which hides stream labels; parsers give names
 * that a stream or metadata label has the suffix `_extracted`, and leave alone what an earlier
 * parser has extracted.
 */
export class Entry {
  readonly row: Row;
  error = '';
  errorDetails = '';
  /** What a stage made of the line; the row's own line is not asked for before it is needed. */
  private text: string | undefined;
  private collapsed: string | undefined;
  private metadata: Map<string, string> | undefined;
  private parsed: Map<string, string> | undefined;
  /** Names taken away, and of these the ones that a parser had extracted. */
  private removed: Set<string> | undefined;
  private spent: Set<string> | undefined;

  constructor(row: Row) {
    this.row = row;
    for (const [name, value] of row.metadata) {
      const label = this.inStream(name) ? name + EXTRACTED : name;
      if (label === ERROR_LABEL) this.error = value;
      else if (label === ERROR_DETAILS_LABEL) this.errorDetails = value;
      else (this.metadata ??= new Map<string, string>()).set(label, value);
    }
  }

  get line(): string {
    return this.text ?? this.row.line;
  }

  set line(text: string) {
    this.text = text;
  }

  /** Size of the line, bytes. */
  get bytes(): number {
    const { text } = this;
    return text === undefined ? this.row.lineBytes : Buffer.byteLength(text, 'utf8');
  }

  /** Whether the line's bytes contain the text's. */
  contains(needle: string): boolean {
    if (this.text !== undefined) return this.text.includes(needle);
    const { line, lineRaw } = this.row;
    return lineRaw === undefined ? line.includes(needle) : includesBytes(lineRaw, needle);
  }

  /** The line as regular expressions see it. */
  get matchable(): string {
    if (this.text !== undefined) return this.text;
    const { line, lineRaw } = this.row;
    return lineRaw === undefined ? line : (this.collapsed ??= collapsedText(lineRaw));
  }

  /** The label's value, `undefined` where absent. Parsed labels may be empty. */
  get(name: string): string | undefined {
    const value = this.parsed?.get(name) ?? this.metadata?.get(name);
    if (value !== undefined) return value;
    if (this.removed?.has(name) === true) return undefined;
    const stream = labelValue(this.row.stream, name);
    return stream === '' ? undefined : stream;
  }

  /** As `get`, '' where absent; also the error labels. */
  value(name: string): string {
    if (name === ERROR_LABEL) return this.error;
    if (name === ERROR_DETAILS_LABEL) return this.errorDetails;
    return this.get(name) ?? '';
  }

  /** Sets a parsed label under exactly this name. */
  set(name: string, value: string): void {
    this.metadata?.delete(name);
    (this.parsed ??= new Map<string, string>()).set(name, value);
  }

  /** The name that a parser must use for a field: the field's own, or with a suffix. */
  freeName(name: string): string {
    return this.inStream(name) || this.metadata?.has(name) === true ? name + EXTRACTED : name;
  }

  /** Sets a field found by a parser, unless one of that name was extracted before. */
  extract(name: string, value: string): void {
    const free = this.freeName(name);
    if (this.parsed?.has(free) !== true && this.spent?.has(free) !== true) this.set(free, value);
  }

  remove(name: string): void {
    this.metadata?.delete(name);
    if (this.parsed?.delete(name) === true) (this.spent ??= new Set<string>()).add(name);
    (this.removed ??= new Set<string>()).add(name);
  }

  /** Removes what a name refers to, the error labels too. */
  drop(name: string): void {
    if (name === ERROR_LABEL) this.error = '';
    else if (name === ERROR_DETAILS_LABEL) this.errorDetails = '';
    else if (this.get(name) !== undefined) this.remove(name);
  }

  fail(error: string, details: string): void {
    this.error = error;
    if (details !== '') this.errorDetails = details;
  }

  /**
   * Says that a label's value is not what a filter needs, unless something else went wrong
   * before.
   */
  failFilter(details: string): void {
    if (this.error !== '') return;
    this.error = 'LabelFilterErr';
    this.errorDetails = details;
  }

  labels(): CategorizedLabels {
    const parsed = sorted(this.parsed);
    if (this.error !== '') parsed.push([ERROR_LABEL, this.error]);
    if (this.errorDetails !== '') parsed.push([ERROR_DETAILS_LABEL, this.errorDetails]);
    return {
      stream: this.streamLeft(),
      metadata: sorted(this.metadata),
      parsed: parsed.sort(byName),
    };
  }

  /** All labels as one set. */
  all(): Labels {
    const { stream, metadata, parsed } = this.labels();
    if (metadata.length === 0 && parsed.length === 0) return stream;
    return [...stream, ...metadata, ...parsed].sort(byName);
  }

  /** Stream labels that were not taken away or hidden; the row's own where all are left. */
  private streamLeft(): Labels {
    const { stream } = this.row;
    const { removed, metadata, parsed } = this;
    if (removed === undefined && parsed === undefined && metadata === undefined) return stream;
    const hidden = (name: string): boolean =>
      removed?.has(name) === true || metadata?.has(name) === true || parsed?.has(name) === true;
    return stream.some(([name]) => hidden(name))
      ? stream.filter(([name]) => !hidden(name))
      : stream;
  }

  private inStream(name: string): boolean {
    for (const pair of this.row.stream) if (pair[0] === name) return true;
    return false;
  }
}

const byName = (a: Pair, b: Pair): number => compareText(a[0], b[0]);

const sorted = (labels: ReadonlyMap<string, string> | undefined): Pair[] =>
  labels === undefined ? [] : [...labels].sort(byName);

/** Equal exactly for entries with equal labels. */
export const entryKey = (entry: Entry): string => labelsKey(entry.all());
