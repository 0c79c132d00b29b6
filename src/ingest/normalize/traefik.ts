import { C } from '../../model/columns.ts';
import { NS } from '../../model/duration.ts';
import { inferAccess } from './conclude.ts';
import { LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';
import { opensObject, ownerOf } from './object-owner.ts';
import {
  countOf,
  durationOf,
  listObject,
  ownFields,
  putObject,
  readInstant,
  textOf,
} from './own-fields.ts';

const formats = [
  new LinePattern(
    '<remote_addr> <remote_logname> <remote_user> [<ts:stamp>] "<request:request>" ' +
      '<status:number> <bytes_sent:number> "<http_referer:text>" "<user_agent:text>" ' +
      '<request_count:number> "<route:text>" "<upstream_host:text>" <duration:number>ms',
    { duration: { unit: NS.ms } },
  ),
];

/** Durations are nanoseconds; `time` is when the line was written, and so later. */
const put = ownFields({
  DownstreamStatus: countOf(C.status),
  DownstreamContentSize: countOf(C.bytes_out),
  RequestContentSize: countOf(C.bytes_in),
  Duration: durationOf(C.duration_ns, NS.ns),
  OriginDuration: durationOf(C.upstream_duration_ns, NS.ns),
  RequestHost: textOf(C.authority),
  RequestProtocol: textOf(C.protocol),
  RouterName: textOf(C.route),
  ServiceName: textOf(C.upstream_cluster),
  ServiceAddr: textOf(C.upstream_host),
  StartUTC: readInstant,
  TLSVersion: textOf(C.tls_version),
  'request_User-Agent': textOf(C.user_agent),
  'request_X-Request-Id': textOf(C.request_id),
});

/**
 * Traefik's default access log (Traefik, "Access Logs", common log format): combined, then the
 * number of the request, router, the server's address, and the milliseconds that it took. Its JSON
 * has names of its own.
 */
export const traefik: Normalizer = {
  name: 'traefik',
  opens: '0123456789abcdefABCDEF:{ \t',

  recognises(line, start, end) {
    // An IP address and the dash of the common log format.
    let at = start;
    while (at < end && isAddressByte(line[at] as number)) at++;
    if (at === start) return opensObject(line, start, end);
    return line[at] === 0x20 && line[at + 1] === 0x2d && line[at + 2] === 0x20;
  },

  normalize(record) {
    if (opensObject(record.lineBuf, record.lineStart, record.lineEnd)) {
      const list = listObject(record);
      if (list === undefined || ownerOf(list) !== 'traefik') return false;
      putObject(record, list, put);
      record.structured = true;
      return true;
    }
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
