import type { ColumnName } from './columns.ts';
import { NS } from './duration.ts';

/** How a field's value becomes a column's: see `fields.ts`. */
export const READ = {
  /** No column: metadata or attributes. */
  rest: 0,
  text: 1,
  count: 2,
  duration: 3,
  time: 4,
  epochSecond: 5,
  nanoOfSecond: 6,
  level: 7,
  severityNumber: 8,
  message: 9,
  /** A message only where no better one comes: see `messageRank`. */
  weakMessage: 10,
  traceId: 11,
  traceName: 12,
  traceParent: 13,
  path: 14,
  stdio: 15,
  /** The app's name as a label: agrees with `service` or stays beside it. */
  appLabel: 16,
  /** `HTTP/1.1` where it says so, else a version. */
  version: 17,
  /** A name, and not a duration. */
  service: 18,
} as const;
export type Reading = (typeof READ)[keyof typeof READ];

export interface NamedFields {
  readonly column: ColumnName;
  readonly reading: Reading;
  /** Nanoseconds of a bare number, for durations. */
  readonly unit?: number;
  /** Names that say this only around a line; in a line they mean whatever its writer likes. */
  readonly envelopeOnly?: true;
  /** Full dotted names, separated by spaces. */
  readonly names: string;
}

/**
 * Objects under which loggers and shippers put fields that mean the same without them:
 * `attrs.method`
 * is `method`. Tried once per name, the first that fits.
 */
export const PREFIXES = [
  'attrs.',
  'resource.attributes.',
  'attributes.',
  'resource.',
  'jsonPayload.',
  'fields.',
  'Properties.',
  'properties.',
  'contextMap.',
  'mdc.',
  'extra.',
  'structured.',
] as const;

const row = (column: ColumnName, reading: Reading, names: string): NamedFields => ({
  column,
  reading,
  names,
});
const around = (column: ColumnName, names: string): NamedFields => ({
  column,
  reading: READ.text,
  envelopeOnly: true,
  names,
});
const span = (column: ColumnName, unit: number, names: string): NamedFields => ({
  column,
  reading: READ.duration,
  unit,
  names,
});

/**
 * Every field name that is known to mean a column: OpenTelemetry semantic conventions, ECS, GCP,
 * Kubernetes metadata as Fluent Bit, Fluentd, Filebeat, Vector and Promtail write it, pino, bunyan,
 * zap, logrus, log4j2, logback, python-json-logger, structlog, Serilog (CLEF), Envoy, Istio,
 * Consul, syslog-ng (`format-json`).
 */
export const NAMED_FIELDS: readonly NamedFields[] = [
  row(
    'timestamp',
    READ.time,
    'ts time timestamp @timestamp @t Timestamp TIMESTAMP datetime date asctime start_time ' +
      'event_time eventTime eventTimestamp timeMillis time_unix_nano timeUnixNano time_iso8601 time_local',
  ),
  row('timestamp', READ.epochSecond, 'instant.epochSecond timestampSeconds timestamp.seconds'),
  row('timestamp', READ.nanoOfSecond, 'instant.nanoOfSecond timestampNanos timestamp.nanos'),
  row(
    'severity',
    READ.level,
    'level severity log.level levelname loglevel log_level logLevel lvl @l Level LEVEL priority ' +
      'PRIORITY severity_text severityText SeverityText syslog.severity.name log.syslog.severity.name',
  ),
  row('severity', READ.severityNumber, 'severity_number severityNumber SeverityNumber'),
  row('body', READ.message, 'msg message @m MESSAGE Message short_message textPayload _msg body'),
  row('body', READ.weakMessage, '@mt event log text full_message RenderedMessage'),

  row(
    'service',
    READ.service,
    'service service.name service_name serviceName ServiceName otelServiceName dd.service ' +
      'serviceContext.service PROGRAM',
  ),
  row(
    'service',
    READ.appLabel,
    'k8s.labels.app k8s.labels.app.kubernetes.io/name k8s.labels.k8s-app kubernetes.labels.app ' +
      'kubernetes.labels.app.kubernetes.io/name kubernetes.labels.app_kubernetes_io/name ' +
      'kubernetes.labels.k8s-app k8s.pod.labels.app kubernetes.pod_labels.app ' +
      'kubernetes.pod_labels.app.kubernetes.io/name',
  ),
  row(
    'version',
    READ.text,
    'service.version service_version serviceVersion dd.version k8s.labels.version ' +
      'kubernetes.labels.version kubernetes.pod_labels.version serviceContext.version',
  ),
  row('version', READ.version, 'version'),
  row(
    'environment',
    READ.text,
    'deployment.environment deployment.environment.name service.environment dd.env environment',
  ),
  row(
    'namespace',
    READ.text,
    'k8s.namespace.name k8s.namespace kubernetes.namespace_name kubernetes.namespace ' +
      'kubernetes.namespace.name kubernetes.pod_namespace orchestrator.namespace',
  ),
  around('namespace', 'namespace namespace_name'),
  row(
    'pod',
    READ.text,
    'k8s.pod.name k8s.pod kubernetes.pod_name kubernetes.pod.name kubernetes.pod',
  ),
  around('pod', 'pod pod_name podName'),
  row(
    'container',
    READ.text,
    'k8s.container.name k8s.container kubernetes.container_name kubernetes.container.name ' +
      'kubernetes.container container.name',
  ),
  around('container', 'container container_name containerName'),
  row(
    'node',
    READ.text,
    'k8s.node.name k8s.node kubernetes.host kubernetes.node_name kubernetes.node.name ' +
      'kubernetes.node.hostname kubernetes.pod_node_name host.name',
  ),
  around('node', 'node node_name nodename hostname host host.hostname agent.hostname _HOSTNAME'),
  row(
    'cluster',
    READ.text,
    'k8s.cluster.name k8s.cluster kubernetes.cluster kubernetes.cluster_name ' +
      'kubernetes.cluster.name orchestrator.cluster.name',
  ),
  around('cluster', 'cluster cluster_name clusterName'),
  row(
    'workload',
    READ.text,
    'k8s.deployment.name k8s.statefulset.name k8s.daemonset.name k8s.cronjob.name k8s.job.name ' +
      'kubernetes.deployment.name kubernetes.statefulset.name kubernetes.daemonset.name ' +
      'kubernetes.cronjob.name kubernetes.job.name',
  ),
  around('workload', 'workload'),
  row('platform', READ.text, 'cloud.platform'),
  around('mesh', 'mesh'),
  around('platform', 'platform'),
  row('stdio', READ.stdio, 'stream stdio log.iostream'),
  row('event_name', READ.text, 'event.name event_name'),

  row(
    'trace_id',
    READ.traceId,
    'trace_id trace.id traceId traceID TraceId TraceID traceid otelTraceID @tr x_b3_traceid ' +
      'x-b3-traceid',
  ),
  row('trace_id', READ.traceName, 'logging.googleapis.com/trace trace'),
  row('trace_id', READ.traceParent, 'traceparent traceParent'),
  row(
    'span_id',
    READ.traceId,
    'span_id span.id spanId spanID SpanId SpanID spanid otelSpanID @sp ' +
      'logging.googleapis.com/spanId x_b3_spanid x-b3-spanid',
  ),
  row(
    'request_id',
    READ.text,
    'request_id request.id requestId requestID RequestId req_id reqId req.id http.request.id ' +
      'x-request-id x_request_id',
  ),

  row(
    'method',
    READ.text,
    'method http.request.method http.method req.method request.method httpRequest.requestMethod ' +
      'request_method http_method RequestMethod',
  ),
  row(
    'path',
    READ.path,
    'path url.path http.target http.path req.url request.url request.path uri url request_uri ' +
      'request_path RequestPath httpRequest.requestUrl http.url url.full',
  ),
  row('route', READ.text, 'route http.route route_name'),
  row(
    'status',
    READ.count,
    'status response_code http.response.status_code http.status_code status_code statusCode ' +
      'StatusCode http_status res.statusCode response.status httpRequest.status',
  ),
  row(
    'protocol',
    READ.text,
    'protocol http.protocol http.flavor server_protocol httpRequest.protocol',
  ),
  row('authority', READ.text, 'authority :authority http.host url.domain req.headers.host'),
  span('duration_ns', NS.ns, 'duration_ns durationNs event.duration total_ns elapsed_ns'),
  span('duration_ns', NS.us, 'duration_us durationUs elapsed_us latency_us'),
  span(
    'duration_ns',
    NS.ms,
    'duration_ms durationMs elapsed_ms elapsedMs latency_ms latencyMs took_ms responseTime ' +
      'response_time_ms responseTimeMs attrs.duration Elapsed ElapsedMilliseconds',
  ),
  span('duration_ns', NS.s, 'request_time http.server.request.duration duration_seconds'),
  span('duration_ns', 0, 'duration elapsed latency took httpRequest.latency'),
  span('upstream_duration_ns', NS.ms, 'upstream_service_time'),
  span('upstream_duration_ns', NS.s, 'upstream_response_time'),
  row(
    'bytes_in',
    READ.count,
    'bytes_received request_bytes bytes_in request_length http.request.body.size ' +
      'http.request.body.bytes http.request.bytes http.request_content_length httpRequest.requestSize',
  ),
  row(
    'bytes_out',
    READ.count,
    'bytes_sent response_bytes bytes_out body_bytes_sent http.response.body.size ' +
      'http.response.body.bytes http.response.bytes http.response_content_length ' +
      'httpRequest.responseSize',
  ),
  row(
    'user_agent',
    READ.text,
    'user_agent user_agent.original http.user_agent userAgent UserAgent http_user_agent ' +
      'req.headers.user-agent httpRequest.userAgent',
  ),
  row('response_flags', READ.text, 'response_flags'),
  row('response_details', READ.text, 'response_code_details response_details'),
  row('upstream_host', READ.text, 'upstream_host upstream_addr'),
  row('upstream_cluster', READ.text, 'upstream_cluster proxy_upstream_name'),
  row('tls_version', READ.text, 'tls_version downstream_tls_version tls.version'),

  // Envoy's access log service: an entry as JSON.
  row('timestamp', READ.time, 'common_properties.start_time'),
  row('method', READ.text, 'request.request_method'),
  row('authority', READ.text, 'request.authority'),
  row('user_agent', READ.text, 'request.user_agent'),
  row('request_id', READ.text, 'request.request_id'),
  row('trace_id', READ.traceParent, 'request.request_headers.traceparent'),
  row('trace_id', READ.traceId, 'request.request_headers.x-b3-traceid'),
  row('span_id', READ.traceId, 'request.request_headers.x-b3-spanid'),
  row('status', READ.count, 'response.response_code'),
  row('response_details', READ.text, 'response.response_code_details'),
  row('bytes_in', READ.count, 'request.request_body_bytes connection_properties.received_bytes'),
  row('bytes_out', READ.count, 'response.response_body_bytes connection_properties.sent_bytes'),
  row('upstream_cluster', READ.text, 'common_properties.upstream_cluster'),
  row('route', READ.text, 'common_properties.route_name'),

  // Envoy Gateway: its default JSON names headers as they are.
  row('path', READ.path, 'x-envoy-origin-path'),
  row('user_agent', READ.text, 'user-agent'),
  span('upstream_duration_ns', NS.ms, 'x-envoy-upstream-service-time'),

  // Cilium Hubble: a flow, in its envelope and without.
  row('timestamp', READ.time, 'flow.time'),
  row('method', READ.text, 'flow.l7.http.method l7.http.method'),
  row('path', READ.path, 'flow.l7.http.url l7.http.url'),
  row('status', READ.count, 'flow.l7.http.code l7.http.code'),
  row('protocol', READ.text, 'flow.l7.http.protocol l7.http.protocol'),
  span('duration_ns', NS.ns, 'flow.l7.latency_ns l7.latency_ns'),
  row('trace_id', READ.traceId, 'flow.trace_context.parent.trace_id trace_context.parent.trace_id'),
];
