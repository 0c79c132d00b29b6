import { RE2JS, RE2JSException } from 're2js';

import { LIMITS } from '../../model/limits.ts';

/**
 * Checks the regular expressions of one query, in RE2's syntax. Compiling costs in proportion to an
 * expression's weight (see `regexWeight`), so one query has a budget of it.
 */
export class RegexChecker {
  private budget: number = LIMITS.logqlRegexWeight;
  private readonly compiled = new Map<string, RE2JS | string>();

  /** RE2's words for what is wrong with an expression, as Go gives them, or `null`. */
  fault(regex: string): string | null {
    const compiled = this.compile(regex);
    return typeof compiled === 'string' ? compiled : null;
  }

  /** What is wrong with the expression of a `regexp` stage, in Loki's words, or `null`. */
  stageFault(regex: string): string | null {
    const compiled = this.compile(regex);
    if (typeof compiled === 'string') {
      const twice = /duplicate capture group name: `(.*)`$/.exec(compiled)?.[1];
      return twice === undefined ? compiled : `duplicate extracted label name '${twice}'`;
    }
    const named = Object.keys(compiled.namedGroups()).length > 0;
    return named ? null : 'at least one named capture must be supplied';
  }

  /** What is wrong with the expression of `label_replace`, which must match the whole value. */
  labelReplaceFault(regex: string): string | null {
    return this.fault(`^(?:${regex})$`);
  }

  /** Whether a (valid) expression matches the empty text, as which an absent label counts. */
  matchesEmpty(regex: string): boolean {
    const compiled = this.compile(regex);
    return typeof compiled !== 'string' && compiled.matcher('').matches();
  }

  private compile(regex: string): RE2JS | string {
    const known = this.compiled.get(regex);
    if (known !== undefined) return known;
    this.budget -= regexWeight(regex);
    const compiled = this.budget < 0 ? TOO_LARGE : compile(regex);
    this.compiled.set(regex, compiled);
    return compiled;
  }
}

const TOO_LARGE = 'error parsing regexp: expression too large';

const compile = (regex: string): RE2JS | string => {
  try {
    return RE2JS.compile(regex);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    // Go adds the (empty) rest of the expression to this one.
    return error.message.replace(/(trailing backslash at end of expression)$/, '$1: ``');
  }
};

const ATOM = /\\[pP](?:\{[^}]*\}|.)|\\x\{[^}]*\}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^]/suy;

/**
 * About how many instructions an expression compiles to: its characters and classes, those under
 * `{n,m}` as often as they are repeated. Never far below the truth, also for invalid expressions.
 */
export const regexWeight = (regex: string): number => {
  const outer: number[] = [];
  let group = 0;
  let atom = 0;
  for (let at = 0; at < regex.length;) {
    const times = takeRepeat(regex, at);
    if (times !== null) {
      group += atom * (times.count - 1);
      atom *= times.count;
      at += times.length;
      continue;
    }
    ATOM.lastIndex = at;
    const text = ATOM.exec(regex)?.[0] ?? regex.charAt(at);
    at += text.length;
    if (text === '(') {
      outer.push(group);
      group = 2;
    } else if (text === ')') {
      atom = group;
      group += outer.pop() ?? 0;
    } else {
      atom = 1;
      group += 1;
    }
  }
  return outer.reduce((sum, size) => sum + size, group);
};

/** `{n}`, `{n,}` or `{n,m}` at a place, and how often it repeats what stands before. */
const takeRepeat = (regex: string, at: number): { count: number; length: number } | null => {
  if (regex.charAt(at) !== '{') return null;
  const form = /\{([0-9]{1,4})(?:,([0-9]{0,4}))?\}/y;
  form.lastIndex = at;
  const match = form.exec(regex);
  if (match === null) return null;
  const count = Math.max(1, Number(match[1]), Number(match[2] ?? '0'));
  return { count, length: match[0].length };
};
