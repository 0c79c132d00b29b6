import { NS } from '../../model/duration.ts';
import { inferAccess } from './conclude.ts';
import type { Normalizer } from './normalize.ts';
import { isNumeric, TextFormat, type Token } from './text-format.ts';

const COMBINED: readonly Token[] = [
  { name: 'remote_addr', shape: 'bare' },
  { name: 'remote_logname', shape: 'bare' },
  { name: 'remote_user', shape: 'bare' },
  { name: 'time_local', shape: 'bracketed' },
  { name: 'request', shape: 'request' },
  { name: 'status', shape: 'bare' },
  { name: 'body_bytes_sent', shape: 'bare' },
  { name: 'http_referer', shape: 'quoted' },
  { name: 'http_user_agent', shape: 'quoted' },
];

/** Common log format is combined without its last two; some add the forwarded address. */
const combined = new TextFormat(
  [...COMBINED, { name: 'http_x_forwarded_for', shape: 'quoted' }],
  7,
);

/** ingress-nginx, "Log format": `upstreaminfo`. */
const ingress = new TextFormat([
  ...COMBINED,
  { name: 'request_length', shape: 'bare' },
  { name: 'request_time', shape: 'bare', unit: NS.s },
  { name: 'proxy_upstream_name', shape: 'bracketed' },
  { name: 'proxy_alternative_upstream_name', shape: 'bracketed' },
  { name: 'upstream_addr', shape: 'list' },
  { name: 'upstream_response_length', shape: 'list' },
  { name: 'upstream_response_time', shape: 'list' },
  { name: 'upstream_status', shape: 'list' },
  { name: 'req_id', shape: 'bare' },
]);

const STATUS = 5;
const BYTES = 6;

/**
 * NGINX's `combined` format (ngx_http_log_module), Apache's same, the common log format, and the
 * longer one of ingress-nginx.
 */
export const nginx: Normalizer = {
  name: 'nginx',

  recognises(line, start, end) {
    // An address, two words and `[`: the bracket comes early.
    const stop = Math.min(end, start + 192);
    let at = start;
    while (at < stop && line[at] !== 0x5b) at++;
    return at > start + 4 && at < stop && line[at - 1] === 0x20 && isDigit(line[at + 1]);
  },

  normalize(record) {
    const { lineBuf, lineStart, lineEnd } = record;
    const found = combined.match(lineBuf, lineStart, lineEnd)
      ? combined
      : ingress.match(lineBuf, lineStart, lineEnd)
        ? ingress
        : undefined;
    if (found === undefined) return false;
    for (const i of [STATUS, BYTES])
      if (!isNumeric(lineBuf, found.start(i), found.end(i))) return false;
    found.put(record);
    inferAccess(record);
    record.structured = true;
    return true;
  },
};

const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;
