import { LIMITS } from '../../model/limits.ts';
import { LANGUAGES } from './all.ts';
import { announcesError, isBareError } from './head.ts';
import { pushRun, type Join } from './join.ts';
import { LOOK_BACK, type Language } from './language.ts';
import { frontOf, isBlank, type Lines } from './lines.ts';

/** By first byte: the languages that such a line may betray. */
const BETRAYED: readonly (readonly Language[] | undefined)[] = Array.from(
  { length: 256 },
  (_, b) => {
    const some = LANGUAGES.filter(({ betraying }) => betraying.includes(String.fromCharCode(b)));
    return some.length > 0 ? some : undefined;
  },
);

/** Lines that are held while more are on their way, so that looking back sees the same again. */
const HELD = LOOK_BACK + 4;
/** Blank lines that an announcing line may have behind it: Go leaves one. */
const BLANKS = 2;

let begins = 0;

/** The end of the trace that line `i` betrays, with `begins`; -1 where it betrays none. */
const traceAt = (lines: Lines, i: number, floor: number, some: readonly Language[]): number => {
  for (const language of some) {
    begins = language.begin(lines, i, floor);
    if (begins >= 0) return language.end(lines, i);
  }
  return -1;
};

/** Joins the stack traces of all languages. */
export const joinTraces: Join = (lines, behind, runs) => {
  runs.clear();
  const { buf, starts, ends, count } = lines;
  let floor = 0;
  for (let i = 0; i < count; i++) {
    const start = starts[i] as number;
    const some = BETRAYED[buf[start] as number];
    if (some === undefined || start === (ends[i] as number)) continue;
    const end = traceAt(lines, i, floor, some);
    if (end < 0) continue;
    if (end === count && behind !== 'flush') return begins;
    pushRun(runs, begins, end, LIMITS.multilineLines);
    floor = end;
    i = end - 1;
  }
  if (behind === 'flush') return count;
  if (behind === 'more') return Math.max(floor, count - HELD);
  return Math.max(floor, announcedFrom(lines));
};

/** The last lines that a trace may follow; `count` where they announce none. */
const announcedFrom = (lines: Lines): number => {
  const { count } = lines;
  let last = count - 1;
  while (last >= 0 && last >= count - BLANKS && isBlank(lines, last)) last--;
  if (last < 0) return count;
  const front = frontOf(lines, last);
  if (front.startsWith('{')) return count;
  const announces = LANGUAGES.some((language) => language.announces.test(front));
  if (!announces && !announcesError(front)) return count;
  if (last > 0 && isBareError(front) && announcesError(frontOf(lines, last - 1))) return last - 1;
  return last;
};
