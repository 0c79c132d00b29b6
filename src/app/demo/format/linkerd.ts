import { fill, type Journey, type Visit } from '../journey.ts';
import { hostOf } from '../services.ts';
import { isoTime } from '../stamp.ts';
import { agentOf } from './envoy-access.ts';

/**
 * Linkerd's JSON access log (annotation `config.linkerd.io/access-log: json`): most numbers are
 * strings, and `trace_id` is the caller's x-b3-traceid. Its proxy logs what it serves, not what it
 * calls.
 */
export const linkerdLine = (journey: Journey, visit: Visit): string => {
  const { operation, instance, caller, callerPort } = visit;
  const host = `${hostOf(instance.service)}:${instance.service.port}`;
  const totalNs = (visit.endUs - visit.startUs) * 1000;
  const ownNs = totalNs - (visit.appEndUs - visit.appStartUs) * 1000;
  const meshed = caller?.service.platform === 'linkerd';
  const identity = `${caller?.service.name ?? ''}.${caller?.service.namespace ?? ''}`;
  return JSON.stringify({
    'client.addr': `${caller?.address ?? journey.clientAddress}:${callerPort}`,
    'client.id': meshed ? `${identity}.serviceaccount.identity.linkerd.cluster.local` : '-',
    host,
    method: operation.method,
    processing_ns: String(ownNs),
    request_bytes: visit.requestBytes === 0 ? '' : String(visit.requestBytes),
    response_bytes: String(visit.responseBytes),
    status: visit.status,
    timestamp: `${isoTime(visit.startUs, 9)}Z`,
    total_ns: String(totalNs),
    trace_id: journey.traceId,
    uri: `http://${host}${fill(operation.path, journey.subject)}`,
    user_agent: agentOf(caller?.service, journey),
    version: 'HTTP/2.0',
  });
};
