import { NS } from '../../model/duration.ts';
import { inferAccess } from './conclude.ts';
import type { Normalizer } from './normalize.ts';
import { isNumeric, TextFormat, type Token } from './text-format.ts';

/** The tokens that Envoy's default format shares with those made from it. */
export const REQUEST_TOKENS: readonly Token[] = [
  { name: 'start_time', shape: 'bracketed' },
  { name: 'request', shape: 'request' },
  { name: 'response_code', shape: 'bare' },
  { name: 'response_flags', shape: 'bare', dash: true },
];

export const TRANSFER_TOKENS: readonly Token[] = [
  { name: 'bytes_received', shape: 'bare' },
  { name: 'bytes_sent', shape: 'bare' },
  { name: 'duration', shape: 'bare', unit: NS.ms },
  { name: 'upstream_service_time', shape: 'bare' },
  { name: 'x_forwarded_for', shape: 'quoted' },
  { name: 'user_agent', shape: 'quoted' },
  { name: 'request_id', shape: 'quoted' },
  { name: 'authority', shape: 'quoted' },
  { name: 'upstream_host', shape: 'quoted' },
];

const format = new TextFormat([...REQUEST_TOKENS, ...TRANSFER_TOKENS]);

/**
 * Envoy's default access log: `[START_TIME] "METHOD PATH PROTOCOL" CODE FLAGS RECEIVED SENT
 * DURATION UPSTREAM_TIME "X-FORWARDED-FOR" "USER-AGENT" "X-REQUEST-ID" "AUTHORITY" "UPSTREAM_HOST"`
 * (Envoy, "Access logging", default format string).
 */
export const envoy: Normalizer = {
  name: 'envoy',
  opens: '[',

  recognises: (line, start, end) => looksLikeEnvoy(line, start, end),

  normalize(record) {
    const { lineBuf, lineStart, lineEnd } = record;
    if (!format.match(lineBuf, lineStart, lineEnd)) return false;
    if (!isNumeric(lineBuf, format.start(2), format.end(2))) return false;
    format.put(record);
    inferAccess(record);
    record.structured = true;
    return true;
  },
};

/** `[2` (the millennium of its start time) and a quoted request right after the bracket. */
export const looksLikeEnvoy = (line: Uint8Array, start: number, end: number): boolean => {
  if (end - start < 40 || line[start] !== 0x5b || line[start + 5] !== 0x2d) return false;
  let at = start + 12;
  const stop = Math.min(end - 2, start + 48);
  while (at < stop && line[at] !== 0x5d) at++;
  return line[at] === 0x5d && line[at + 1] === 0x20 && line[at + 2] === 0x22;
};
