import { isoTime } from '../stamp.ts';
import type { EnvoyAccess } from './envoy-access.ts';

const orNull = (text: string): string | null => (text === '-' || text === '' ? null : text);

/** Consul's default JSON access log (proxy-defaults, accessLogs): 24 keys, null where absent. */
export const consulLine = (a: EnvoyAccess): string =>
  JSON.stringify({
    start_time: `${isoTime(a.startUs, 3)}Z`,
    route_name: orNull(a.route),
    method: a.method,
    path: a.path,
    protocol: 'HTTP/1.1',
    response_code: a.status,
    response_flags: a.flags,
    response_code_details: a.details,
    connection_termination_details: null,
    bytes_received: a.bytesReceived,
    bytes_sent: a.bytesSent,
    duration: a.durationMs,
    upstream_service_time: a.upstreamMs === undefined ? null : String(a.upstreamMs),
    x_forwarded_for: orNull(a.forwardedFor),
    user_agent: a.userAgent,
    request_id: a.requestId,
    authority: a.authority,
    upstream_host: orNull(a.upstreamHost),
    upstream_cluster: a.upstreamCluster,
    upstream_local_address: orNull(a.upstreamLocal),
    downstream_local_address: a.downstreamLocal,
    downstream_remote_address: a.downstreamRemote,
    requested_server_name: orNull(a.serverName),
    upstream_transport_failure_reason: orNull(a.transportFailure),
  });
