import {
  protoMessage,
  type ProtoField,
  type ProtoKind,
  type ProtoMessage,
} from './protobuf-schema.ts';

/**
 * Envoy's access log entries (envoyproxy/envoy, api/envoy/data/accesslog/v3/accesslog.proto and
 * api/envoy/config/core/v3/address.proto, as of Envoy 1.36; v2 has the same numbers) as tables.
 */

/** What columns are made of: fields, and the messages above fields that occur in several places. */
export const NOTE = {
  /** ResponseFlags: `flag` + number of the field. */
  flag: 100,
  upstream: 1,
  localCertificate: 2,
  peerCertificate: 3,
  address: 4,
  port: 5,
  pipe: 6,
  listener: 7,
  uri: 8,
  subject: 9,
  tlsVersion: 10,
  protocol: 11,
  duration: 12,
  lastDownstreamTx: 13,
  firstUpstreamRx: 14,
  lastUpstreamTx: 15,
  startTime: 16,
} as const;

type Rest = Omit<Partial<ProtoField>, 'number' | 'name' | 'kind'>;

const field = (number: number, name: string, kind: ProtoKind, rest: Rest = {}): ProtoField => ({
  number,
  name,
  kind,
  ...rest,
});
const text = (number: number, name: string, note = 0): ProtoField =>
  field(number, name, 'string', { note });
const uint = (number: number, name: string, note = 0): ProtoField =>
  field(number, name, 'uint', { note });
const duration = (number: number, name: string, note = 0): ProtoField =>
  field(number, name, 'duration', { note });
const nested = (number: number, name: string, message: ProtoMessage, note = 0): ProtoField =>
  field(number, name, 'message', { message, note });

const SOCKET_ADDRESS = protoMessage([
  field(1, 'protocol', 'enum', { words: ['TCP', 'UDP'] }),
  text(2, 'address', NOTE.address),
  uint(3, 'port_value', NOTE.port),
  text(4, 'named_port'),
  text(5, 'resolver_name'),
  field(6, 'ipv4_compat', 'bool'),
  text(7, 'network_namespace_filepath'),
]);

const ADDRESS = protoMessage([
  nested(1, 'socket_address', SOCKET_ADDRESS),
  nested(2, 'pipe', protoMessage([text(1, 'path', NOTE.pipe), uint(2, 'mode')])),
  nested(
    3,
    'envoy_internal_address',
    protoMessage([text(1, 'server_listener_name', NOTE.listener), text(2, 'endpoint_id')]),
  ),
]);

const SUBJECT_ALT_NAME = protoMessage([text(1, 'uri', NOTE.uri), text(2, 'dns', NOTE.subject)]);

const CERTIFICATE = protoMessage([
  field(1, 'subject_alt_name', 'message', { message: SUBJECT_ALT_NAME, repeated: true }),
  text(2, 'subject', NOTE.subject),
  text(3, 'issuer', NOTE.subject),
]);

const TLS_PROPERTIES = protoMessage([
  field(1, 'tls_version', 'enum', {
    words: ['VERSION_UNSPECIFIED', 'TLSv1', 'TLSv1_1', 'TLSv1_2', 'TLSv1_3'],
    note: NOTE.tlsVersion,
  }),
  field(2, 'tls_cipher_suite', 'uint-value'),
  text(3, 'tls_sni_hostname'),
  nested(4, 'local_certificate_properties', CERTIFICATE, NOTE.localCertificate),
  nested(5, 'peer_certificate_properties', CERTIFICATE, NOTE.peerCertificate),
  text(6, 'tls_session_id'),
  text(7, 'ja3_fingerprint'),
]);

/** By field number: its name, and the short code that Envoy's text formats print for it. */
const FLAGS: readonly (readonly [name: string, code: string])[] = [
  ['failed_local_healthcheck', 'LH'],
  ['no_healthy_upstream', 'UH'],
  ['upstream_request_timeout', 'UT'],
  ['local_reset', 'LR'],
  ['upstream_remote_reset', 'UR'],
  ['upstream_connection_failure', 'UF'],
  ['upstream_connection_termination', 'UC'],
  ['upstream_overflow', 'UO'],
  ['no_route_found', 'NR'],
  ['delay_injected', 'DI'],
  ['fault_injected', 'FI'],
  ['rate_limited', 'RL'],
  ['unauthorized_details', 'UAEX'],
  ['rate_limit_service_error', 'RLSE'],
  ['downstream_connection_termination', 'DC'],
  ['upstream_retry_limit_exceeded', 'URX'],
  ['stream_idle_timeout', 'SI'],
  ['invalid_envoy_request_headers', 'IH'],
  ['downstream_protocol_error', 'DPE'],
  ['upstream_max_stream_duration_reached', 'UMSDR'],
  ['response_from_cache_filter', 'RFCF'],
  ['no_filter_config_found', 'NFCF'],
  ['duration_timeout', 'DT'],
  ['upstream_protocol_error', 'UPE'],
  ['no_cluster_found', 'NC'],
  ['overload_manager', 'OM'],
  ['dns_resolution_failure', 'DF'],
  ['downstream_remote_reset', 'DR'],
];

export const FLAG_CODES: readonly string[] = FLAGS.map(([, code]) => code);

const UNAUTHORIZED = protoMessage([
  field(1, 'reason', 'enum', { words: ['REASON_UNSPECIFIED', 'EXTERNAL_SERVICE'] }),
]);

const RESPONSE_FLAGS = protoMessage(
  FLAGS.map(([name, code], i) =>
    code === 'UAEX'
      ? nested(i + 1, name, UNAUTHORIZED, NOTE.flag + i)
      : field(i + 1, name, 'bool', { note: NOTE.flag + i }),
  ),
);

const ACCESS_LOG_TYPES = [
  'NotSet',
  'TcpUpstreamConnected',
  'TcpPeriodic',
  'TcpConnectionEnd',
  'DownstreamStart',
  'DownstreamPeriodic',
  'DownstreamEnd',
  'UpstreamPoolReady',
  'UpstreamPeriodic',
  'UpstreamEnd',
  'DownstreamTunnelSuccessfullyEstablished',
  'UdpTunnelUpstreamConnected',
  'UdpPeriodic',
  'UdpSessionEnd',
];

const COMMON = protoMessage([
  field(1, 'sample_rate', 'double'),
  nested(2, 'downstream_remote_address', ADDRESS),
  nested(3, 'downstream_local_address', ADDRESS),
  nested(4, 'tls_properties', TLS_PROPERTIES),
  field(5, 'start_time', 'timestamp', { note: NOTE.startTime }),
  duration(6, 'time_to_last_rx_byte'),
  duration(7, 'time_to_first_upstream_tx_byte'),
  duration(8, 'time_to_last_upstream_tx_byte', NOTE.lastUpstreamTx),
  duration(9, 'time_to_first_upstream_rx_byte', NOTE.firstUpstreamRx),
  duration(10, 'time_to_last_upstream_rx_byte'),
  duration(11, 'time_to_first_downstream_tx_byte'),
  duration(12, 'time_to_last_downstream_tx_byte', NOTE.lastDownstreamTx),
  nested(13, 'upstream_remote_address', ADDRESS, NOTE.upstream),
  nested(14, 'upstream_local_address', ADDRESS),
  text(15, 'upstream_cluster'),
  nested(16, 'response_flags', RESPONSE_FLAGS),
  nested(17, 'metadata', protoMessage([field(1, 'filter_metadata', 'struct-map')])),
  text(18, 'upstream_transport_failure_reason'),
  text(19, 'route_name'),
  nested(20, 'downstream_direct_remote_address', ADDRESS),
  field(21, 'filter_state_objects', 'any-map'),
  field(22, 'custom_tags', 'text-map'),
  duration(23, 'duration', NOTE.duration),
  uint(24, 'upstream_request_attempt_count'),
  text(25, 'connection_termination_details'),
  text(26, 'stream_id'),
  field(27, 'intermediate_log_entry', 'bool'),
  text(28, 'downstream_transport_failure_reason'),
  uint(29, 'downstream_wire_bytes_sent'),
  uint(30, 'downstream_wire_bytes_received'),
  uint(31, 'upstream_wire_bytes_sent'),
  uint(32, 'upstream_wire_bytes_received'),
  field(33, 'access_log_type', 'enum', { words: ACCESS_LOG_TYPES }),
]);

const METHODS = [
  'METHOD_UNSPECIFIED',
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'],
];

const REQUEST = protoMessage([
  field(1, 'request_method', 'enum', { words: METHODS }),
  text(2, 'scheme'),
  text(3, 'authority'),
  field(4, 'port', 'uint-value'),
  text(5, 'path'),
  text(6, 'user_agent'),
  text(7, 'referer'),
  text(8, 'forwarded_for'),
  text(9, 'request_id'),
  text(10, 'original_path'),
  uint(11, 'request_headers_bytes'),
  uint(12, 'request_body_bytes'),
  field(13, 'request_headers', 'text-map'),
  uint(14, 'upstream_header_bytes_sent'),
  uint(15, 'downstream_header_bytes_received'),
]);

const RESPONSE = protoMessage([
  field(1, 'response_code', 'uint-value'),
  uint(2, 'response_headers_bytes'),
  uint(3, 'response_body_bytes'),
  field(4, 'response_headers', 'text-map'),
  field(5, 'response_trailers', 'text-map'),
  text(6, 'response_code_details'),
  uint(7, 'upstream_header_bytes_received'),
  uint(8, 'downstream_header_bytes_sent'),
]);

export const HTTP_ENTRY = protoMessage([
  nested(1, 'common_properties', COMMON),
  field(2, 'protocol_version', 'enum', {
    words: ['PROTOCOL_UNSPECIFIED', 'HTTP10', 'HTTP11', 'HTTP2', 'HTTP3'],
    note: NOTE.protocol,
  }),
  nested(3, 'request', REQUEST),
  nested(4, 'response', RESPONSE),
]);

export const TCP_ENTRY = protoMessage([
  nested(1, 'common_properties', COMMON),
  nested(
    2,
    'connection_properties',
    protoMessage([uint(1, 'received_bytes'), uint(2, 'sent_bytes')]),
  ),
]);
