import type { Language } from './language.ts';
import { frontOf, isBlank } from './lines.ts';

const FRAME = /^(?:PHP +)?#\d+ |^PHP +\d+\. /;
const TITLE = /^(?:PHP )?Stack trace:$|^\[stacktrace\]$/;
const NEXT = /^Next [\w\\]+/;
const THROWN = /^(?:PHP )? *thrown in /;
const LARAVEL_END = /^"\} *$/;

/**
 * PHP ("Throwable::__toString"), Laravel's `[stacktrace]`, Xdebug's `PHP   1. main()`:
 *
 *     PHP Fatal error:  Uncaught Class: text ── Stack trace: ── {#0 frame} ── thrown in ...
 *                                ▲                                 │
 *                                └── blank ── Next Class: text ────┘
 */
export const php: Language = {
  name: 'php',
  betraying: 'S[P#',
  announces: /^PHP (?:Fatal error|Warning|Notice|Parse error)|Uncaught |\[object\] \(/,

  begin(lines, i, floor) {
    const front = frontOf(lines, i);
    if (!TITLE.test(front)) return -1;
    return i > floor ? i - 1 : i;
  },

  end(lines, i) {
    let at = i + 1;
    while (at < lines.count) {
      const front = frontOf(lines, at);
      if (FRAME.test(front) || TITLE.test(front) || NEXT.test(front)) at++;
      else if (THROWN.test(front) || LARAVEL_END.test(front)) return at + 1;
      else if (isBlank(lines, at)) {
        if (at + 1 === lines.count) return lines.count;
        if (!NEXT.test(frontOf(lines, at + 1))) return at;
        at++;
      } else return at;
    }
    return lines.count;
  },
};
