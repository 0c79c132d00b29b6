import { eventually, type RunningServer } from './running-server.ts';

/** What `GET /api/v1/traces/{id}` gives, with attributes as an object. */
export interface FoundSpan {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
  readonly message: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly scope: string;
  readonly events: readonly { readonly name: string; readonly attributes: object }[];
  readonly links: readonly FoundLink[];
}

export interface FoundLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: object;
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface JsonSpan {
  readonly name?: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind?: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { readonly code?: number; readonly message?: string };
  readonly attributes?: readonly KeyValue[];
  readonly resource?: { readonly attributes?: readonly KeyValue[] };
  readonly scope?: { readonly name?: string };
  readonly events?: readonly { readonly name?: string; readonly attributes?: KeyValue[] }[];
  readonly links?: readonly (Omit<FoundLink, 'attributes'> & { attributes?: KeyValue[] })[];
}

/** `{"intValue":"5"}` stays so, as a string would look the same; strings are themselves. */
const objectOf = (list: readonly KeyValue[] = []): Record<string, unknown> =>
  Object.fromEntries(list.map(({ key, value }) => [key, value['stringValue'] ?? value]));

/** The spans of a trace; none where the server knows none of them. */
export const traceOf = async (server: RunningServer, id: string): Promise<FoundSpan[]> => {
  const answer = await fetch(`${server.url}/api/v1/traces/${id}`, { headers: server.headers });
  const text = await answer.text();
  if (answer.status === 404) return [];
  if (answer.status !== 200) throw new Error(`${answer.status}: ${text}`);
  const { spans } = JSON.parse(text) as { spans: readonly JsonSpan[] };
  return spans.map((span) => ({
    name: span.name ?? '',
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? '',
    kind: span.kind ?? 0,
    startNs: BigInt(span.startTimeUnixNano),
    endNs: BigInt(span.endTimeUnixNano),
    status: span.status?.code ?? 0,
    message: span.status?.message ?? '',
    attributes: objectOf(span.attributes),
    resource: objectOf(span.resource?.attributes),
    scope: span.scope?.name ?? '',
    events: (span.events ?? []).map(({ name = '', attributes }) => ({
      name,
      attributes: objectOf(attributes),
    })),
    links: (span.links ?? []).map((link) => ({ ...link, attributes: objectOf(link.attributes) })),
  }));
};

/** The same once there are `count` of them: for senders that hear of no acknowledgement. */
export const traceOnce = (server: RunningServer, id: string, count: number): Promise<FoundSpan[]> =>
  eventually(
    () => traceOf(server, id),
    ({ length }) => length >= count,
  );

/** The spans by name. */
export const named = (spans: readonly FoundSpan[], name: string): FoundSpan[] =>
  spans.filter((span) => span.name === name);
