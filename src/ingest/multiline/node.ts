import { headOf } from './head.ts';
import { LOOK_BACK, type Language } from './language.ts';
import { beginsWith, frontOf, indentOf, isBlank, type Lines } from './lines.ts';

/** `at f (file:1:2)`, `at async f (...)`, `at file:///a.js:1:2`, `at new C (...)`. */
const FRAME =
  /^ {4,}at (?:async |new )?(?:.*\(.*\)|\S+:\d+:\d+|<anonymous>|.*<anonymous>.*|native)/;
const ERROR = /(?:^|[\s:"(])(?:[A-Z][\w$]*)?(?:Error|Exception|Warning)\b/;
const SOURCE = /^(?:\/|file:\/\/|node:|[A-Za-z]:\\).*:\d+$/;
const MEMBER = /^ {2,}(?:\[?[\w$'"()]+\]?: |[}\]],?|'|")/;
const REPEATED = /^ +\.\.\. \d+ lines matching/;
const TEXT_LINES = 8;

/**
 * Node and V8 ("Stack trace API"); an uncaught error shows its source line first, and errors with
 * members of their own are printed as objects:
 *
 *     [file:3 ── source ── ^ ── blank] ── Class: text ── {    at frame} ── [ { members } ]
 *                                                              └── [ blank ── Node.js v24.0.0 ]
 */
export const node: Language = {
  name: 'node',
  betraying: ' ',
  announces: /(?:Error|Exception)\b|^(?:\/|file:\/\/|node:).*:\d+$/,

  begin(lines, i, floor) {
    if (!beginsWith(lines, i, '    at ') && !beginsWith(lines, i, 'at ', indentOf(lines, i)))
      return -1;
    if (!FRAME.test(frontOf(lines, i))) return -1;
    if (i === floor) return i;
    const least = Math.max(floor, i - TEXT_LINES);
    for (let k = i - 1; k >= least; k--) {
      const front = frontOf(lines, k);
      if (FRAME.test(front)) break;
      if (ERROR.test(front)) return aboveSource(lines, headOf(lines, k, floor), floor);
    }
    return i - 1;
  },

  end(lines, i) {
    let at = i + 1;
    // An object's members end with a brace in the first column.
    let isObject = frontOf(lines, i).endsWith(' {');
    while (at < lines.count) {
      const front = frontOf(lines, at);
      if (FRAME.test(front)) isObject ||= front.endsWith(' {');
      else if (isObject && /^ *[}\]]+,?$/.test(front)) isObject = !front.startsWith('}');
      else if (!(isObject && MEMBER.test(front)) && !isBetween(front)) break;
      at++;
    }
    return at === lines.count ? at : afterVersion(lines, at);
  },
};

const isBetween = (front: string): boolean =>
  REPEATED.test(front) || /^ {2,}\[cause\]: /.test(front);

/** Takes in the source line that an uncaught error shows above itself. */
const aboveSource = (lines: Lines, first: number, floor: number): number => {
  const least = Math.max(floor, first - LOOK_BACK + TEXT_LINES - 1);
  let at = first - 1;
  if (at < least || !isBlank(lines, at)) return first;
  for (at--; at >= least; at--) {
    if (SOURCE.test(frontOf(lines, at))) return at;
  }
  return first;
};

/** Takes in `Node.js v24.0.0`, with which an uncaught error ends. */
const afterVersion = (lines: Lines, at: number): number => {
  if (!isBlank(lines, at)) return at;
  if (at + 1 === lines.count) return lines.count;
  return beginsWith(lines, at + 1, 'Node.js v') ? at + 2 : at;
};
