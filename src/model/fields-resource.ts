import { C } from './columns.ts';
import { putField, type ValueKind } from './fields.ts';
import { keys, type Key } from './key.ts';
import type { LogRecord, Pairs } from './record.ts';

/**
 * What OpenTelemetry's attributes say about who wrote a record or span: the one rule for logs and
 * spans, whatever protocol brought them.
 */

/** Sets the column that the attribute's name means, if any. To keep the attribute is not ours. */
export const putKnownAttribute = (
  record: LogRecord,
  key: Key,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  const { metadata } = record;
  const before = metadata.count;
  putField(record, 'envelope', key, kind, buf, start, end);
  metadata.count = before;
};

const SERVICE_NAMESPACE = keys.of('service.namespace');

/** Where nothing better says which namespace a resource is in, its service's own word does. */
export const settleNamespace = (record: LogRecord, resource: Pairs): void => {
  if (record.has(C.namespace)) return;
  const i = resource.keys.indexOf(SERVICE_NAMESPACE);
  if (i < 0 || i >= resource.count) return;
  const { bufs, starts, ends } = resource;
  record.set(C.namespace, bufs[i] as Uint8Array, starts[i] as number, ends[i] as number);
};
