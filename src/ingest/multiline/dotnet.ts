import { headOf } from './head.ts';
import { LOOK_BACK, type Language } from './language.ts';
import { beginsWith, frontOf, indentOf, type Lines } from './lines.ts';

/** `   at Namespace.Class.Method(String a) in /src/File.cs:line 3` */
const FRAME = /^ {3,}at (?:[\w.`<>|[\]+,&* @$-]+\(.*\)|lambda_method)/;
const INNER = /^ *---> /;
const END = /^ *--- End of (?:inner exception stack trace|stack trace from previous location)/;
const ERROR = /[A-Za-z_][\w.]*(?:Exception|Error)\b/;

const isPart = (front: string): boolean =>
  FRAME.test(front) || INNER.test(front) || END.test(front);

/**
 * .NET (`Exception.ToString`):
 *
 *     [log line] ── Class: text ── {  ---> Class: text} ── {   at frame | --- End of ... ---}
 */
export const dotnet: Language = {
  name: 'dotnet',
  betraying: ' -',
  announces: /(?:Exception|Error)\b/,

  begin(lines, i, floor) {
    const isInner = beginsWith(lines, i, '---> ', indentOf(lines, i));
    if (!isInner && !beginsWith(lines, i, '   at ')) return -1;
    const betrays = frontOf(lines, i);
    if (!isInner && !FRAME.test(betrays)) return -1;
    const least = Math.max(floor, i - LOOK_BACK + 2);
    for (let k = i - 1; k >= least; k--) {
      const front = frontOf(lines, k);
      if (INNER.test(front)) continue;
      if (isPart(front)) break;
      if (ERROR.test(front)) return headOf(lines, k, floor);
    }
    if (isInner) return -1;
    return i > floor ? i - 1 : i;
  },

  end(lines, i) {
    let at = i + 1;
    while (at < lines.count) {
      const front = frontOf(lines, at);
      // The text of an inner error may have several lines.
      if (!isPart(front)) {
        const text = isText(lines, at);
        if (text !== true) return text === false ? at : lines.count;
      }
      at++;
    }
    return lines.count;
  },
};

/** Whether line `at` is a further line of an inner error's text, where that is known. */
const isText = (lines: Lines, at: number): boolean | undefined => {
  if (!INNER.test(frontOf(lines, at - 1))) return false;
  for (let k = at + 1; k < at + 3; k++) {
    if (k >= lines.count) return undefined;
    if (FRAME.test(frontOf(lines, k))) return true;
  }
  return false;
};
