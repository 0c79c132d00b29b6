import { C } from '../../model/columns.ts';
import { keys } from '../../model/key.ts';
import { REST } from '../../model/placement.ts';
import { severityOfStatus } from '../../model/severity.ts';
import type { Normalizer } from './normalize.ts';
import { opensObject, ownerOf } from './object-owner.ts';
import {
  countOf,
  listObject,
  ownFields,
  putObject,
  readInstant,
  textOf,
  type Reader,
} from './own-fields.ts';

const asItIs: Reader = () => REST;
const OWN: Readonly<Record<string, Reader>> = {
  // How much is logged, and not how grave it is.
  level: asItIs,
  verb: textOf(C.method),
  requestURI: textOf(C.path),
  auditID: textOf(C.request_id),
  'user.username': textOf(C.source_identity),
  'objectRef.namespace': textOf(C.namespace),
  'responseStatus.code': countOf(C.status),
};

/** The time of the stage, as the webhook's decoder takes it; without one that of the request. */
const putStaged = ownFields({ ...OWN, stageTimestamp: readInstant });
const putReceived = ownFields({ ...OWN, requestReceivedTimestamp: readInstant });

const STAGED = keys.of('stageTimestamp');
const AUDIT = new TextEncoder().encode('audit');

/**
 * Events of Kubernetes' audit log (audit.k8s.io/v1), one in a line as its log backend writes them;
 * the same columns as the webhook's decoder gives.
 */
export const k8sAudit: Normalizer = {
  name: 'k8s-audit',
  opens: '{ \t',

  recognises: (line, start, end) => opensObject(line, start, end),

  normalize(record) {
    const list = listObject(record);
    if (list === undefined || ownerOf(list) !== 'k8s-audit') return false;
    let isStaged = false;
    for (let i = 0; i < list.count && !isStaged; i++) isStaged = list.gaps[i]?.key === STAGED;
    putObject(record, list, isStaged ? putStaged : putReceived);
    if (!record.has(C.kind)) record.set(C.kind, AUDIT, 0, AUDIT.length);
    if (record.numbers[C.severity] === 0)
      record.numbers[C.severity] = severityOfStatus(record.numbers[C.status] as number);
    record.structured = true;
    return true;
  },
};
