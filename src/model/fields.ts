import type { Key } from './key.ts';
import type { LogRecord } from './record.ts';

/** JSON kinds of a value whose bytes are handed on; strings come unescaped and without quotes. */
export const VALUE = { string: 1, number: 2, boolean: 3, null: 4, array: 5, object: 6 } as const;
export type ValueKind = (typeof VALUE)[keyof typeof VALUE];

/** Who says so: the shipper around the line, or the line itself. */
export type Origin = 'envelope' | 'line';

/**
 * Puts one named field into the record: into its column where the name is known to mean one (OpenTelemetry,
 * ECS, Kubernetes, and the common loggers' names; values converted: severity words, times, durations),
 * else into `metadata` (envelope) or `attributes` (line).
 */
export type PutField = (
  record: LogRecord,
  origin: Origin,
  key: Key,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
) => void;
