import { headOf } from './head.ts';
import { LOOK_BACK, type Language } from './language.ts';
import { beginsWith, frontOf, indentOf, type Lines } from './lines.ts';

/** `at package.Class.method(File.java:1)`, with module or class loader in front. */
const FRAME = /^\s+at (?:[\w.$@-]*\/)*[\w.$<>/-]+\([^)]*\)/;
const JAVA_PLACE =
  /\((?:[\w$-]+\.(?:java|kt|kts|scala|groovy|clj|jsp)(?::\d+)?|Native Method|Unknown Source|<generated>)\)/;
const MORE = /^\s+\.\.\. \d+ (?:more|common frames omitted|frames? (?:truncated|excluded))/;
const CAUSE = /^\s*(?:Caused by|Suppressed|Wrapped by): |^\s+\[CIRCULAR REFERENCE/;
const ERROR = /(?:^|[\s.:"(])[A-Za-z_$][\w$.]*(?:Exception|Error|Throwable|Failure)\b/;

const isFrame = (front: string): boolean =>
  front.startsWith('\tat ') ? FRAME.test(front) : FRAME.test(front) && JAVA_PLACE.test(front);

const isPart = (front: string): boolean =>
  front.startsWith('\tat ') || isFrame(front) || MORE.test(front) || CAUSE.test(front);

/** Lines of a cause's own text: errors quote documents and SQL. */
const CAUSE_LINES = 8;

/**
 * Java and its family (`Throwable.printStackTrace`, Logback and Log4j print the same):
 *
 *     [log line] ── Class: text [more text] ── {\tat frame | \t... n more}
 *                      ▲                            │
 *                      └── Caused by: | Suppressed: ┘
 */
export const java: Language = {
  name: 'java',
  betraying: '\t ',
  announces: /(?:Exception|Error|Throwable)\b/,

  begin(lines, i, floor) {
    const indent = indentOf(lines, i);
    if (!beginsWith(lines, i, 'at ', indent) || !isFrame(frontOf(lines, i))) return -1;
    const least = Math.max(floor, i - LOOK_BACK + 1);
    if (i - 1 < least) return i;
    // The text of an error may have several lines: its class stands in the first.
    for (let k = i - 1; k >= least; k--) {
      const front = frontOf(lines, k);
      if (isFrame(front)) break;
      if (ERROR.test(front) && !CAUSE.test(front)) return headOf(lines, k, floor);
    }
    return i - 1;
  },

  end(lines, i) {
    let at = i + 1;
    while (at < lines.count) {
      const front = frontOf(lines, at);
      if (isPart(front)) at++;
      else if (CAUSE.test(frontOf(lines, at - 1))) {
        const next = afterText(lines, at);
        if (next < 0) return at;
        at = next;
      } else return at;
    }
    return lines.count;
  },
};

/** Where the frames go on behind the further lines of a cause's text; -1 where they do not. */
const afterText = (lines: Lines, from: number): number => {
  for (let at = from; at < from + CAUSE_LINES; at++) {
    if (at === lines.count) return at;
    if (isFrame(frontOf(lines, at))) return at;
  }
  return -1;
};
