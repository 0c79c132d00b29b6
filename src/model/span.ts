/**
 * A span as OpenTelemetry models it (opentelemetry-proto, trace/v1/trace.proto), the one form into
 * which OTLP, Zipkin and Jaeger are decoded. Times are nanoseconds since 1970 UTC.
 */
export interface Span {
  /** 32 lower-case hexadecimal digits; ids of 64 bits are padded with zeros on the left. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits. */
  readonly spanId: string;
  /** 16 lower-case hexadecimal digits; '' for a root. */
  readonly parentSpanId: string;
  /** W3C `tracestate`, or ''. */
  readonly traceState: string;
  /** OTLP's `flags`, 0 where the sender has none. */
  readonly flags: number;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startNs: bigint;
  /** Not before `startNs`. */
  readonly endNs: bigint;
  readonly statusCode: StatusCode;
  readonly statusMessage: string;
  readonly scopeName: string;
  readonly scopeVersion: string;
  readonly resource: readonly SpanAttribute[];
  readonly scope: readonly SpanAttribute[];
  readonly attributes: readonly SpanAttribute[];
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  readonly droppedAttributes: number;
  readonly droppedEvents: number;
  readonly droppedLinks: number;
}

/** SPAN_KIND_*: unspecified, internal, server, client, producer, consumer. */
export type SpanKind = 0 | 1 | 2 | 3 | 4 | 5;
/** STATUS_CODE_*: unset, ok, error. */
export type StatusCode = 0 | 1 | 2;

/**
 * `bigint` is OTLP's int, `number` its double; `{ json }` is any other AnyValue (array, kvlist,
 * bytes) as OTLP's JSON of the value itself: `{"arrayValue":{"values":[...]}}`.
 */
export type SpanValue = string | boolean | bigint | number | { readonly json: string };

export interface SpanAttribute {
  readonly key: string;
  readonly value: SpanValue;
}

/** About how many bytes attributes take in a row. */
export const attributesBytes = (attributes: readonly SpanAttribute[]): number => {
  let bytes = 16 * attributes.length;
  for (const { key, value } of attributes) {
    bytes += key.length;
    if (typeof value === 'string') bytes += value.length;
    else bytes += typeof value === 'object' ? value.json.length : 8;
  }
  return bytes;
};

export interface SpanEvent {
  readonly timeNs: bigint;
  readonly name: string;
  readonly attributes: readonly SpanAttribute[];
  readonly droppedAttributes: number;
}

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  readonly attributes: readonly SpanAttribute[];
  readonly droppedAttributes: number;
  readonly flags: number;
}

/** Latest start that DateTime64(9) holds (2262-04-11). */
export const GREATEST_START_NS = 9_223_372_035_999_999_999n;
/** Longest duration whose nanoseconds are exact in every language that reads them: 104 days. */
export const LONGEST_NS = 9_007_199_254_740_991n;

/** Everything that a sender may leave out: `{ ...EMPTY_SPAN, traceId, ... }`. */
export const EMPTY_SPAN: Span = Object.freeze({
  traceId: '',
  spanId: '',
  parentSpanId: '',
  traceState: '',
  flags: 0,
  name: '',
  kind: 0,
  startNs: 0n,
  endNs: 0n,
  statusCode: 0,
  statusMessage: '',
  scopeName: '',
  scopeVersion: '',
  resource: [],
  scope: [],
  attributes: [],
  events: [],
  links: [],
  droppedAttributes: 0,
  droppedEvents: 0,
  droppedLinks: 0,
} satisfies Span);
