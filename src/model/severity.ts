/**
 * Severities as OpenTelemetry counts them (1-24, logs data model, "SeverityNumber"): TRACE 1, DEBUG
 * 5, INFO 9, WARN 13, ERROR 17, FATAL 21; finer words lie between. 0 is unknown.
 */
export const SEVERITY = {
  unknown: 0,
  trace: 1,
  debug: 5,
  info: 9,
  notice: 10,
  warn: 13,
  error: 17,
  critical: 18,
  alert: 19,
  fatal: 21,
} as const;

const WORDS: Readonly<Record<string, number>> = {
  trace: 1,
  trc: 1,
  finest: 1,
  verbose: 1,
  vrb: 1,
  silly: 1,
  finer: 2,
  trace2: 2,
  trace3: 3,
  trace4: 4,
  debug: 5,
  dbg: 5,
  dbug: 5,
  fine: 5,
  d: 5,
  debug1: 5,
  debug5: 5,
  debug2: 6,
  debug3: 7,
  debug4: 8,
  config: 8,
  info: 9,
  inf: 9,
  information: 9,
  informational: 9,
  i: 9,
  log: 9,
  default: 0,
  notset: 0,
  unknown: 0,
  notice: 10,
  success: 10,
  info2: 10,
  info3: 11,
  info4: 12,
  warn: 13,
  wrn: 13,
  warning: 13,
  w: 13,
  warn2: 14,
  warn3: 15,
  warn4: 16,
  error: 17,
  err: 17,
  eror: 17,
  severe: 17,
  e: 17,
  error2: 18,
  critical: 18,
  crit: 18,
  dpanic: 18,
  error3: 19,
  alert: 19,
  error4: 20,
  fatal: 21,
  ftl: 21,
  panic: 21,
  f: 21,
  emerg: 21,
  emergency: 21,
  off: 0,
  fatal2: 22,
  fatal3: 23,
  fatal4: 24,
};

const LONGEST = 13;
const SLOTS = 256;

interface Word {
  readonly bytes: Uint8Array;
  readonly severity: number;
}

const hashOf = (buf: Uint8Array, start: number, end: number): number => {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = Math.imul(hash, 31) + ((buf[i] as number) | 0x20);
  return hash & (SLOTS - 1);
};

const table: Word[][] = Array.from({ length: SLOTS }, () => []);
for (const [text, severity] of Object.entries(WORDS)) {
  const bytes = new TextEncoder().encode(text);
  table[hashOf(bytes, 0, bytes.length)]?.push({ bytes, severity });
}

/** The severity of a word in any case (`WARN`, `Information`, `I`), 0 where it is none. */
export const severityOfWord = (buf: Uint8Array, start: number, end: number): number => {
  const length = end - start;
  if (length === 0 || length > LONGEST) return 0;
  const words = table[hashOf(buf, start, end)] as Word[];
  for (let i = 0; i < words.length; i++) {
    const { bytes, severity } = words[i] as Word;
    if (bytes.length !== length) continue;
    let at = 0;
    while (at < length && ((buf[start + at] as number) | 0x20) === bytes[at]) at++;
    if (at === length) return severity;
  }
  return 0;
};

/**
 * Syslog's 0 (emergency) to 7 (debug): RFC 5424 section 6.2.1, mapped as the OpenTelemetry appendix
 * does.
 */
const SYSLOG = [21, 19, 18, 17, 13, 10, 9, 5] as const;

/**
 * The severity of a logger's number: 0-7 are syslog's (also GELF's), 10-60 those of pino and bunyan
 * and Python's (10 debug there, trace here: pino has far more lines), 0 where it is none.
 */
export const severityOfLevel = (level: number): number => {
  if (level >= 0 && level <= 7) return SYSLOG[level] as number;
  if (level < 10 || level >= 70) return 0;
  return [1, 5, 9, 13, 17, 21][Math.floor(level / 10) - 1] as number;
};

/** What an HTTP status says of a request: server errors, client errors, the rest. */
export const severityOfStatus = (status: number): number =>
  status >= 500 ? SEVERITY.error : status >= 400 ? SEVERITY.warn : SEVERITY.info;

/** The word by which the interface and Loki's `detected_level` call a severity. */
export const severityWord = (severity: number): string => {
  if (severity < 1 || severity > 24) return 'unknown';
  return ['trace', 'debug', 'info', 'warn', 'error', 'fatal'][(severity - 1) >> 2] as string;
};
