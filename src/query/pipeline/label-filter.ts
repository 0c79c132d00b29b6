import { parseBytes } from '../logql/bytes.ts';
import type { CompareOp, LabelFilter, Matcher } from '../logql/ast.ts';
import { parseGoDuration } from '../logql/duration.ts';
import { labelRegex } from '../regex.ts';
import { lineMentions } from './ip.ts';
import { parseGoFloat } from './numbers.ts';
import type { Run } from './stage.ts';

/**
 * `| status >= 500 and duration > 1s`: texts compare with '' where the label is absent; for
 * numbers, durations and sizes the line goes where it is absent, and stays with `__error__` where
 * it is none.
 */
export const labelFilter = (filter: LabelFilter): Run => {
  switch (filter.type) {
    case 'matcher': {
      const test = textTest(filter);
      return (entry) => test(entry.value(filter.name));
    }
    case 'number_filter':
      return compared(filter.name, filter.op, parseGoFloat, filter.value, 'number');
    case 'duration_filter':
      return compared(
        filter.name,
        filter.op,
        orUndefined(parseGoDuration),
        filter.valueNs,
        'duration',
      );
    case 'bytes_filter':
      return compared(filter.name, filter.op, orUndefined(parseBytes), filter.valueBytes, 'size');
    case 'ip_filter': {
      const mentions = lineMentions(filter.pattern);
      const wanted = filter.op === '==';
      return (entry) => {
        if (entry.error !== '') return true;
        const value = entry.get(filter.name);
        return value !== undefined && mentions(value) === wanted;
      };
    }
    case 'and_filter': {
      const [left, right] = [labelFilter(filter.left), labelFilter(filter.right)];
      // Both sides are always asked: what is wrong with the right one shows in `__error__`.
      return (entry) => {
        const held = left(entry);
        return right(entry) && held;
      };
    }
    case 'or_filter': {
      const [left, right] = [labelFilter(filter.left), labelFilter(filter.right)];
      return (entry) => left(entry) || right(entry);
    }
  }
};

/** The test of a matcher's value. */
export const textTest = ({ op, value }: Matcher): ((text: string) => boolean) => {
  switch (op) {
    case '=':
      return (text) => text === value;
    case '!=':
      return (text) => text !== value;
    case '=~':
      return labelRegex(value);
    case '!~': {
      const matches = labelRegex(value);
      return (text) => !matches(text);
    }
  }
};

const orUndefined =
  <T>(parse: (text: string) => T | null): ((text: string) => T | undefined) =>
  (text) =>
    parse(text) ?? undefined;

const compared = <T extends number | bigint>(
  name: string,
  op: CompareOp,
  parse: (text: string) => T | undefined,
  right: T,
  what: string,
): Run => {
  const test = comparison(op);
  return (entry) => {
    const text = entry.get(name);
    if (text === undefined) return false;
    const left = parse(text);
    if (left === undefined) {
      entry.failFilter(`${JSON.stringify(text)} is no ${what}`);
      return true;
    }
    return test(left, right);
  };
};

const comparison = (op: CompareOp): ((a: number | bigint, b: number | bigint) => boolean) => {
  switch (op) {
    case '==':
      return (a, b) => a === b;
    case '!=':
      return (a, b) => a !== b;
    case '>':
      return (a, b) => a > b;
    case '>=':
      return (a, b) => a >= b;
    case '<':
      return (a, b) => a < b;
    case '<=':
      return (a, b) => a <= b;
  }
};
