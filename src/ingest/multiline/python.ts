import { headOf } from './head.ts';
import type { Language } from './language.ts';
import { beginsWith, endsWith, frontOf, indentOf, isBlank, type Lines } from './lines.ts';

const TITLE = ' (most recent call last):';
const BETWEEN =
  /^(?:During handling of the above exception, another exception occurred|The above exception was the direct cause of the following exception):$/;
/** The error's own line behind its frames: `package.Class: text`, `Class`. */
const ERROR = /^[A-Za-z_][\w.]*(?::|$)/;
/** What database drivers and SQLAlchemy write below their errors. */
const FURTHER =
  /^(?:DETAIL|HINT|CONTEXT): {2}|^LINE \d+: |^\[(?:SQL|parameters): |^\(Background on this error at: /;
const FRAME = /^\s*(?:\| +)*File "/;

const isTitle = (lines: Lines, i: number): boolean => endsWith(lines, i, TITLE);

/**
 * Python (`traceback`, "The traceback module"):
 *
 *     [log line] ── Traceback (most recent call last): ── {  File "..." | source} ── Class: text
 *                      ▲                                                                │
 *                      └── blank ── During handling ...: | The above ...: ── blank ─────┘
 *
 * Exception groups draw the same behind bars (`  | `); a syntax error has a frame and no title.
 */
export const python: Language = {
  name: 'python',
  betraying: 'T +|',
  announces: /Traceback \(most recent call last\):|^\s+File "|^\s*\+ Exception Group/,

  begin(lines, i, floor) {
    if (beginsWith(lines, i, 'Traceback (') && isTitle(lines, i)) return headOf(lines, i, floor);
    const indent = indentOf(lines, i);
    if (beginsWith(lines, i, '+ Exception Group Traceback', indent))
      return logLineAbove(lines, i, floor);
    if (indent < 2 || !beginsWith(lines, i, 'File "', indent)) return -1;
    if (i > floor && isTitle(lines, i - 1)) return headOf(lines, i - 1, floor);
    const isSyntaxError = /^ +File ".*", line \d+$/.test(frontOf(lines, i));
    return isSyntaxError && i + 1 < lines.count && indentOf(lines, i + 1) >= 4
      ? logLineAbove(lines, i, floor)
      : -1;
  },

  end(lines, i) {
    let at = i;
    while (at < lines.count) {
      const last = endOfOne(lines, at);
      if (last >= lines.count) return lines.count;
      const next = afterBetween(lines, last);
      if (next < 0) return last;
      at = next;
    }
    return lines.count;
  },
};

/** The log line above a trace that has no line of its own to tell it by. */
const logLineAbove = (lines: Lines, i: number, floor: number): number =>
  i > floor && /\b(?:ERROR|CRITICAL|WARNING)\b/.test(frontOf(lines, i - 1)) ? i - 1 : i;

/** One behind the last line of one trace without those that it was raised under. */
const endOfOne = (lines: Lines, from: number): number => {
  let at = from + 1;
  const isGroup = /^\s*\+ Exception Group/.test(frontOf(lines, from));
  if (isGroup) {
    while (at < lines.count && /^\s*[|+]/.test(frontOf(lines, at))) at++;
    return at;
  }
  while (at < lines.count && indentOf(lines, at) > 0 && !isBlank(lines, at)) at++;
  if (at === lines.count) return at;
  if (!ERROR.test(frontOf(lines, at))) return at;
  at++;
  // Texts of several lines are mostly indented.
  for (; at < lines.count; at++) {
    const isIndented = indentOf(lines, at) > 1 && !isBlank(lines, at);
    const front = frontOf(lines, at);
    if (FRAME.test(front) || !(isIndented || FURTHER.test(front))) break;
  }
  return at;
};

/**
 * Where the next trace of a chain begins behind `at`; -1 where the chain ends, `lines.count` where
 * that is not known yet.
 */
const afterBetween = (lines: Lines, at: number): number => {
  let next = at;
  for (const wanted of ['blank', 'between', 'blank'] as const) {
    if (next === lines.count) return next;
    const fits = wanted === 'blank' ? isBlank(lines, next) : BETWEEN.test(frontOf(lines, next));
    if (!fits) return -1;
    next++;
  }
  if (next === lines.count) return next;
  return isTitle(lines, next) ? next : -1;
};
