import { C } from '../../model/columns.ts';
import { keys } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';

const LEVEL = keys.of('detected_level');
const encoder = new TextEncoder();
const WORDS = ['unknown', 'trace', 'debug', 'info', 'warn', 'error', 'fatal', 'critical'].map(
  (word) => encoder.encode(word),
);
const CRITICAL = encoder.encode('critical');

/** Loki's word for an OpenTelemetry severity number (0 for unknown). */
const wordOf = (severity: number, text: string): Uint8Array => {
  if (text.toLowerCase() === 'critical') return CRITICAL;
  return WORDS[severity > 24 ? 0 : Math.ceil(severity / 4)] as Uint8Array;
};

/**
 * Gives a pushed entry the `detected_level` that Loki would find (its `discover_log_levels`), as
 * metadata: from the severity that labels, metadata or the line's own fields have set. Runs after
 * normalizing; an entry that brings its own keeps it.
 */
export const addDetectedLevel = (record: LogRecord): void => {
  const { metadata, labels } = record;
  for (let i = 0; i < metadata.count; i++) if (metadata.keys[i] === LEVEL) return;
  for (let i = 0; i < labels.count; i++) if (labels.keys[i] === LEVEL) return;
  const severity = record.numbers[C.severity] as number;
  const word = wordOf(severity, severity === 0 ? '' : record.text(C.severity_text));
  metadata.put(LEVEL, word, 0, word.length);
};
