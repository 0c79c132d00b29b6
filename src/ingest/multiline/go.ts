import { headOf } from './head.ts';
import { LOOK_BACK, type Language } from './language.ts';
import { beginsWith, frontOf, isBlank, type Lines } from './lines.ts';

const GOROUTINE = /^goroutine \d+(?: gp=\S+)?(?: m=\S+)?(?: mp=\S+)? \[[^\]]*\]:/;
/** What the runtime says before the first goroutine. */
const REASON =
  /^(?:panic: |\tpanic: |fatal error: |runtime: |SIG[A-Z]+: |unexpected fault address)/;
const BETWEEN = /^(?:\[signal |\tpanic: |PC=|signal arrived|runtime stack:|\[recovered\])/;
const REGISTER = /^(?:r\w+|cs|fs|gs|eflags|rflags|lr|sp|pc|fault|x\d+|pstate) +0x[0-9a-f]+/;
const PANIC_LINE = /\b(?:panic|recovered)\b/i;
const AFTER = /^(?:exit status \d|\.\.\.additional frames elided|\.\.\.\d+ frames elided)/;

/**
 * Go (package runtime, `panic`, `debug.PrintStack`, SIGQUIT):
 *
 *     panic: text | fatal error: text | http: panic serving ...
 *       ── [signal ...] ── blank ── goroutine 1 [running]: ── {function(...) ── \tfile:line}
 *                                       ▲                            │
 *                                       └────────── blank ───────────┘── registers, exit status
 */
export const go: Language = {
  name: 'go',
  betraying: 'g',
  announces: /^(?:panic: |fatal error: |SIG[A-Z]+: |goroutine \d+ \[)|\bpanic serving\b/,

  begin(lines, i, floor) {
    if (!beginsWith(lines, i, 'goroutine ') || !GOROUTINE.test(frontOf(lines, i))) return -1;
    const least = Math.max(floor, i - LOOK_BACK + 1);
    let first = i;
    for (let k = i - 1; k >= least; k--) {
      const front = frontOf(lines, k);
      if (REASON.test(front)) first = k;
      else if (k === i - 1 && PANIC_LINE.test(front)) return k;
      else if (!isBlank(lines, k) && !BETWEEN.test(front) && first !== i) break;
      else if (!isBlank(lines, k) && !BETWEEN.test(front) && i - k > 8) break;
    }
    return headOf(lines, first, floor);
  },

  end(lines, i) {
    let at = i + 1;
    while (at < lines.count) {
      const next = step(lines, at);
      if (next === at) return at;
      at = next;
    }
    return lines.count;
  },
};

/** One behind what line `at` has of the dump: `at` itself where it has nothing. */
const step = (lines: Lines, at: number): number => {
  if (isBlank(lines, at)) {
    // A blank line belongs to the dump where the dump goes on behind it.
    if (at + 1 === lines.count) return lines.count;
    const next = frontOf(lines, at + 1);
    return GOROUTINE.test(next) || REGISTER.test(next) ? at + 2 : at;
  }
  const front = frontOf(lines, at);
  if (front.startsWith('\t') || AFTER.test(front) || REGISTER.test(front)) return at + 1;
  if (GOROUTINE.test(front)) return at + 1;
  if (!isFunction(front)) return at;
  if (at + 1 === lines.count) return lines.count;
  return beginsWith(lines, at + 1, '\t') ? at + 2 : at;
};

/** `main.(*T).method(0x1, ...)`, `created by main.f in goroutine 1`, `panic({...})`. */
const isFunction = (front: string): boolean =>
  front.startsWith('created by ') || /^[\w.$/~%@*()[\]·{}-]+\(.*\)$/.test(front);
