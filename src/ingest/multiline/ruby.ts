import { headOf } from './head.ts';
import { LOOK_BACK, type Language } from './language.ts';
import { beginsWith, frontOf, isBlank, type Lines } from './lines.ts';

const FROM = /^\t *(?:\d+: )?from \S/;
/** `app/models/a.rb:3:in 'method'`, as backtraces are printed without indentation. */
const PLACE = /^[\w./@~+-]+\.(?:rb|erb|haml|rake|ru):\d+:in [`']/;
const ERROR = /(?:Error|Exception|Failure|Invalid|NotFound|Timeout|Interrupt)\b/;
const ELLIPSIS = /^\t *\.{3} \d+ levels/;

/**
 * Ruby. Uncaught errors tell the place first; Rails prints the error, a blank line and places:
 *
 *     a.rb:3:in 'm': text (Class) ── {\tfrom a.rb:7:in 'n'}
 *     [log line] ── Class (text): ── [blank] ── {a.rb:3:in 'm'}
 *
 * Ruby 2.5 to 2.7 wrote the first upside down, under Python's title.
 */
export const ruby: Language = {
  name: 'ruby',
  betraying: '\t/abcdefghijklmnopqrstuvwxyz',
  announces: /\.rb:\d+:in [`'].*\(\w[\w:]*\)$|^[A-Z]\w*(?:::\w+)* \(.*\):$/,

  begin(lines, i, floor) {
    if (beginsWith(lines, i, '\t')) {
      if (!FROM.test(frontOf(lines, i))) return -1;
      return i > floor ? headOf(lines, i - 1, floor) : i;
    }
    if (!looksLikePlace(lines, i) || !PLACE.test(frontOf(lines, i))) return -1;
    const least = Math.max(floor, i - LOOK_BACK + 1);
    for (let k = i - 1; k >= Math.max(least, i - 4); k--) {
      const front = frontOf(lines, k);
      if (ERROR.test(front) && !front.startsWith('{')) return headOf(lines, k, floor);
      if (!isBlank(lines, k)) break;
    }
    return -1;
  },

  end(lines, i) {
    let at = i + 1;
    while (at < lines.count) {
      const front = frontOf(lines, at);
      const isPart = FROM.test(front) || PLACE.test(front) || ELLIPSIS.test(front);
      if (!isPart) return isUpsideDown(lines, i) && at === i + 1 ? at + 1 : at;
      at++;
    }
    return lines.count;
  },
};

/** `path:digit`, byte by byte: every line in small letters comes by here. */
const looksLikePlace = ({ buf, starts, ends }: Lines, i: number): boolean => {
  const end = ends[i] as number;
  let at = starts[i] as number;
  while (at < end && PATH_BYTES[buf[at] as number] === 1) at++;
  const digit = buf[at + 1] as number;
  return at + 1 < end && buf[at] === 0x3a && digit >= 0x30 && digit <= 0x39;
};

const PATH_BYTES = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[\w./@~+-]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

const isUpsideDown = (lines: Lines, i: number): boolean => /^\t *\d+: from/.test(frontOf(lines, i));
