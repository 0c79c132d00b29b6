import { attributeJson, countMember, listMember, textMember, attributesJson } from './span-json.ts';
import { attributesOf, typesOf, type TextPairs } from './span-pairs.ts';
import type { SpanAttribute, SpanKind, StatusCode } from './span.ts';

/** A stored span's columns (span-columns.ts) as whoever read them has them. */
export interface SpanRow {
  readonly timestampNs: bigint;
  readonly durationNs: bigint;
  readonly service: string;
  readonly name: string;
  readonly scopeName: string;
  readonly scopeVersion: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly statusMessage: string;
  /** OTLP's JSON arrays, '' where there are none. */
  readonly events: string;
  readonly links: string;
  readonly kind: SpanKind;
  readonly statusCode: StatusCode;
  readonly flags: number;
  readonly droppedAttributes: number;
  readonly droppedEvents: number;
  readonly droppedLinks: number;
  readonly resource: TextPairs;
  readonly scope: TextPairs;
  readonly attributes: TextPairs;
  readonly valueTypes: TextPairs;
}

/** A stored span: as it was sent, but that events and links are OTLP's JSON. */
export interface StoredSpan extends Omit<
  SpanRow,
  'timestampNs' | 'durationNs' | 'resource' | 'scope' | 'attributes' | 'valueTypes'
> {
  /** As the sender said it; 0n where it said nothing. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly resource: readonly SpanAttribute[];
  readonly scope: readonly SpanAttribute[];
  readonly attributes: readonly SpanAttribute[];
}

export const storedSpan = (row: SpanRow): StoredSpan => {
  const { timestampNs, durationNs, valueTypes, resource, scope, attributes, ...same } = row;
  const types = typesOf(valueTypes);
  const start = types.get('t:start')?.[0];
  const end = types.get('t:end')?.[0];
  const startNs = start === undefined ? timestampNs : BigInt(start);
  return {
    ...same,
    startNs,
    endNs: end === undefined ? startNs + durationNs : BigInt(end),
    resource: attributesOf(resource, 'r:', types),
    scope: attributesOf(scope, 's:', types),
    attributes: attributesOf(attributes, 'a:', types),
  };
};

/**
 * A span as OTLP's JSON has it, with its `resource` and `scope` beside it, since it stands alone.
 */
export const storedSpanJson = (span: StoredSpan): string => {
  const status = textMember('message', span.statusMessage) + countMember('code', span.statusCode);
  const scope =
    textMember('name', span.scopeName) +
    textMember('version', span.scopeVersion) +
    listMember('attributes', attributesJson(span.scope));
  return (
    `{"traceId":"${span.traceId}","spanId":"${span.spanId}"` +
    textMember('traceState', span.traceState) +
    textMember('parentSpanId', span.parentSpanId) +
    countMember('flags', span.flags) +
    `,"name":${JSON.stringify(span.name)},"kind":${span.kind}` +
    `,"startTimeUnixNano":"${span.startNs}","endTimeUnixNano":"${span.endNs}"` +
    `,"attributes":[${span.attributes.map(attributeJson).join(',')}]` +
    countMember('droppedAttributesCount', span.droppedAttributes) +
    `,"events":${span.events === '' ? '[]' : span.events}` +
    countMember('droppedEventsCount', span.droppedEvents) +
    `,"links":${span.links === '' ? '[]' : span.links}` +
    countMember('droppedLinksCount', span.droppedLinks) +
    `,"status":{${status.slice(1)}}` +
    `,"resource":{"attributes":${attributesJson(span.resource)}}` +
    `,"scope":{${scope.slice(1)}}}`
  );
};
