import { RE2JS } from 're2js';
import { firstBytes } from './first-bytes.ts';
import { pushRun, type Join } from './join.ts';
import type { Lines } from './lines.ts';
import type { MultilineOptions } from './multiline.ts';

/** Whether line `i` matches. */
type Test = (lines: Lines, i: number) => boolean;

const testOf = (expression: string): Test => {
  const compiled = RE2JS.compile(expression);
  const first = firstBytes(expression);
  return ({ buf, starts, ends }, i) => {
    const start = starts[i] as number;
    const end = ends[i] as number;
    if (first !== undefined && (start === end || first[buf[start] as number] === 0)) return false;
    const text = buf.toString('utf8', start, end);
    return compiled.test(text);
  };
};

/**
 * Joins by an operator's expressions. Throws re2js's error, with its words, where one is none; the
 * configuration's reader shows it.
 */
export const joinByPattern = (options: MultilineOptions): Join => {
  const starts = options.start === undefined ? undefined : testOf(options.start);
  const continues = options.continues === undefined ? undefined : testOf(options.continues);
  const ends = options.end === undefined ? undefined : testOf(options.end);

  /** Whether line `i` begins an event, knowing the one before. */
  const begins: Test = (lines, i) => {
    if (continues !== undefined) return !continues(lines, i);
    if (ends?.(lines, i - 1) === true) return true;
    return starts?.(lines, i) === true;
  };

  return (lines, behind, runs) => {
    runs.clear();
    let first = 0;
    for (let i = 1; i < lines.count; i++) {
      if (!begins(lines, i)) continue;
      pushRun(runs, first, i, options.maxLines);
      first = i;
    }
    if (lines.count === 0) return 0;
    const isEnded = behind === 'flush' || ends?.(lines, lines.count - 1) === true;
    if (!isEnded && lines.count - first < options.maxLines) return first;
    pushRun(runs, first, lines.count, options.maxLines);
    return lines.count;
  };
};
