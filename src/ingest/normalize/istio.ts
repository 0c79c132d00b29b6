import { inferAccess, inferIstio } from './conclude.ts';
import { looksLikeEnvoy, REQUEST_TOKENS, TRANSFER_TOKENS } from './envoy.ts';
import type { Normalizer } from './normalize.ts';
import { isNumeric, TextFormat, type Token } from './text-format.ts';

const FAILURE: Token = { name: 'upstream_transport_failure_reason', shape: 'quoted' };

const CONNECTION_TOKENS: readonly Token[] = [
  { name: 'upstream_cluster', shape: 'bare' },
  { name: 'upstream_local_address', shape: 'bare' },
  { name: 'downstream_local_address', shape: 'bare' },
  { name: 'downstream_remote_address', shape: 'bare' },
  { name: 'requested_server_name', shape: 'bare' },
  { name: 'route_name', shape: 'bare' },
];

/** Istio 1.9 and later. */
const format = new TextFormat([
  ...REQUEST_TOKENS,
  { name: 'response_code_details', shape: 'bare' },
  { name: 'connection_termination_details', shape: 'bare' },
  FAILURE,
  ...TRANSFER_TOKENS,
  ...CONNECTION_TOKENS,
]);

/** Istio 1.3 to 1.8: Mixer's status where the details are now. */
const older = new TextFormat([
  ...REQUEST_TOKENS,
  { name: 'istio.mixer:status', shape: 'quoted' },
  FAILURE,
  ...TRANSFER_TOKENS,
  ...CONNECTION_TOKENS,
]);

/**
 * Istio's default access log (Istio, "Envoy access logs"): Envoy's, with the response's details
 * after the flags and the connection's at the end. No other product writes these 22 fields as text,
 * so the line proves the mesh.
 */
export const istio: Normalizer = {
  name: 'istio',
  opens: '[',

  recognises: (line, start, end) => looksLikeEnvoy(line, start, end),

  normalize(record) {
    const { lineBuf, lineStart, lineEnd } = record;
    const found = format.match(lineBuf, lineStart, lineEnd)
      ? format
      : older.match(lineBuf, lineStart, lineEnd)
        ? older
        : undefined;
    if (found === undefined) return false;
    if (!isNumeric(lineBuf, found.start(2), found.end(2))) return false;
    found.put(record);
    inferIstio(record);
    inferAccess(record);
    record.structured = true;
    return true;
  },
};
