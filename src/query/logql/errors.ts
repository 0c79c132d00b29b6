import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';

/** What went wrong, before the text around it is known. */
export interface Fault {
  /** Loki's words, without "parse error ...". */
  readonly reason: string;
  /** Offset in the query text, UTF-16 code units. */
  readonly pos: number;
  /**
   * What Loki says of the place: `exact` line and column; `lost` column with line 0, which its
   * scanner does for operators of two characters, ranges, durations, sizes and flags; `none` for
   * refusals of meaning, which carry no place.
   */
  readonly place: 'exact' | 'lost' | 'none';
  readonly found?: string;
  readonly expected?: readonly string[];
}

/**
 * A query refused. `message` is Loki's own wording, on which its clients match; `line`, `column`
 * (both from 1, columns in characters) and `offset` are the true place, also where Loki gives none.
 */
export class LogqlError extends MeshtrailError {
  readonly reason: string;
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  /** The token found, in Loki's name for it, or empty. */
  readonly found: string;
  /** What could have stood there, where Loki lists it (at most four). */
  readonly expected: readonly string[];
  private readonly text: string;

  constructor(text: string, fault: Fault) {
    const { line, column } = lineAndColumn(text, fault.pos);
    super('logql_invalid', lokiMessage(text, fault, line, column));
    this.name = 'LogqlError';
    this.reason = fault.reason;
    this.offset = fault.pos;
    this.line = line;
    this.column = column;
    this.found = fault.found ?? '';
    this.expected = fault.expected ?? [];
    this.text = text.length > LIMITS.logqlBytes ? '' : text;
  }

  /** For a terminal: the reason, the line of the query, and a caret under the place. */
  caret(): string {
    const source = this.text.split('\n')[this.line - 1] ?? '';
    const { shown, indent } = window(
      Array.from(source.replaceAll(/\p{Cc}/gu, ' ')),
      this.column - 1,
    );
    const number = String(this.line);
    const gutter = ' '.repeat(number.length);
    return [
      `${this.reason} (line ${number}, column ${this.column})`,
      `${gutter} |`,
      `${number} | ${shown}`,
      `${gutter} | ${' '.repeat(indent)}^`,
    ].join('\n');
  }
}

/** Thrown inside this folder only; `parseLogql` turns it into a value. */
export class Refusal extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.reason);
    this.fault = fault;
  }
}

/** Longest part of a line shown above a caret, in characters: one terminal line. */
const SHOWN = 100;

const window = (chars: readonly string[], at: number): { shown: string; indent: number } => {
  if (chars.length <= SHOWN) return { shown: chars.join(''), indent: at };
  const start = Math.max(0, Math.min(at - SHOWN / 2, chars.length - SHOWN));
  const head = start > 0 ? '...' : '';
  const tail = start + SHOWN < chars.length ? '...' : '';
  const shown = head + chars.slice(start, start + SHOWN).join('') + tail;
  return { shown, indent: at - start + head.length };
};

const lineAndColumn = (text: string, pos: number): { line: number; column: number } => {
  const before = text.slice(0, pos).split('\n');
  return { line: before.length, column: Array.from(before.at(-1) ?? '').length + 1 };
};

const lokiMessage = (text: string, fault: Fault, line: number, column: number): string => {
  if (fault.place === 'none' || text === '') return `parse error : ${fault.reason}`;
  const shownLine = fault.place === 'lost' ? 0 : line;
  return `parse error at line ${shownLine}, col ${column}: ${fault.reason}`;
};
