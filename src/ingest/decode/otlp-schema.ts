/**
 * The messages of OTLP's logs and traces as JSON has them (opentelemetry-proto; protobuf.dev,
 * "ProtoJSON"), as far as they are stored. Names are lowerCamelCase by the specification; senders
 * of snake_case are understood too.
 */
export type JsonKind =
  | 'string'
  | 'bool'
  | 'int64'
  | 'uint32'
  | 'fixed32'
  | 'fixed64'
  | 'double'
  /** A SeverityNumber, as number or name. */
  | 'severity'
  /** Base64. */
  | 'bytes'
  /** Hexadecimal, for a log record's trace and span ids: others become attributes. */
  | 'hex'
  /** Hexadecimal, for a span's ids. */
  | 'id'
  /** A SpanKind or StatusCode, as number or name. */
  | 'spanKind'
  | 'statusCode'
  | 'message';

export interface JsonField {
  readonly camel: Uint8Array;
  readonly snake: Uint8Array;
  readonly number: number;
  readonly kind: JsonKind;
  readonly repeated: boolean;
  readonly message: JsonMessage | undefined;
}

export interface JsonMessage {
  readonly fields: readonly JsonField[];
  /** A fault inside ends this message only, and not the request. */
  readonly item: boolean;
}

type Row = readonly [name: string, number: number, kind: JsonKind, of?: () => JsonMessage];

const encoder = new TextEncoder();
const camelOf = (name: string): string =>
  name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Messages refer to each other, so fields are made when they are first asked for. */
const message = (rows: readonly Row[], item = false): JsonMessage => {
  let fields: readonly JsonField[] | undefined;
  return {
    item,
    get fields(): readonly JsonField[] {
      fields ??= rows.map(([name, number, kind, of]) => ({
        camel: encoder.encode(camelOf(name)),
        snake: encoder.encode(name),
        number,
        kind,
        repeated: REPEATED.has(name),
        message: of?.(),
      }));
      return fields;
    },
  };
};

const REPEATED = new Set([
  'resource_logs',
  'scope_logs',
  'log_records',
  'attributes',
  'values',
  'resource_spans',
  'scope_spans',
  'spans',
  'events',
  'links',
  'resource_metrics',
  'scope_metrics',
  'metrics',
  'data_points',
]);

const ANY_VALUE: JsonMessage = message([
  ['string_value', 1, 'string'],
  ['bool_value', 2, 'bool'],
  ['int_value', 3, 'int64'],
  ['double_value', 4, 'double'],
  ['array_value', 5, 'message', () => ARRAY_VALUE],
  ['kvlist_value', 6, 'message', () => MAP_VALUE],
  ['bytes_value', 7, 'bytes'],
]);
const ARRAY_VALUE = message([['values', 1, 'message', () => ANY_VALUE]]);
const MAP_VALUE = message([['values', 1, 'message', () => KEY_VALUE]]);
const KEY_VALUE = message([
  ['key', 1, 'string'],
  ['value', 2, 'message', () => ANY_VALUE],
]);

const LOG_RECORD = message(
  [
    ['time_unix_nano', 1, 'fixed64'],
    ['severity_number', 2, 'severity'],
    ['severity_text', 3, 'string'],
    ['body', 5, 'message', () => ANY_VALUE],
    ['attributes', 6, 'message', () => KEY_VALUE],
    ['dropped_attributes_count', 7, 'uint32'],
    ['flags', 8, 'fixed32'],
    ['trace_id', 9, 'hex'],
    ['span_id', 10, 'hex'],
    ['observed_time_unix_nano', 11, 'fixed64'],
    ['event_name', 12, 'string'],
  ],
  true,
);

const RESOURCE = message([
  ['attributes', 1, 'message', () => KEY_VALUE],
  ['dropped_attributes_count', 2, 'uint32'],
]);
const SCOPE = message([
  ['name', 1, 'string'],
  ['version', 2, 'string'],
  ['attributes', 3, 'message', () => KEY_VALUE],
  ['dropped_attributes_count', 4, 'uint32'],
]);
const SCOPE_LOGS = message([
  ['scope', 1, 'message', () => SCOPE],
  ['log_records', 2, 'message', () => LOG_RECORD],
  ['schema_url', 3, 'string'],
]);
const RESOURCE_LOGS = message([
  ['resource', 1, 'message', () => RESOURCE],
  ['scope_logs', 2, 'message', () => SCOPE_LOGS],
  ['schema_url', 3, 'string'],
]);

export const LOGS_REQUEST = message([['resource_logs', 1, 'message', () => RESOURCE_LOGS]]);

const EVENT = message([
  ['time_unix_nano', 1, 'fixed64'],
  ['name', 2, 'string'],
  ['attributes', 3, 'message', () => KEY_VALUE],
  ['dropped_attributes_count', 4, 'uint32'],
]);
const LINK = message([
  ['trace_id', 1, 'id'],
  ['span_id', 2, 'id'],
  ['trace_state', 3, 'string'],
  ['attributes', 4, 'message', () => KEY_VALUE],
  ['dropped_attributes_count', 5, 'uint32'],
  ['flags', 6, 'fixed32'],
]);
const STATUS = message([
  ['message', 2, 'string'],
  ['code', 3, 'statusCode'],
]);
const SPAN = message(
  [
    ['trace_id', 1, 'id'],
    ['span_id', 2, 'id'],
    ['trace_state', 3, 'string'],
    ['parent_span_id', 4, 'id'],
    ['name', 5, 'string'],
    ['kind', 6, 'spanKind'],
    ['start_time_unix_nano', 7, 'fixed64'],
    ['end_time_unix_nano', 8, 'fixed64'],
    ['attributes', 9, 'message', () => KEY_VALUE],
    ['dropped_attributes_count', 10, 'uint32'],
    ['events', 11, 'message', () => EVENT],
    ['dropped_events_count', 12, 'uint32'],
    ['links', 13, 'message', () => LINK],
    ['dropped_links_count', 14, 'uint32'],
    ['status', 15, 'message', () => STATUS],
    ['flags', 16, 'fixed32'],
  ],
  true,
);
const SCOPE_SPANS = message([
  ['scope', 1, 'message', () => SCOPE],
  ['spans', 2, 'message', () => SPAN],
  ['schema_url', 3, 'string'],
]);
const RESOURCE_SPANS = message([
  ['resource', 1, 'message', () => RESOURCE],
  ['scope_spans', 2, 'message', () => SCOPE_SPANS],
  ['schema_url', 3, 'string'],
]);
export const TRACES_REQUEST = message([['resource_spans', 1, 'message', () => RESOURCE_SPANS]]);

/** Metrics are only counted: what stands in their items is not looked at. */
const NOTHING = message([]);
const POINTS = message([['data_points', 1, 'message', () => NOTHING]]);
const METRIC = message([
  ['gauge', 5, 'message', () => POINTS],
  ['sum', 7, 'message', () => POINTS],
  ['histogram', 9, 'message', () => POINTS],
  ['exponential_histogram', 10, 'message', () => POINTS],
  ['summary', 11, 'message', () => POINTS],
]);
const SCOPE_METRICS = message([['metrics', 2, 'message', () => METRIC]]);
const RESOURCE_METRICS = message([['scope_metrics', 2, 'message', () => SCOPE_METRICS]]);
export const METRICS_REQUEST = message([
  ['resource_metrics', 1, 'message', () => RESOURCE_METRICS],
]);
