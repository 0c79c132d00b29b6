import { RE2JS } from 're2js';
import { gapOf, NO_GAP, type Gap } from '../../model/gap.ts';
import { keys, type Key } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
import type { Compiled } from './compiled.ts';
import { formatFault } from './fault.ts';
import type { Field } from './field.ts';
import { putValue } from './put-value.ts';

/** A group of an expression whose text is a field's value. */
export interface Group {
  /** Its name in the expression. */
  readonly group: string;
  readonly field: Field;
}

/** Longest expression, in instructions: matching takes that many steps a byte at most. */
const MOST_PROGRAM = 10_000;

/**
 * Different texts between two values that become layouts of their own; where there are more, what
 * stands there is data, and lines are kept whole.
 */
const MOST_TEXTS = 64;

/** Compiles an expression of RE2's language, whose matching is linear. */
export const compileRegex = (definition: string, expression: string): RE2JS => {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(expression);
  } catch (error) {
    const { message } = error instanceof Error ? error : { message: String(error) };
    const fragment = /`(.*)`/s.exec(message)?.[1] ?? '';
    const at = fragment === '' ? 0 : Math.max(0, definition.indexOf(fragment));
    throw formatFault(
      definition,
      at,
      message,
      "RE2's language: no backreferences, no looking ahead or behind, no atomic groups",
    );
  }
  if (compiled.programSize() > MOST_PROGRAM)
    throw formatFault(definition, 0, 'the expression is too large', 'repeat less, name fewer');
  return compiled;
};

interface Found {
  readonly index: number;
  readonly start: number;
  readonly end: number;
}

const decoder = new TextDecoder();

/** A format of an expression: its named groups are the fields, whatever else stands is text. */
export const regexCompiled = (
  name: string,
  definition: string,
  expression: string,
  groups: readonly Group[],
): Compiled => {
  if (groups.length === 0)
    throw formatFault(definition, 0, 'there is no value in it', 'name a group, as in (?P<x>.*)');
  const compiled = compileRegex(definition, expression);
  const numbers = compiled.namedGroups();
  const keyed = groups.map(({ field }) => keys.of(field.name));
  const texts = groups.map(() => new Set<Gap>());
  const indexes = groups.map(({ group }) => numbers[group] as number);

  /** The values in their order in the line; undefined where the expression is not in it. */
  const find = (line: Uint8Array): Found[] | undefined => {
    const matcher = compiled.matcher(line);
    if (!matcher.find()) return undefined;
    return indexes
      .map((group, index) => ({ index, start: matcher.start(group), end: matcher.end(group) }))
      .filter(({ start }) => start >= 0)
      .sort((a, b) => a.start - b.start || b.end - a.end);
  };

  const gapBefore = (record: LogRecord, from: number, to: number, index: number): Gap => {
    const gap = gapOf(record.lineBuf, from, to, keyed[index] as Key);
    const seen = texts[index] as Set<Gap>;
    if (seen.size < MOST_TEXTS) seen.add(gap);
    else if (!seen.has(gap)) record.wholeReason = 'names';
    return gap;
  };

  return {
    name,
    fields: groups.map(({ field }) => field),
    recognises: () => true,

    normalize(record) {
      const { lineBuf, lineStart, lineEnd } = record;
      const found = find(lineBuf.subarray(lineStart, lineEnd));
      if (found === undefined) return false;
      let at = lineStart;
      for (const { index, start, end } of found) {
        const { field } = groups[index] as Group;
        const key = keyed[index] as Key;
        const [from, to] = [lineStart + start, lineStart + end];
        const place = putValue(record, field, key, lineBuf, from, to);
        // What is inside another value stands in the line already.
        if (from < at) continue;
        record.step(gapBefore(record, at, from, index), place);
        at = to;
      }
      if (at === lineEnd) record.tail = NO_GAP;
      else record.tail = gapBefore(record, at, lineEnd, 0);
      record.structured = true;
      return true;
    },

    read(line) {
      const found = find(line);
      if (found === undefined) return undefined;
      const values = groups.map((): string | undefined => undefined);
      for (const { index, start, end } of found)
        values[index] = decoder.decode(line.subarray(start, end));
      return values;
    },

    why: () => 'the expression is nowhere in it',
  };
};

/** `(?P<name>...)` and `(?<name>...)`. */
export const NAMED_GROUP = /(?<!\\)\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>/g;

/** Regular expressions of RE2's language: named groups are fields. */
export const regexFormat = (definition: string): Compiled => {
  const expression = definition.replace(/[\r\n]+$/, '');
  const groups = [...expression.matchAll(NAMED_GROUP)].map(({ 1: name = '', index }) => ({
    group: name,
    field: { name, operator: `(?<${name}>)`, at: index, shape: 'any', dash: true } as const,
  }));
  return regexCompiled('regex', definition, expression, groups);
};
