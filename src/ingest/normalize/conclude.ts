import { C } from '../../model/columns.ts';
import { isAppLabel } from '../../model/fields.ts';
import type { Key } from '../../model/key.ts';
import type { LogRecord, Pairs } from '../../model/record.ts';
import { severityOfStatus, SEVERITY } from '../../model/severity.ts';
import { concludeCluster, concludePolicy } from './conclude-cluster.ts';
import { infer, isInferred, WORD } from './words.ts';

export const inferAccess = (record: LogRecord): void => infer(record, C.kind, WORD.access);
export const inferIstio = (record: LogRecord): void => infer(record, C.mesh, WORD.istio);

/** Envoy writes `-` where nothing went wrong; a connection has flags but no status. */
const hasFlags = (record: LogRecord): boolean =>
  record.has(C.response_flags) &&
  record.bufs[C.response_flags]?.[record.starts[C.response_flags] as number] !== 0x2d;

/** The service of a record that only says so by a label of its pod. */
const inferService = (record: LogRecord, pairs: Pairs): void => {
  for (let i = 0; i < pairs.count; i++) {
    if (!isAppLabel(pairs.keys[i] as Key)) continue;
    const start = pairs.starts[i] as number;
    const end = pairs.ends[i] as number;
    if (end === start) continue;
    record.set(C.service, pairs.bufs[i] as Uint8Array, start, end);
    return;
  }
};

/** Draws the conclusions that hold for every format: kind, service, direction, severity. */
export const conclude = (record: LogRecord): void => {
  const { numbers } = record;
  const status = numbers[C.status] as number;
  const access =
    record.has(C.response_flags) || (status > 0 && record.has(C.method) && record.has(C.protocol));
  if (access) inferAccess(record);
  else infer(record, C.kind, WORD.app);
  if (!record.has(C.service)) inferService(record, record.metadata);
  if (!record.has(C.service)) inferService(record, record.attributes);
  if (record.has(C.upstream_cluster)) concludeCluster(record);
  if (record.has(C.response_details)) concludePolicy(record);
  if (numbers[C.severity] === 0 && isInferred(record, C.kind, WORD.access))
    numbers[C.severity] =
      status > 0 ? severityOfStatus(status) : hasFlags(record) ? SEVERITY.warn : SEVERITY.info;
};
