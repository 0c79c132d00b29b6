import { C } from '../../model/columns.ts';
import { NS } from '../../model/duration.ts';
import { formatFault } from './fault.ts';
import { isNamed, type Field, type Shape } from './field.ts';
import { timePattern } from './strftime.ts';

/**
 * Envoy's command operators (Envoy, "Access logging", "Command operators"), those that Kuma puts in
 * before Envoy sees them, and the names that their values have here.
 */

/** What an operator takes in brackets: nothing, something or either. */
type Brackets = 'none' | 'needed' | 'optional';

interface Operator {
  readonly shape: Shape;
  readonly brackets: Brackets;
  readonly rest?: Pick<Field, 'unit' | 'column' | 'dash'>;
}

const PLAIN: Readonly<Record<Shape, string>> = {
  number:
    'RESPONSE_CODE BYTES_RECEIVED BYTES_SENT CONNECTION_ID UPSTREAM_REQUEST_ATTEMPT_COUNT ' +
    'UPSTREAM_REMOTE_PORT UPSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_PORT DOWNSTREAM_REMOTE_PORT ' +
    'DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_DIRECT_LOCAL_PORT REQUEST_HEADERS_BYTES ' +
    'RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES UPSTREAM_WIRE_BYTES_SENT ' +
    'UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HEADER_BYTES_RECEIVED ' +
    'UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED ' +
    'DOWNSTREAM_WIRE_BYTES_SENT DOWNSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT ' +
    'DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT ' +
    'DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED REQUEST_DURATION REQUEST_TX_DURATION ' +
    'RESPONSE_DURATION RESPONSE_TX_DURATION DOWNSTREAM_HANDSHAKE_DURATION ' +
    'ROUNDTRIP_DURATION UPSTREAM_CONNECTION_ID UPSTREAM_CLUSTER_RAW_ID WORKER_ID',
  word:
    'PROTOCOL UPSTREAM_PROTOCOL RESPONSE_CODE_DETAILS CONNECTION_TERMINATION_DETAILS ' +
    'UPSTREAM_HOST UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT ' +
    'UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_CLUSTER ' +
    'UPSTREAM_CLUSTER_RAW UPSTREAM_HOSTNAME UPSTREAM_HOST_NAME ' +
    'UPSTREAM_HOST_NAME_WITHOUT_PORT DOWNSTREAM_REMOTE_ADDRESS ' +
    'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS ' +
    'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_ADDRESS ' +
    'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_LOCAL_ADDRESS ' +
    'DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT ROUTE_NAME VIRTUAL_CLUSTER_NAME ' +
    'VIRTUAL_HOST_NAME REQUESTED_SERVER_NAME DOWNSTREAM_TLS_VERSION DOWNSTREAM_TLS_CIPHER ' +
    'DOWNSTREAM_TLS_SESSION_ID UPSTREAM_TLS_VERSION UPSTREAM_TLS_CIPHER ' +
    'UPSTREAM_TLS_SESSION_ID DOWNSTREAM_PEER_FINGERPRINT_256 DOWNSTREAM_PEER_FINGERPRINT_1 ' +
    'DOWNSTREAM_PEER_SERIAL STREAM_ID UNIQUE_ID TRACE_ID SPAN_ID ACCESS_LOG_TYPE ' +
    'TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT DOWNSTREAM_DETECTED_CLOSE_TYPE ' +
    'UPSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_LOCAL_CLOSE_REASON KUMA_SOURCE_SERVICE ' +
    'KUMA_DESTINATION_SERVICE KUMA_SOURCE_ADDRESS KUMA_SOURCE_ADDRESS_WITHOUT_PORT ' +
    'KUMA_MESH KUMA_TRAFFIC_DIRECTION KUMA_ZONE',
  list: '',
  any:
    'UPSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_TRANSPORT_FAILURE_REASON HOSTNAME ' +
    'LOCAL_REPLY_BODY FILTER_CHAIN_NAME LISTENER_NAME UPSTREAM_LOCAL_CLOSE_REASON ' +
    'DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_IP_SAN ' +
    'DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_OTHERNAME_SAN DOWNSTREAM_PEER_SUBJECT ' +
    'DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_CERT DOWNSTREAM_LOCAL_URI_SAN ' +
    'DOWNSTREAM_LOCAL_DNS_SAN DOWNSTREAM_LOCAL_IP_SAN DOWNSTREAM_LOCAL_EMAIL_SAN ' +
    'DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_LOCAL_SUBJECT UPSTREAM_PEER_URI_SAN ' +
    'UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_EMAIL_SAN ' +
    'UPSTREAM_PEER_OTHERNAME_SAN UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_ISSUER ' +
    'UPSTREAM_PEER_CERT UPSTREAM_LOCAL_URI_SAN UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN ' +
    'UPSTREAM_LOCAL_EMAIL_SAN UPSTREAM_LOCAL_SUBJECT QUERY_PARAMS',
  request: '',
};

const operators = new Map<string, Operator>();
for (const [shape, names] of Object.entries(PLAIN) as [Shape, string][])
  for (const name of names.split(' ').filter((one) => one !== ''))
    operators.set(name, { shape, brackets: 'none' });

for (const name of (
  'REQ REQUEST_HEADER RESP RESPONSE_HEADER TRAILER RESPONSE_TRAILER REQUEST_TRAILER ' +
  'DYNAMIC_METADATA CLUSTER_METADATA UPSTREAM_METADATA FILTER_STATE UPSTREAM_FILTER_STATE ' +
  'METADATA TYPED_METADATA CEL ENVIRONMENT QUERY_PARAM REQ_WITHOUT_QUERY FILE_CONTENT ' +
  'SECRET SUBSTITUTE'
).split(' '))
  operators.set(name, { shape: 'any', brackets: 'needed' });

const timed = { shape: 'number', rest: { unit: NS.ms } } as const;
const special: Readonly<Record<string, Operator>> = {
  RESPONSE_FLAGS: { shape: 'word', brackets: 'none', rest: { dash: true } },
  RESPONSE_FLAGS_LONG: { shape: 'word', brackets: 'none', rest: { dash: true } },
  DURATION: { ...timed, brackets: 'none' },
  COMMON_DURATION: { shape: 'number', brackets: 'needed' },
  GRPC_STATUS: { shape: 'word', brackets: 'optional' },
  GRPC_STATUS_NUMBER: { shape: 'number', brackets: 'none' },
  PATH: { shape: 'any', brackets: 'optional' },
  COALESCE: { shape: 'any', brackets: 'needed' },
  START_TIME: { shape: 'word', brackets: 'optional' },
  START_TIME_LOCAL: { shape: 'word', brackets: 'optional' },
  EMIT_TIME: { shape: 'word', brackets: 'optional' },
  EMIT_TIME_LOCAL: { shape: 'word', brackets: 'optional' },
  DOWNSTREAM_PEER_CERT_V_START: { shape: 'word', brackets: 'optional' },
  DOWNSTREAM_PEER_CERT_V_END: { shape: 'word', brackets: 'optional' },
  UPSTREAM_PEER_CERT_V_START: { shape: 'word', brackets: 'optional' },
  UPSTREAM_PEER_CERT_V_END: { shape: 'word', brackets: 'optional' },
};
for (const [name, one] of Object.entries(special)) operators.set(name, one);

/** Who called whom, by certificate or by Kuma's word. */
const COLUMN_OF: Readonly<Record<string, number>> = {
  DOWNSTREAM_PEER_URI_SAN: C.source_identity,
  UPSTREAM_PEER_URI_SAN: C.destination_identity,
  KUMA_SOURCE_SERVICE: C.source_service,
  KUMA_DESTINATION_SERVICE: C.destination_service,
  KUMA_TRAFFIC_DIRECTION: C.direction,
};

/** Operators whose names differ from those of fields that mean the same. */
const NAME_OF: Readonly<Record<string, string>> = {
  UPSTREAM_CLUSTER_RAW: 'upstream_cluster',
  KUMA_SOURCE_SERVICE: 'source_service',
  KUMA_DESTINATION_SERVICE: 'destination_service',
  KUMA_SOURCE_ADDRESS: 'source_address',
  KUMA_SOURCE_ADDRESS_WITHOUT_PORT: 'source_address',
  START_TIME_LOCAL: 'start_time',
  REQ_WITHOUT_QUERY: 'path',
  PATH: 'path',
};

/** Headers that have a name of their own among the fields. */
const HEADER_NAME: Readonly<Record<string, string>> = {
  ':method': 'method',
  ':path': 'path',
  'x-envoy-original-path': 'path',
  ':authority': 'authority',
  host: 'authority',
  ':scheme': 'scheme',
  'user-agent': 'user_agent',
  'x-request-id': 'request_id',
  'x-envoy-upstream-service-time': 'upstream_service_time',
  traceparent: 'traceparent',
  'x-b3-traceid': 'x_b3_traceid',
  'x-b3-spanid': 'x_b3_spanid',
};

/** The name of a header's value: its own in snake_case, with a prefix where that means else. */
export const headerName = (header: string, prefix: string): string => {
  const lower = header.trim().toLowerCase();
  const known = HEADER_NAME[lower];
  if (known !== undefined) return known;
  const name = lower.replaceAll(/[^a-z0-9.]+/g, '_');
  return prefix === 'request_header_' && !isNamed(name) ? name : prefix + name;
};

const HEADER_PREFIX: Readonly<Record<string, string>> = {
  REQ: 'request_header_',
  REQUEST_HEADER: 'request_header_',
  REQ_WITHOUT_QUERY: 'request_header_',
  RESP: 'response_header_',
  RESPONSE_HEADER: 'response_header_',
  TRAILER: 'response_trailer_',
  RESPONSE_TRAILER: 'response_trailer_',
  REQUEST_TRAILER: 'request_trailer_',
};

/** The one of `X?Y` that has a name, else the first. */
const alternative = (brackets: string): string => {
  const names = brackets.split('?');
  return names.find((name) => name.trim().toLowerCase() in HEADER_NAME) ?? brackets;
};

const nameOf = (operator: string, brackets: string | undefined): string => {
  const known = NAME_OF[operator];
  if (known !== undefined) return known;
  const lower = operator.toLowerCase();
  if (brackets === undefined || lower === 'start_time') return lower;
  const prefix = HEADER_PREFIX[operator];
  if (prefix !== undefined) return headerName(alternative(brackets).replace(/\?.*/, ''), prefix);
  if (operator === 'DYNAMIC_METADATA') return brackets;
  return `${lower}.${brackets}`;
};

const ALLOWED = [...operators.keys()].sort();

/** The operators that are spelled alike, else all. */
const near = (name: string): string => {
  const head = name.split('_')[0] ?? '';
  const alike = ALLOWED.filter((one) => one.startsWith(head));
  return `allowed: ${(alike.length > 0 ? alike : ALLOWED).map((one) => `%${one}%`).join(' ')}`;
};

/** Shapes of operators that later versions may add: their names tell. */
const familyOf = (name: string): Operator | undefined => {
  if (!/^(UPSTREAM|DOWNSTREAM|KUMA)_[A-Z0-9_]+$/.test(name)) return undefined;
  const counts = /_(PORT|BYTES|COUNT|DURATION|BYTES_(SENT|RECEIVED))$/.test(name);
  return { shape: counts ? 'number' : 'any', brackets: 'optional' };
};

const TIMES = /_TIME(_LOCAL)?$|_CERT_V_(START|END)$/;

/**
 * The field of `%NAME(brackets):length%`.
 * @param at position of its first `%`
 */
export const envoyField = (
  definition: string,
  at: number,
  whole: string,
  name: string,
  brackets: string | undefined,
): Field => {
  const operator = operators.get(name) ?? familyOf(name);
  if (operator === undefined)
    throw formatFault(definition, at, `${whole} is no operator of Envoy`, near(name));
  if (operator.brackets === 'needed' && (brackets ?? '') === '')
    throw formatFault(definition, at, `${whole} names nothing`, `write %${name}(NAME)%`);
  if (operator.brackets === 'none' && brackets !== undefined)
    throw formatFault(definition, at, `${whole} takes nothing in brackets`, `write %${name}%`);
  const column = COLUMN_OF[name];
  const field: Field = {
    name: nameOf(name, brackets),
    operator: whole,
    at,
    shape: operator.shape,
    ...operator.rest,
    ...(column !== undefined && { column }),
  };
  if (field.name === 'method' || field.name === 'authority') return { ...field, shape: 'word' };
  if (brackets === undefined || !TIMES.test(name) || brackets === '') return field;
  const time = timePattern(brackets, definition, at + name.length + 2);
  return name.startsWith('START_TIME') ? { ...field, time } : { ...field, shape: 'any' };
};
