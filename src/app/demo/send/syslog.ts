import type { Line } from '../lines.ts';
import { isoTime } from '../stamp.ts';

/** rsyslog's way: RFC 5424 over TCP, framed by octet counting (RFC 6587, 3.4.1). */
const SEVERITIES = { debug: 7, info: 6, warn: 4, error: 3 } as const;
/** local7, where NGINX logs by default; local0 for the rest. */
const FACILITIES = { nginx: 23, other: 16 } as const;

const encoder = new TextEncoder();

/** One message as a frame. The host is the machine, the application the service. */
export const syslogFrame = ({ timeUs, source, level, text }: Line): Uint8Array => {
  const { nginx, other } = FACILITIES;
  const facility = source.container === 'nginx' ? nginx : other;
  const pri = facility * 8 + SEVERITIES[level];
  const head = `<${pri}>1 ${isoTime(timeUs, 6)}Z ${source.node} ${source.service} 812 -`;
  const message = `${head} [origin@32473 cluster="${source.cluster}" platform="vm"] ${text}`;
  const bytes = encoder.encode(message);
  return Buffer.concat([encoder.encode(`${bytes.length} `), bytes]);
};
