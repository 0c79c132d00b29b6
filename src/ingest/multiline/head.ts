import { frontOf, type Lines } from './lines.ts';

/** An error's own line as runtimes print it: a name of a class in front, no time and no level. */
const BARE =
  /^(?:Exception in thread|Caused by|Traceback|Stack trace|Uncaught|Unhandled|goroutine \d|panic:|fatal error:|[A-Za-z_$][\w$.:\\/]*(?:Exception|Error|Throwable|Failure|Fault|Interrupt|Warning|Exit)\b)/;

/** A log line that says that something went wrong; no document of its own. */
const SAYS_ERROR =
  /^(?![{]).*?(?:\b(?:ERROR|WARN|WARNING|FATAL|SEVERE|CRITICAL|ALERT|PANIC|ERR|WRN|FTL|CRIT|Error|error|err|warn|warning|fatal|critical|panic)\b|\[E\b|^E\d{4} )/;

/**
 * The log line that an error was printed under, where there is one: loggers write `... ERROR ...
 * text`, and below it the error itself with its trace. `i` is the error's own line.
 */
export const headOf = (lines: Lines, i: number, floor: number): number => {
  if (i <= floor || !BARE.test(frontOf(lines, i))) return i;
  const before = frontOf(lines, i - 1);
  return SAYS_ERROR.test(before) && !BARE.test(before) ? i - 1 : i;
};

/** Whether an error's trace may follow below this log line. */
export const announcesError = (front: string): boolean => SAYS_ERROR.test(front);

export const isBareError = (front: string): boolean => BARE.test(front);
