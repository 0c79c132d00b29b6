import { destination, pino, stdTimeFunctions, type DestinationStream } from 'pino';
import { LIMITS } from '../model/limits.ts';

/**
 * Our own log lines. The law of levels: WARN means something went wrong and nothing was lost;
 * ERROR means that data was lost or a human is needed. Fields carry names and units like any
 * other name (`sizeBytes`, `path`); received bytes never go in, they may hold secrets.
 */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines all carry these fields; `part` names the part of the house. */
  child(fields: LogFields): Log;
}

/** `error` is printed with its stack; bigints as text. */
export type LogFields = Readonly<Record<string, unknown>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Where finished lines go, each with its newline. */
export interface LogSink {
  write(line: string): void;
}

/** A log that writes JSON lines into `sink` (standard error by default), secrets masked. */
export function createLog(level: LogLevel = 'info', sink: LogSink = standardError()): Log {
  const masked: DestinationStream = { write: (line: string) => sink.write(maskSecrets(line)) };
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: plainFields },
    messageKey: 'message',
  };
  return logOver(pino(options, masked));
}

/** A log that says nothing, for tests. */
export const silentLog: Log = createLog('silent', { write: () => undefined });

type Pino = ReturnType<typeof pino>;

function logOver(inner: Pino): Log {
  return {
    debug: (message, fields = {}) => inner.debug(fields, message),
    info: (message, fields = {}) => inner.info(fields, message),
    warn: (message, fields = {}) => inner.warn(fields, message),
    error: (message, fields = {}) => inner.error(fields, message),
    child: (fields) => logOver(inner.child(plainFields(fields))),
  };
}

function standardError(): LogSink {
  // Not synchronous: a reader that stops reading must not stop the server.
  const stream = destination({ dest: 2, sync: false, maxLength: LIMITS.logBufferBytes });
  let droppedLines = 0;
  stream.on('drop', () => (droppedLines += 1));
  process.on('exit', () => {
    stream.flushSync();
    if (droppedLines > 0) process.stderr.write(`${droppedLines} log lines were dropped\n`);
  });
  return { write: (line) => void stream.write(line) };
}

const SECRET_NAME =
  /^(?:.*[_-])?(?:password|passwd|secret|token|authorization|cookie|(?:api|admin|private)[_-]?key|key[_-]?hex)$/i;
const MASK = '[secret]';
/** Deeper fields are cut: our own lines are flat, anything deeper is a mistake. */
const FIELD_DEPTH = 4;

/** Fields as JSON can print them: secret names masked, bigints as text, errors with stack. */
function plainFields(fields: LogFields): Record<string, unknown> {
  return plainObject(fields, 1);
}

function plainObject(fields: LogFields, depth: number): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    plain[name] = SECRET_NAME.test(snakeCase(name)) ? MASK : plainValue(value, depth);
  }
  return plain;
}

function plainValue(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error)
    return { ...codeOf(value), message: value.message, stack: value.stack };
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (depth >= FIELD_DEPTH) return '[deeper]';
  if (Array.isArray(value)) return value.map((item) => plainValue(item, depth + 1));
  return plainObject(value as LogFields, depth + 1);
}

function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, '_');
}

/** Secrets inside text, where field names do not tell: URLs with passwords, HTTP credentials. */
function maskSecrets(line: string): string {
  return line
    .replace(/:\/\/[^\s/@:"]{0,256}:[^\s/@"]{1,256}@/g, `://${MASK}@`)
    .replace(/\b(Bearer|Basic) [A-Za-z0-9._~+/=-]{8,4096}/g, `$1 ${MASK}`);
}

function codeOf(error: Error): { code?: unknown } {
  return 'code' in error ? { code: error.code } : {};
}
