import { NS } from '../../model/duration.ts';
import { inferAccess } from './conclude.ts';
import { LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

const formats = [
  new LinePattern(
    '<remote_addr> <remote_logname> <remote_user> [<ts:stamp>] "<request:request>" ' +
      '<status:number> <bytes_sent:number> "<http_referer:text>" "<user_agent:text>" ' +
      '<request_count:number> "<route:text>" "<upstream_host:text>" <duration:number>ms',
    { duration: { unit: NS.ms } },
  ),
];

/**
 * Traefik's default access log (Traefik, "Access Logs", common log format): combined, then the
 * number of the request, router, the server's address, and the milliseconds that it took. Its JSON
 * is read as JSON.
 */
export const traefik: Normalizer = {
  name: 'traefik',
  opens: '0123456789abcdefABCDEF:',

  recognises(line, start, end) {
    // An IP address and the dash of the common log format.
    let at = start;
    while (at < end && isAddressByte(line[at] as number)) at++;
    return at > start && line[at] === 0x20 && line[at + 1] === 0x2d && line[at + 2] === 0x20;
  },

  normalize(record) {
    if (putFirst(record, formats) === undefined) return false;
    inferAccess(record);
    return true;
  },
};

/** Digits, `:`, `.` and the letters of IPv6. */
const isAddressByte = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x3a) ||
  byte === 0x2e ||
  ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
