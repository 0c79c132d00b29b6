import { LIMITS } from '../model/limits.ts';
import { eventJson, linkJson } from '../model/span-json.ts';
import {
  attributesBytes,
  type Span,
  type SpanAttribute,
  type SpanEvent,
  type SpanLink,
} from '../model/span.ts';

/** A span within the limits. */
export interface BoundSpan {
  readonly span: Span;
  /** Values that were cut. */
  readonly cut: number;
  /** Attributes, events and links that were left out. */
  readonly leftOut: number;
}

/** The mark of a span of which values were cut or left out: how many. */
const MARK = 'meshtrail_cut_values';

/**
 * Bounds what a span holds, as `boundValues` does for records: no text is longer than a line may
 * be, no list longer than its limit, all of it together fits a row. What is left out is added to
 * the span's own counts of what was dropped, and marked. Undefined for the usual span.
 */
export const boundSpan = (span: Span): BoundSpan | undefined =>
  fits(span) ? undefined : new Bounding().span(span);

/** Nothing can be too long where all of it together is not. */
const fits = (span: Span): boolean => {
  const { resource, scope, attributes, events, links } = span;
  const most = LIMITS.attributesPerRecord;
  if (resource.length > most || scope.length > most || attributes.length > most) return false;
  if (events.length > LIMITS.spanEvents || links.length > LIMITS.spanLinks) return false;
  let bytes = span.name.length + span.statusMessage.length + span.traceState.length;
  bytes += span.scopeName.length + span.scopeVersion.length;
  bytes += attributesBytes(resource) + attributesBytes(scope) + attributesBytes(attributes);
  for (const event of events) bytes += event.name.length + attributesBytes(event.attributes);
  for (const link of links) bytes += link.traceState.length + attributesBytes(link.attributes);
  // A character is up to three bytes.
  return 3 * bytes <= LIMITS.lineBytes;
};

class Bounding {
  private room: number = LIMITS.recordBytes;
  private cut = 0;
  private leftOut = 0;

  span(span: Span): BoundSpan {
    const texts = {
      name: this.text(span.name),
      statusMessage: this.text(span.statusMessage),
      traceState: this.text(span.traceState),
      scopeName: this.text(span.scopeName),
      scopeVersion: this.text(span.scopeVersion),
    };
    const [resource] = this.attributes(span.resource);
    const [scope] = this.attributes(span.scope);
    const [attributes, droppedAttributes] = this.attributes(span.attributes);
    const events = this.items<SpanEvent>(span.events, LIMITS.spanEvents, eventJson);
    const links = this.items<SpanLink>(span.links, LIMITS.spanLinks, linkJson);
    const { cut, leftOut } = this;
    if (cut + leftOut > 0) attributes.push({ key: MARK, value: BigInt(cut + leftOut) });
    const bound: Span = {
      ...span,
      ...texts,
      resource,
      scope,
      attributes,
      events: events.kept,
      links: links.kept,
      droppedAttributes: most(span.droppedAttributes + droppedAttributes),
      droppedEvents: most(span.droppedEvents + events.left),
      droppedLinks: most(span.droppedLinks + links.left),
    };
    return { span: bound, cut, leftOut };
  }

  private text(text: string): string {
    const kept = this.short(text);
    this.room -= Buffer.byteLength(kept);
    return kept;
  }

  /** The text as far as a line may be long, not ending inside a character. */
  private short(text: string): string {
    const bytes = Buffer.byteLength(text);
    if (bytes <= LIMITS.lineBytes) return text;
    this.cut++;
    const start = Buffer.from(text).subarray(0, LIMITS.lineBytes).toString('utf8');
    return start.replace(/\ufffd$/, '');
  }

  private attributes(list: readonly SpanAttribute[]): [kept: SpanAttribute[], left: number] {
    const kept: SpanAttribute[] = [];
    let left = 0;
    for (const { key, value } of list) {
      // Half of a JSON value says nothing.
      const isTooLong = typeof value === 'object' && value.json.length > LIMITS.lineBytes;
      const one = { key, value: typeof value === 'string' ? this.short(value) : value };
      const size = sizeOf(one);
      if (isTooLong || kept.length >= LIMITS.attributesPerRecord || size > this.room) left++;
      else {
        this.room -= size;
        kept.push(one);
      }
    }
    this.leftOut += left;
    return [kept, left];
  }

  private items<T>(
    list: readonly T[],
    limit: number,
    json: (item: T) => string,
  ): { kept: T[]; left: number } {
    const kept: T[] = [];
    for (const item of list) {
      if (kept.length >= limit) break;
      const size = Buffer.byteLength(json(item)) + 1;
      if (size > this.room) continue;
      this.room -= size;
      kept.push(item);
    }
    const left = list.length - kept.length;
    this.leftOut += left;
    return { kept, left };
  }
}

/** Bytes of an attribute, beside what its place takes. */
const sizeOf = ({ key, value }: SpanAttribute): number => {
  const text = typeof value === 'object' ? value.json : typeof value === 'string' ? value : '';
  return 32 + Buffer.byteLength(key) + Buffer.byteLength(text);
};

/** Counts are of 32 bits in OTLP. */
const most = (count: number): number => Math.min(count, 0xffffffff);
