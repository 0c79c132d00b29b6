import { keys, type Key } from './key.ts';
import { putKnownAttribute, settleNamespace } from './fields-resource.ts';
import { LogRecord, Pairs, Scratch } from './record.ts';
import { kindOfValue, putAttributes } from './span-pairs.ts';
import type { Span, SpanAttribute } from './span.ts';

const TIME_KEYS = { 't:start': keys.of('t:start'), 't:end': keys.of('t:end') } as const;

/**
 * What spans of one resource and scope share, worked out once for all that follow each other:
 * decoders give such spans the same arrays.
 */
export class SpanOrigins {
  readonly resource = new Pairs();
  readonly scope = new Pairs();
  /** The columns that the resource's attributes mean. */
  readonly who = new LogRecord();
  private readonly resourceTypes = new Pairs();
  private readonly scopeTypes = new Pairs();
  private readonly resourceScratch = new Scratch();
  private readonly scopeScratch = new Scratch();
  private lastResource: readonly SpanAttribute[] | undefined;
  private lastScope: readonly SpanAttribute[] | undefined;

  /** Brings everything here up to this span. */
  of(span: Span): this {
    if (span.resource !== this.lastResource) this.setResource(span.resource);
    if (span.scope !== this.lastScope) this.setScope(span.scope);
    return this;
  }

  timeKey(name: keyof typeof TIME_KEYS): Key {
    return TIME_KEYS[name];
  }

  /** Adds the types of resource and scope. */
  addTypes(types: Pairs): void {
    for (const { count, keys: names, bufs, starts, ends } of [this.resourceTypes, this.scopeTypes])
      for (let i = 0; i < count; i++)
        types.put(names[i] as Key, bufs[i] as Uint8Array, starts[i] as number, ends[i] as number);
  }

  release(): void {
    this.lastResource = undefined;
    this.lastScope = undefined;
    this.who.release();
    for (const pairs of [this.resource, this.scope, this.resourceTypes, this.scopeTypes])
      pairs.release();
    this.resourceScratch.release();
    this.scopeScratch.release();
  }

  private setResource(attributes: readonly SpanAttribute[]): void {
    const { resource, resourceTypes, resourceScratch, who } = this;
    this.lastResource = attributes;
    resource.clear();
    resourceTypes.clear();
    resourceScratch.used = 0;
    putAttributes(attributes, 'r:', resource, resourceTypes, resourceScratch);
    who.reset();
    attributes.forEach(({ value }, i) => {
      const [start, end] = [resource.starts[i] as number, resource.ends[i] as number];
      const [key, buf] = [resource.keys[i] as Key, resource.bufs[i] as Uint8Array];
      putKnownAttribute(who, key, kindOfValue(value), buf, start, end);
    });
    settleNamespace(who, resource);
  }

  private setScope(attributes: readonly SpanAttribute[]): void {
    const { scope, scopeTypes, scopeScratch } = this;
    this.lastScope = attributes;
    scope.clear();
    scopeTypes.clear();
    scopeScratch.used = 0;
    putAttributes(attributes, 's:', scope, scopeTypes, scopeScratch);
  }
}
