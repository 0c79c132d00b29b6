import {
  EMPTY_SPAN,
  type Span,
  type SpanAttribute,
  type SpanEvent,
  type SpanLink,
} from '../../model/span.ts';
import type { EventSink } from './decode.ts';
import type { RepeatBudget } from './span-repeat.ts';
import { kindOf, statusOf, takeCommon, Tags } from './span-tags.ts';
import { MAX_TIME_NS, type BadSpan } from './span-time.ts';

/**
 * A span as Jaeger has it (jaegertracing/jaeger-idl, thrift/jaeger.thrift and
 * proto/api_v2/model.proto), from whichever encoding, and how it becomes OpenTelemetry's
 * (opentelemetry-specification, trace/sdk_exporters/jaeger.md, read backwards; and the collector's
 * translator, open-telemetry/opentelemetry-collector-contrib, pkg/translator/jaeger):
 *
 *     process.serviceName, tags   resource service.name and attributes; hostname is host.name
 *     references                  the first CHILD_OF of the trace is the parent where the span
 *                                 names none; the others are links with opentracing.ref_type
 *     tag span.kind               kind
 *     tags error, otel.status_*   status; else http.status_code tells it
 *     other tags of OpenTelemetry where they came from (span-tags.ts)
 *     logs                        events, named by their field `event`
 *     flags                       bit 0, sampled, is W3C's; others stay in jaeger.flags
 *     warnings, process_id        jaeger.warnings, jaeger.process_id
 */
export interface JaegerSpan {
  traceId: string | undefined;
  spanId: string | undefined;
  /** '' where the span names none. */
  parentSpanId: string;
  name: string;
  references: JaegerReference[];
  flags: number;
  startNs: bigint;
  durationNs: bigint;
  tags: SpanAttribute[];
  logs: JaegerLog[];
  warnings: string[];
  processId: string;
  /** The span's own, before that of its batch. */
  process: JaegerProcess | undefined;
  /** What was over `LIMITS.spanItems`. */
  dropped: { tags: number; logs: number; references: number };
}

export interface JaegerReference {
  readonly follows: boolean;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
}

export interface JaegerLog {
  /** 0 where there is none. */
  readonly timeNs: bigint;
  readonly fields: readonly SpanAttribute[];
  readonly dropped: number;
}

export interface JaegerProcess {
  readonly resource: readonly SpanAttribute[];
  /** Bytes that it took: it is repeated for each span. */
  readonly size: number;
}

export const NO_PROCESS: JaegerProcess = { resource: [], size: 0 };

export const newJaegerSpan = (): JaegerSpan => ({
  traceId: undefined,
  spanId: undefined,
  parentSpanId: '',
  name: '',
  references: [],
  flags: 0,
  startNs: 0n,
  durationNs: 0n,
  tags: [],
  logs: [],
  warnings: [],
  processId: '',
  process: undefined,
  dropped: { tags: 0, logs: 0, references: 0 },
});

/** Bytes as a value: OTLP's JSON of it. */
export const bytesValue = (bytes: Uint8Array): { readonly json: string } => ({
  json: JSON.stringify({ bytesValue: Buffer.from(bytes).toString('base64') }),
});

export const processOf = (
  service: string,
  tags: readonly SpanAttribute[],
  size: number,
): JaegerProcess => {
  const resource: SpanAttribute[] = [];
  const named = new Set(tags.map(({ key }) => key));
  if (service !== '') resource.push({ key: 'service.name', value: service });
  for (const { key, value } of tags) {
    if (key === 'service.name' && service !== '') continue;
    const isHost = key === 'hostname' && !named.has('host.name');
    resource.push({ key: isHost ? 'host.name' : key, value });
  }
  return { resource, size: size + TAG_BYTES * tags.length };
};

/** What a tag costs beside its bytes. */
const TAG_BYTES = 16;

/** Gives the sink the span, or counts why not. */
export const giveJaegerSpan = (
  jaeger: JaegerSpan,
  process: JaegerProcess,
  budget: RepeatBudget,
  sink: EventSink,
  sample: Uint8Array,
): void => {
  const own = jaeger.process ?? process;
  if (!budget.take(own.size)) {
    sink.reject('resource_too_large', sample);
    return;
  }
  const span = spanOf(jaeger, own, sink.observedSec);
  if (typeof span === 'string') sink.reject(span, sample);
  else sink.span(span);
};

export const spanOf = (
  jaeger: JaegerSpan,
  process: JaegerProcess,
  observedSec: number,
): Span | BadSpan => {
  const { traceId, spanId } = jaeger;
  if (traceId === undefined) return 'bad_trace_id';
  if (spanId === undefined) return 'bad_span_id';
  const startNs = jaeger.startNs === 0n ? BigInt(observedSec) * 1_000_000_000n : jaeger.startNs;
  const backwards = jaeger.durationNs < 0n;
  const endNs = backwards ? startNs : startNs + jaeger.durationNs;
  if (startNs < 0n || endNs > MAX_TIME_NS) return 'bad_timestamp';
  const events: SpanEvent[] = [];
  for (const log of jaeger.logs) {
    const timeNs = log.timeNs === 0n ? startNs : log.timeNs;
    if (timeNs < 0n || timeNs > MAX_TIME_NS) return 'bad_timestamp';
    events.push(eventOf(log, timeNs));
  }
  const tags = new Tags(jaeger.tags);
  // OpenTelemetry's exporters put the resource among the tags of each span.
  const isFlattened = tags.value('telemetry.sdk.name') !== undefined;
  const common = takeCommon(tags);
  const kind = kindOf(tags.text('span.kind'));
  if (kind !== 0) tags.take('span.kind');
  const status = takeStatus(tags, kind);
  const { attributes, resource } = restOf(process, tags, isFlattened);
  if (backwards) attributes.push({ key: 'jaeger.duration_ns', value: jaeger.durationNs });
  putOwn(jaeger, attributes);
  const parentSpanId = parentOf(jaeger);
  return {
    ...EMPTY_SPAN,
    ...common,
    ...status,
    traceId,
    spanId,
    parentSpanId,
    flags: jaeger.flags & SAMPLED,
    name: jaeger.name,
    // OpenTelemetry's exporters leave the kind of an internal span out.
    kind: kind === 0 && (isFlattened || common.scopeName !== '') ? 1 : kind,
    startNs,
    endNs,
    resource,
    attributes,
    events,
    links: linksOf(jaeger, parentSpanId),
    droppedAttributes: common.droppedAttributes + jaeger.dropped.tags,
    droppedEvents: common.droppedEvents + jaeger.dropped.logs,
    droppedLinks: common.droppedLinks + jaeger.dropped.references,
  };
};

const SAMPLED = 1;
const SERVER = 2;

const restOf = (
  process: JaegerProcess,
  tags: Tags,
  isFlattened: boolean,
): { attributes: SpanAttribute[]; resource: readonly SpanAttribute[] } => {
  const { attributes, resource: named } = tags.rest(isFlattened);
  if (named.length === 0) return { attributes, resource: process.resource };
  const resource = [...process.resource];
  const known = new Set(resource.map(({ key }) => key));
  for (const tag of named) {
    if (!known.has(tag.key)) resource.push(tag);
    else if (tag.key !== 'service.name') attributes.push(tag);
  }
  return { attributes, resource };
};

/** What has no field: told as attributes, where there is something to tell. */
const putOwn = (jaeger: JaegerSpan, attributes: SpanAttribute[]): void => {
  const { flags, warnings, processId } = jaeger;
  if ((flags & ~SAMPLED) !== 0) attributes.push({ key: 'jaeger.flags', value: BigInt(flags) });
  if (processId !== '') attributes.push({ key: 'jaeger.process_id', value: processId });
  if (warnings.length > 0) {
    const values = warnings.map((stringValue) => ({ stringValue }));
    const json = JSON.stringify({ arrayValue: { values } });
    attributes.push({ key: 'jaeger.warnings', value: { json } });
  }
};

const parentOf = ({ traceId, parentSpanId, references }: JaegerSpan): string => {
  if (parentSpanId !== '') return parentSpanId;
  const inTrace = references.filter((one) => one.traceId === traceId && one.spanId !== undefined);
  return (inTrace.find(({ follows }) => !follows) ?? inTrace[0])?.spanId ?? '';
};

const linksOf = ({ traceId, references }: JaegerSpan, parent: string): SpanLink[] => {
  const links: SpanLink[] = [];
  for (const one of references) {
    if (one.traceId === undefined || one.spanId === undefined) continue;
    if (!one.follows && one.spanId === parent && one.traceId === traceId) continue;
    const value = one.follows ? 'follows_from' : 'child_of';
    links.push({
      traceId: one.traceId,
      spanId: one.spanId,
      traceState: '',
      attributes: [{ key: 'opentracing.ref_type', value }],
      droppedAttributes: 0,
      flags: 0,
    });
  }
  return links;
};

const eventOf = ({ fields, dropped }: JaegerLog, timeNs: bigint): SpanEvent => {
  const tags = new Tags(fields);
  const name = tags.takeText('event') ?? '';
  const unsent = tags.takeCount('otel.event.dropped_attributes_count');
  const { attributes } = tags.rest(false);
  return { timeNs, name, attributes, droppedAttributes: unsent + dropped };
};

/**
 * The tag `error` decides, then OpenTelemetry's own, then the HTTP status: 5xx and what is no
 * status are errors, 4xx are those of a client.
 */
const takeStatus = (tags: Tags, kind: number): Pick<Span, 'statusCode' | 'statusMessage'> => {
  const error = tags.value('error');
  const isError = error === true || error === 'true';
  const named = statusOf(tags.text('otel.status_code'));
  if (isError) tags.take('error');
  if (isError || named !== undefined) {
    tags.take('otel.status_code');
    const described = tags.takeText('otel.status_description');
    const message = described ?? (isError ? tags.text('http.status_message') : undefined);
    return { statusCode: isError ? 2 : (named ?? 0), statusMessage: message ?? '' };
  }
  const http = tags.value('http.status_code');
  const text = typeof http === 'object' ? '' : String(http ?? '');
  const status = /^\d{1,9}$/.test(text) ? Number(text) : 200;
  const isClients = status >= 400 && status < 500 && kind === SERVER;
  if ((status >= 100 && status < 400) || isClients) return { statusCode: 0, statusMessage: '' };
  return { statusCode: 2, statusMessage: tags.text('http.status_message') ?? '' };
};
