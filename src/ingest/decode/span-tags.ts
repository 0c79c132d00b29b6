import type { Span, SpanAttribute, SpanKind, SpanValue, StatusCode } from '../../model/span.ts';

/**
 * Tags of Zipkin and Jaeger in which OpenTelemetry's exporters carry what these have no field for
 * (opentelemetry-specification, common/mapping-to-non-otlp.md and trace/sdk_exporters): they go
 * back to where they came from, so that a service looks alike whichever way it reports.
 */
const KNOWN = new Set([
  'error',
  'http.status_code',
  'http.status_message',
  'otel.dropped_attributes_count',
  'otel.dropped_events_count',
  'otel.dropped_links_count',
  'otel.event.dropped_attributes_count',
  'event',
  'otel.library.name',
  'otel.library.version',
  'otel.scope.name',
  'otel.scope.version',
  'otel.status_code',
  'otel.status_description',
  'peer.service',
  'service.name',
  'span.kind',
  'telemetry.sdk.name',
  'w3c.tracestate',
]);

/** A list of tags, of which those above can be looked up, and taken out. */
export class Tags {
  readonly list: readonly SpanAttribute[];
  private readonly places = new Map<string, number>();
  private readonly taken = new Set<number>();

  constructor(list: readonly SpanAttribute[]) {
    this.list = list;
    for (let i = 0; i < list.length; i++) {
      const { key } = list[i] as SpanAttribute;
      if (KNOWN.has(key) && !this.places.has(key)) this.places.set(key, i);
    }
  }

  /** The first value under a name of `KNOWN`. */
  value(key: string): SpanValue | undefined {
    const place = this.places.get(key);
    return place === undefined || this.taken.has(place) ? undefined : this.list[place]?.value;
  }

  /** The same where it is a string. */
  text(key: string): string | undefined {
    const value = this.value(key);
    return typeof value === 'string' ? value : undefined;
  }

  /** Says that the tag has found its field. */
  take(key: string): void {
    const place = this.places.get(key);
    if (place !== undefined) this.taken.add(place);
  }

  takeText(key: string): string | undefined {
    const text = this.text(key);
    if (text !== undefined) this.take(key);
    return text;
  }

  /** What a sender did not send: a whole number below 2^32, 0 where there is none. */
  takeCount(key: string): number {
    const value = this.value(key);
    if (value === undefined || typeof value === 'object' || value === '') return 0;
    const count = Number(value);
    if (!Number.isInteger(count) || count < 0 || count > 0xffffffff) return 0;
    this.take(key);
    return count;
  }

  /** All that was not taken, in its order; those named after resources apart if `split`. */
  rest(split: boolean): { attributes: SpanAttribute[]; resource: SpanAttribute[] } {
    const attributes: SpanAttribute[] = [];
    const resource: SpanAttribute[] = [];
    for (let i = 0; i < this.list.length; i++) {
      const tag = this.list[i] as SpanAttribute;
      if (this.taken.has(i)) continue;
      (split && isResourceName(tag.key) ? resource : attributes).push(tag);
    }
    return { attributes, resource };
  }
}

/**
 * Names that the semantic conventions give to resources alone: exporters that know no resource put
 * them among the span's tags.
 */
const RESOURCE_NAME = new RegExp(
  '^(?:(?:service|telemetry|host|os|process|container|k8s|cloud|deployment|device|webengine' +
    '|aws\\.(?:ecs|eks|log)|gcp\\.(?:cloud_run|gce)|heroku)\\.' +
    '|faas\\.(?:name|version|instance|max_memory|id)$)',
);

const isResourceName = (key: string): boolean => RESOURCE_NAME.test(key);

type CommonFields = Pick<
  Span,
  | 'traceState'
  | 'scopeName'
  | 'scopeVersion'
  | 'droppedAttributes'
  | 'droppedEvents'
  | 'droppedLinks'
>;

/** The fields that both protocols carry in tags of the same names. */
export const takeCommon = (tags: Tags): CommonFields => {
  const scope = tags.takeText('otel.scope.name');
  const version = tags.takeText('otel.scope.version');
  // The names of before 2022: newer exporters write both.
  const library = tags.takeText('otel.library.name');
  const libraryVersion = tags.takeText('otel.library.version');
  return {
    traceState: tags.takeText('w3c.tracestate') ?? '',
    scopeName: scope ?? library ?? '',
    scopeVersion: version ?? libraryVersion ?? '',
    droppedAttributes: tags.takeCount('otel.dropped_attributes_count'),
    droppedEvents: tags.takeCount('otel.dropped_events_count'),
    droppedLinks: tags.takeCount('otel.dropped_links_count'),
  };
};

const KINDS: Readonly<Record<string, SpanKind>> = {
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
};

/** A kind by its name in any case; 0 where it is none. */
export const kindOf = (name: string | undefined): SpanKind => {
  const word = (name ?? '').toLowerCase();
  return Object.hasOwn(KINDS, word) ? (KINDS[word] as SpanKind) : 0;
};

const STATUS: Readonly<Record<string, StatusCode>> = { UNSET: 0, OK: 1, ERROR: 2 };

/** `OK`, `error`, `STATUS_CODE_OK`; undefined where it is no status. */
export const statusOf = (name: string | undefined): StatusCode | undefined => {
  const word = (name ?? '').toUpperCase().replace(/^STATUS_CODE_/, '');
  return Object.hasOwn(STATUS, word) ? STATUS[word] : undefined;
};
