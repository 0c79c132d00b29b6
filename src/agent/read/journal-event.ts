import { LIMITS } from '../../model/limits.ts';
import type { EventFields } from '../input.ts';
import type { JournalEntry } from './journal-export.ts';

/** Fields that are columns of the record (systemd.journal-fields(7)). */
const COLUMNS: Readonly<Record<string, string>> = {
  _HOSTNAME: 'node',
  CONTAINER_NAME: 'container',
  SYSLOG_IDENTIFIER: 'service',
  TRACE_ID: 'trace_id',
  SPAN_ID: 'span_id',
};
/** What addresses an entry and is nothing of it; the time is the event's. */
const ADDRESS = new Set([
  'MESSAGE',
  '__CURSOR',
  '__REALTIME_TIMESTAMP',
  '__MONOTONIC_TIMESTAMP',
  '__SEQNUM',
  '__SEQNUM_ID',
  '_BOOT_ID',
]);
/** RFC 5424, section 6.2.1. */
const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];
/** Longest value beside the line. */
const VALUE_BYTES = 65_536;

/** An entry's fields as an event's. */
export const journalFields = (entry: JournalEntry): EventFields => {
  const fields: Record<string, string> = {};
  for (const [name, value] of entry) {
    if (ADDRESS.has(name) || value.length === 0) continue;
    fields[COLUMNS[name] ?? name] = value.toString('utf8', 0, VALUE_BYTES);
  }
  const level = LEVELS[Number(fields['PRIORITY'] ?? NaN)];
  if (level !== undefined) fields['severity_text'] = level;
  fields['service'] ??= fields['_COMM'] ?? unitName(fields['_SYSTEMD_UNIT']) ?? 'journal';
  return fields;
};

const unitName = (unit: string | undefined): string | undefined => unit?.replace(/\.service$/, '');

/** The line, cut at `LIMITS.lineBytes`; empty where the entry has none. */
export const journalLine = (entry: JournalEntry): { line: Buffer; isCut: boolean } => {
  const line = entry.get('MESSAGE') ?? Buffer.alloc(0);
  const isCut = line.length > LIMITS.lineBytes;
  return { line: isCut ? line.subarray(0, LIMITS.lineBytes) : line, isCut };
};

/** Microseconds since 1970; undefined where the entry says none. */
export const journalTime = (
  entry: JournalEntry,
): { seconds: number; nanos: number } | undefined => {
  const text = entry.get('__REALTIME_TIMESTAMP')?.toString('latin1') ?? '';
  if (!/^\d{1,16}$/.test(text)) return undefined;
  const micros = Number(text);
  const seconds = Math.floor(micros / 1_000_000);
  return { seconds, nanos: (micros - seconds * 1_000_000) * 1_000 };
};
