import { LIMITS } from '../../model/limits.ts';
import type { SpanAttribute, SpanEvent, SpanLink, SpanValue } from '../../model/span.ts';
import { idOfText, SPAN_ID_DIGITS, TRACE_ID_DIGITS } from './span-id.ts';

/**
 * Events with attributes, and links, which Zipkin has no place for: exporters write them as text.
 *
 *     "name": {"key":"value"}                  annotation (OpenTelemetry's specification)
 *     name|{"key":"value"}|0                   annotation (the collector); a count of dropped ones
 *     TRACE|SPAN|state|{"key":"value"}|0       tag otlp.link.N (the collector)
 *
 * Text that is not exactly one of these is the event's name, or stays a tag.
 */
const SPECIFIED = /^"((?:[^"\\]|\\.)*)" ?: ?(\{.*\})$/s;
const COLLECTED = /^([^|]*)\|(\{.*\}|null)\|(\d{1,10})$/s;
const LINKED = /^([0-9a-f]{32})\|([0-9a-f]{16})\|([^|]*)\|(\{.*\}|null)\|(\d{1,10})$/s;

export const eventOf = (timeNs: bigint, text: string): SpanEvent => {
  const plain = { timeNs, name: text, attributes: [], droppedAttributes: 0 };
  if (!text.endsWith('}') && !/\d$/.test(text)) return plain;
  if (text.length > LIMITS.spanTextLength) return plain;
  const specified = SPECIFIED.exec(text);
  if (specified !== null) {
    const attributes = attributesOf(specified[2]);
    return attributes === undefined ? plain : { ...plain, name: specified[1] ?? '', attributes };
  }
  const collected = COLLECTED.exec(text);
  const attributes = collected === null ? undefined : attributesOf(collected[2]);
  if (collected === null || attributes === undefined) return plain;
  return {
    timeNs,
    name: collected[1] ?? '',
    attributes,
    droppedAttributes: Number(collected[3]),
  };
};

/** The link of a tag `otlp.link.N`; undefined where the text is none. */
export const linkOf = (text: SpanValue): SpanLink | undefined => {
  if (typeof text !== 'string' || text.length > LIMITS.spanTextLength) return undefined;
  const found = LINKED.exec(text);
  if (found === null) return undefined;
  const traceId = idOfText(found[1], TRACE_ID_DIGITS);
  const spanId = idOfText(found[2], SPAN_ID_DIGITS);
  const attributes = attributesOf(found[4]);
  if (traceId === undefined || spanId === undefined || attributes === undefined) return undefined;
  const [traceState, dropped] = [found[3] ?? '', Number(found[5])];
  return { traceId, spanId, traceState, attributes, droppedAttributes: dropped, flags: 0 };
};

/** The members of a JSON object; undefined where it is none, or would lose something. */
const attributesOf = (text: string | undefined): SpanAttribute[] | undefined => {
  if (text === 'null') return [];
  const object = parse(text ?? '');
  if (typeof object !== 'object' || object === null) return undefined;
  const attributes: SpanAttribute[] = [];
  for (const [key, member] of Object.entries(object)) {
    const value = valueOf(member);
    if (value === undefined) return undefined;
    attributes.push({ key, value });
  }
  return attributes;
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const valueOf = (value: unknown): SpanValue | undefined => {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return numberOf(value);
  const json = anyValue(value, 0);
  return json === undefined ? undefined : { json: JSON.stringify(json) };
};

/** JSON writes integers and doubles alike; integers beyond 2^53 were rounded by reading them. */
const numberOf = (value: number): bigint | number | undefined => {
  if (!Number.isInteger(value)) return value;
  return Number.isSafeInteger(value) ? BigInt(value) : undefined;
};

/** Depth of arrays and objects in an event's attribute: deeper ones are left as text. */
const DEPTH = 16;

/** An AnyValue in OTLP's JSON. */
const anyValue = (value: unknown, depth: number): object | undefined => {
  if (value === null) return {};
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    const number = numberOf(value);
    if (number === undefined) return undefined;
    return typeof number === 'bigint' ? { intValue: String(number) } : { doubleValue: number };
  }
  if (depth >= DEPTH) return undefined;
  if (Array.isArray(value)) {
    const values = value.map((item) => anyValue(item, depth + 1));
    return values.includes(undefined) ? undefined : { arrayValue: { values } };
  }
  const values: object[] = [];
  for (const [key, member] of Object.entries(value as object)) {
    const inner = anyValue(member, depth + 1);
    if (inner === undefined) return undefined;
    values.push({ key, value: inner });
  }
  return { kvlistValue: { values } };
};
