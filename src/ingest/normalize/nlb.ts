import { inferAccess } from './conclude.ts';
import { LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

/** Its times have no zone and are UTC; those of connection and handshake are milliseconds. */
const LINE =
  'tls <log_version> <ts:stamp> <elb> <listener> <downstream_remote_address> ' +
  '<downstream_local_address> <connection_time:number> <tls_handshake_time:number> ' +
  '<bytes_received:number> <bytes_sent:number> <incoming_tls_alert> <chosen_cert_arn> ' +
  '<chosen_cert_serial> <tls_cipher> <tls_version> <tls_named_group> <requested_server_name> ' +
  '<alpn_fe_protocol> <alpn_be_protocol> <alpn_client_preference_list>';
const formats = ['', ' <tls_connection_creation_time>'].map(
  (later) => new LinePattern(LINE + later),
);

/**
 * Access logs of the TLS listeners of AWS Network Load Balancers (Elastic Load Balancing, "Access
 * log entries", version 2.0).
 */
export const nlb: Normalizer = {
  name: 'nlb',
  opens: 't',

  recognises: (line, start) =>
    line[start] === 0x74 &&
    line[start + 1] === 0x6c &&
    line[start + 2] === 0x73 &&
    line[start + 3] === 0x20 &&
    line[start + 5] === 0x2e,

  normalize(record) {
    if (putFirst(record, formats) === undefined) return false;
    inferAccess(record);
    return true;
  },
};
