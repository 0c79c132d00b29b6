import { LIMITS } from '../../model/limits.ts';
import {
  EMPTY_SPAN,
  type Span,
  type SpanAttribute,
  type SpanEvent,
  type SpanKind,
  type SpanLink,
  type SpanValue,
} from '../../model/span.ts';
import type { EventSink } from './decode.ts';
import { idOfText, SPAN_ID_DIGITS, TRACE_ID_DIGITS } from './span-id.ts';
import { kindOf, statusOf, takeCommon, Tags } from './span-tags.ts';
import { MAX_TIME_NS, nsOfMicros, type BadSpan } from './span-time.ts';
import { eventOf, linkOf } from './zipkin-event.ts';

/**
 * A span as Zipkin has it (openzipkin/zipkin-api, zipkin.proto), from whichever encoding, and how
 * it becomes OpenTelemetry's (opentelemetry-specification, trace/sdk_exporters/zipkin.md, read
 * backwards; and the collector's translator, open-telemetry/opentelemetry-collector-contrib,
 * pkg/translator/zipkin):
 *
 *     localEndpoint.serviceName    resource service.name
 *     localEndpoint.ipv4|6, port   network.local.address, network.local.port
 *     remoteEndpoint.serviceName   peer.service
 *     remoteEndpoint.ipv4|6, port  network.peer.address, network.peer.port
 *     annotations, tags            events, attributes; names of resources to the resource
 *     shared, debug                zipkin.shared, zipkin.debug
 *     no kind                      internal
 *     no timestamp                 time of receipt, and otel.zipkin.absentField.startTime
 *     tag error                    status error, but for `false`; its text is the message
 *     tags of OpenTelemetry        where they came from (span-tags.ts)
 *
 * A tag that already has one of these names stays, and the endpoint's value goes under
 * `zipkin.local.` or `zipkin.remote.` `service`, `ipv4`, `ipv6`, `port`; so does `ipv6` beside
 * `ipv4`. So the Zipkin span can be told again.
 */
export interface ZipkinSpan {
  traceId: string | undefined;
  id: string | undefined;
  parentId: string | undefined;
  name: string;
  kind: SpanKind;
  /** Microseconds since 1970; 0 where there is none. */
  timestamp: bigint;
  /** Microseconds; 0 where there is none. */
  duration: bigint;
  local: ZipkinEndpoint | undefined;
  remote: ZipkinEndpoint | undefined;
  annotations: ZipkinAnnotation[];
  tags: SpanAttribute[];
  shared: boolean;
  debug: boolean;
  /** Annotations and tags that were over `LIMITS.spanItems`. */
  droppedAnnotations: number;
  droppedTags: number;
}

export interface ZipkinEndpoint {
  service: string;
  ipv4: string;
  ipv6: string;
  /** 0 where there is none. */
  port: number;
}

export interface ZipkinAnnotation {
  readonly timestamp: bigint;
  readonly value: string;
}

export const newZipkinSpan = (): ZipkinSpan => ({
  traceId: undefined,
  id: undefined,
  parentId: undefined,
  name: '',
  kind: 0,
  timestamp: 0n,
  duration: 0n,
  local: undefined,
  remote: undefined,
  annotations: [],
  tags: [],
  shared: false,
  debug: false,
  droppedAnnotations: 0,
  droppedTags: 0,
});

export const putTag = (span: ZipkinSpan, key: string, value: SpanValue): void => {
  if (span.tags.length < LIMITS.spanItems) span.tags.push({ key, value });
  else span.droppedTags++;
};

export const putAnnotation = (span: ZipkinSpan, timestamp: bigint, value: string): void => {
  if (span.annotations.length < LIMITS.spanItems) span.annotations.push({ timestamp, value });
  else span.droppedAnnotations++;
};

/** Gives the sink the span, or counts why not. */
export const giveSpan = (zipkin: ZipkinSpan, sink: EventSink, sample: () => Uint8Array): void => {
  const span = spanOf(zipkin, sink.observedSec);
  if (typeof span === 'string') sink.reject(span, sample());
  else sink.span(span);
};

export const spanOf = (zipkin: ZipkinSpan, observedSec: number): Span | BadSpan => {
  const traceId = idOfText(zipkin.traceId, TRACE_ID_DIGITS);
  const spanId = idOfText(zipkin.id, SPAN_ID_DIGITS);
  if (traceId === undefined) return 'bad_trace_id';
  if (spanId === undefined) return 'bad_span_id';
  const parent = parentOf(zipkin.parentId, spanId);
  if (parent === undefined) return 'bad_span_id';
  const absent = zipkin.timestamp === 0n;
  const startNs = absent ? BigInt(observedSec) * 1_000_000_000n : nsOfMicros(zipkin.timestamp);
  const durationNs = nsOfMicros(zipkin.duration);
  if (startNs === undefined || durationNs === undefined) return 'bad_timestamp';
  const endNs = startNs + durationNs;
  if (endNs > MAX_TIME_NS) return 'bad_timestamp';
  const events: SpanEvent[] = [];
  for (const { timestamp, value } of zipkin.annotations) {
    const timeNs = timestamp === 0n ? startNs : nsOfMicros(timestamp);
    if (timeNs === undefined) return 'bad_timestamp';
    events.push(eventOf(timeNs, value));
  }
  const tags = new Tags(zipkin.tags);
  const common = takeCommon(tags);
  const kind = takeKind(zipkin.kind, tags);
  const status = takeStatus(tags);
  return {
    ...EMPTY_SPAN,
    ...common,
    ...status,
    ...restOf(zipkin, tags, absent),
    traceId,
    spanId,
    parentSpanId: parent,
    name: zipkin.name,
    kind,
    startNs,
    endNs,
    events,
    droppedAttributes: common.droppedAttributes + zipkin.droppedTags,
    droppedEvents: common.droppedEvents + zipkin.droppedAnnotations,
  };
};

/** '' for a root, which some senders write as zero or as the span itself; undefined: bad. */
const parentOf = (text: string | undefined, spanId: string): string | undefined => {
  if (text === undefined || /^0{0,16}$/.test(text)) return '';
  const id = idOfText(text, SPAN_ID_DIGITS);
  return id === spanId ? '' : id;
};

const takeKind = (kind: SpanKind, tags: Tags): SpanKind => {
  if (kind !== 0) return kind;
  const named = kindOf(tags.text('span.kind'));
  if (named === 1) tags.take('span.kind');
  return named === 0 ? 1 : named;
};

const takeStatus = (tags: Tags): Pick<Span, 'statusCode' | 'statusMessage'> => {
  const error = tags.text('error');
  const statusCode = statusOf(tags.text('otel.status_code'));
  if (statusCode === undefined) {
    if (error === undefined || error === 'false') return { statusCode: 0, statusMessage: '' };
    if (error === 'true') tags.take('error');
    return { statusCode: 2, statusMessage: error === 'true' ? '' : error };
  }
  tags.take('otel.status_code');
  const described = tags.takeText('otel.status_description');
  if (statusCode !== 2) return { statusCode, statusMessage: described ?? '' };
  tags.take('error');
  return { statusCode, statusMessage: described ?? (error === 'true' ? '' : (error ?? '')) };
};

/** What the collector calls a service without a name. */
const NO_SERVICE = 'OTLPResourceNoServiceName';

const restOf = (
  zipkin: ZipkinSpan,
  tags: Tags,
  timestampAbsent: boolean,
): Pick<Span, 'resource' | 'attributes' | 'links'> => {
  const { local, remote } = zipkin;
  const service = local?.service === NO_SERVICE ? '' : (local?.service ?? '');
  const named = tags.text('service.name');
  // The endpoint has the name; where the tag has another it stays an attribute.
  if (service !== '') tags.take('service.name');
  const { attributes: left, resource } = tags.rest(true);
  const links: SpanLink[] = [];
  const attributes = left.filter(({ key, value }) => {
    const link = key.startsWith('otlp.link.') ? linkOf(value) : undefined;
    if (link !== undefined) links.push(link);
    return link === undefined;
  });
  if (service !== '') {
    if (named !== undefined && named !== service) {
      attributes.push({ key: 'service.name', value: named });
    }
    resource.unshift({ key: 'service.name', value: service });
  }
  const put = putUnless(attributes);
  putEndpoint(put, 'local', local);
  if (remote !== undefined && remote.service !== '') {
    put('peer.service', 'zipkin.remote.service', remote.service);
  }
  putEndpoint(put, 'peer', remote);
  if (zipkin.shared) attributes.push({ key: 'zipkin.shared', value: true });
  if (zipkin.debug) attributes.push({ key: 'zipkin.debug', value: true });
  if (timestampAbsent) attributes.push({ key: 'otel.zipkin.absentField.startTime', value: true });
  return { resource, attributes, links };
};

type Put = (key: string, otherwise: string, value: SpanValue) => void;

/** Puts a value under `key`, or under `otherwise` where a tag has that name. */
const putUnless = (attributes: SpanAttribute[]): Put => {
  const names = new Set<string>();
  for (const { key } of attributes) if (NETWORK_NAME.test(key)) names.add(key);
  return (key, otherwise, value) => {
    attributes.push({ key: names.has(key) ? otherwise : key, value });
    names.add(key);
  };
};

const NETWORK_NAME = /^(?:peer\.service|network\.(?:local|peer)\.(?:address|port))$/;

const putEndpoint = (
  put: Put,
  side: 'local' | 'peer',
  endpoint: ZipkinEndpoint | undefined,
): void => {
  if (endpoint === undefined) return;
  const { ipv4, ipv6, port } = endpoint;
  const kept = side === 'local' ? 'zipkin.local' : 'zipkin.remote';
  if (ipv4 !== '') put(`network.${side}.address`, `${kept}.ipv4`, ipv4);
  if (ipv6 !== '') put(`network.${side}.address`, `${kept}.ipv6`, ipv6);
  if (port !== 0) put(`network.${side}.port`, `${kept}.port`, BigInt(port));
};
