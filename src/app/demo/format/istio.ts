import { isoTime } from '../stamp.ts';
import type { EnvoyAccess } from './envoy-access.ts';

/** Istio's default text format (1.9 and later), as meshConfig.accessLogFormat documents it. */
export const istioLine = (a: EnvoyAccess): string => {
  const upstreamMs = a.upstreamMs === undefined ? '-' : String(a.upstreamMs);
  return [
    `[${isoTime(a.startUs, 3)}Z] "${a.method} ${a.path} HTTP/1.1" ${a.status} ${a.flags}`,
    `${a.details} - "${a.transportFailure || '-'}"`,
    `${a.bytesReceived} ${a.bytesSent} ${a.durationMs} ${upstreamMs}`,
    `"${a.forwardedFor}" "${a.userAgent}" "${a.requestId}" "${a.authority}" "${a.upstreamHost}"`,
    `${a.upstreamCluster} ${a.upstreamLocal} ${a.downstreamLocal} ${a.downstreamRemote}`,
    `${a.serverName} ${a.route}`,
  ].join(' ');
};
