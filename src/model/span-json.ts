import type { SpanAttribute, SpanEvent, SpanLink, SpanValue } from './span.ts';

/**
 * OTLP's JSON of what spans hold (opentelemetry-proto, docs/specification.md, "JSON Protobuf
 * Encoding"; protobuf.dev, "ProtoJSON"): ids in hexadecimal, 64-bit integers as strings, what says
 * nothing left out.
 */

/** A double: a negative zero keeps its sign, what JSON has no number for is a string. */
export const doubleJson = (value: number): string => {
  if (Object.is(value, -0)) return '-0';
  return Number.isFinite(value) ? String(value) : `"${String(value)}"`;
};

/** An AnyValue. */
export const valueJson = (value: SpanValue): string => {
  switch (typeof value) {
    case 'string':
      return `{"stringValue":${JSON.stringify(value)}}`;
    case 'boolean':
      return value ? '{"boolValue":true}' : '{"boolValue":false}';
    case 'bigint':
      return `{"intValue":"${value}"}`;
    case 'number':
      return `{"doubleValue":${doubleJson(value)}}`;
    default:
      return value.json;
  }
};

/** Key and value. */
export const attributeJson = ({ key, value }: SpanAttribute): string =>
  `{"key":${JSON.stringify(key)},"value":${valueJson(value)}}`;

export const attributesJson = (attributes: readonly SpanAttribute[]): string =>
  `[${attributes.map(attributeJson).join(',')}]`;

const member = (name: string, json: string): string => `,"${name}":${json}`;
export const textMember = (name: string, text: string): string =>
  text === '' ? '' : member(name, JSON.stringify(text));
export const countMember = (name: string, count: number): string =>
  count === 0 ? '' : member(name, String(count));
export const listMember = (name: string, json: string): string =>
  json === '' || json === '[]' ? '' : member(name, json);

export const eventJson = (event: SpanEvent): string =>
  `{"timeUnixNano":"${event.timeNs}"` +
  textMember('name', event.name) +
  listMember('attributes', attributesJson(event.attributes)) +
  countMember('droppedAttributesCount', event.droppedAttributes) +
  '}';

export const linkJson = (link: SpanLink): string =>
  `{"traceId":${JSON.stringify(link.traceId)},"spanId":${JSON.stringify(link.spanId)}` +
  textMember('traceState', link.traceState) +
  listMember('attributes', attributesJson(link.attributes)) +
  countMember('droppedAttributesCount', link.droppedAttributes) +
  countMember('flags', link.flags) +
  '}';

/** Events or links as they are stored: a JSON array, '' where there are none. */
export const eventsJson = (events: readonly SpanEvent[]): string =>
  events.length === 0 ? '' : `[${events.map(eventJson).join(',')}]`;
export const linksJson = (links: readonly SpanLink[]): string =>
  links.length === 0 ? '' : `[${links.map(linkJson).join(',')}]`;
