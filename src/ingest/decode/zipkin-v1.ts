import type { SpanKind, SpanValue } from '../../model/span.ts';
import {
  newZipkinSpan,
  putAnnotation,
  putTag,
  type ZipkinEndpoint,
  type ZipkinSpan,
} from './zipkin-span.ts';

/**
 * A span of Zipkin's first model (openzipkin/zipkin-api, zipkin-api.yaml and
 * thrift/zipkinCore.thrift), in which both sides of a call share one span and each annotation says
 * who made it; and how it is taken apart into spans of the second model, one a service, as
 * openzipkin/zipkin, zipkin2/v1/V1SpanConverter.java does:
 *
 *     cs..cr client, sr..ss server, ms..ws producer, wr..mr consumer: kind, timestamp, duration
 *     cs and sr in one span: the server's half is `shared`, and timed by its own annotations
 *     ca, sa, ma: the remote endpoint of the other half
 *     lc: marks a local span, and says nothing else
 *     other annotations and binary annotations: annotations and tags of their endpoint's half
 */
export interface V1Span {
  readonly base: Pick<ZipkinSpan, 'traceId' | 'id' | 'parentId' | 'name' | 'debug'>;
  /** Microseconds; 0 where there is none. */
  readonly timestamp: bigint;
  readonly duration: bigint;
  readonly annotations: readonly V1Annotation[];
  readonly binaryAnnotations: readonly V1BinaryAnnotation[];
  /** What was over the limit. */
  readonly dropped: { readonly annotations: number; readonly tags: number };
}

export interface V1Annotation {
  readonly timestamp: bigint;
  readonly value: string;
  readonly endpoint: ZipkinEndpoint | undefined;
}

export interface V1BinaryAnnotation {
  readonly key: string;
  /** `true` in an address annotation. */
  readonly value: SpanValue;
  readonly endpoint: ZipkinEndpoint | undefined;
}

const CLIENT: SpanKind = 3;
const SERVER: SpanKind = 2;
const PRODUCER: SpanKind = 4;
const CONSUMER: SpanKind = 5;

/** The annotations that are times of a call or a message, and whose half they begin or end. */
const CORE: Readonly<Record<string, SpanKind>> = {
  cs: CLIENT,
  cr: CLIENT,
  sr: SERVER,
  ss: SERVER,
  ms: PRODUCER,
  mr: CONSUMER,
  ws: 0,
  wr: 0,
};
type Core = Partial<Record<string, V1Annotation & { readonly endpoint: ZipkinEndpoint }>>;

export const convertV1 = (span: V1Span): readonly ZipkinSpan[] => {
  const halves = new Halves(span);
  const core = spread(span, halves);
  timeCall(span, halves, core);
  timeMessage(span, halves, core);
  tag(span, halves, core);
  halves.first.droppedAnnotations += span.dropped.annotations;
  halves.first.droppedTags += span.dropped.tags;
  return halves.all;
};

const sameService = (a: ZipkinEndpoint, b: ZipkinEndpoint): boolean => a.service === b.service;

/** The spans that one becomes: one a service, the first of which takes what says no endpoint. */
class Halves {
  readonly all: ZipkinSpan[] = [];
  readonly first: ZipkinSpan;
  private readonly base: V1Span['base'];
  private readonly byService = new Map<string, ZipkinSpan>();

  constructor({ base }: V1Span) {
    this.base = base;
    this.first = this.add();
  }

  of(endpoint: ZipkinEndpoint | undefined): ZipkinSpan {
    if (endpoint === undefined) return this.first;
    const known = this.byService.get(endpoint.service);
    if (known !== undefined) return known;
    return this.claim(this.first.local === undefined ? this.first : this.add(), endpoint);
  }

  /** A span of its own, for a service that calls itself. */
  fork(endpoint: ZipkinEndpoint): ZipkinSpan {
    return this.claim(this.add(), endpoint);
  }

  private claim(span: ZipkinSpan, endpoint: ZipkinEndpoint): ZipkinSpan {
    span.local = endpoint;
    if (!this.byService.has(endpoint.service)) this.byService.set(endpoint.service, span);
    return span;
  }

  private add(): ZipkinSpan {
    const span = { ...newZipkinSpan(), ...this.base };
    this.all.push(span);
    return span;
  }
}

/** Gives annotations to their halves; core ones set the kind and are kept for the times. */
const spread = (span: V1Span, halves: Halves): Core => {
  const core: Core = {};
  for (const annotation of span.annotations) {
    const { timestamp, value, endpoint } = annotation;
    const half = halves.of(endpoint);
    const kind = value.length === 2 && Object.hasOwn(CORE, value) ? CORE[value] : undefined;
    // A core annotation without an endpoint says nothing about a side.
    if (kind === undefined || endpoint === undefined) putAnnotation(half, timestamp, value);
    else {
      if (kind !== 0) half.kind = kind;
      core[value] = { ...annotation, endpoint };
    }
  }
  // Tracers that know the duration may leave the first annotation out.
  for (const [begin, end] of [
    ['cs', 'cr'],
    ['sr', 'ss'],
  ] as const) {
    const last = core[end];
    const isEnd = span.timestamp !== 0n && span.duration !== 0n;
    if (core[begin] !== undefined || last === undefined || !isEnd) continue;
    if (span.timestamp + span.duration !== last.timestamp) continue;
    core[begin] = { ...last, timestamp: span.timestamp, value: begin };
  }
  return core;
};

/** Times without sense are none. */
const between = (start: bigint, end: bigint): bigint => (end > start ? end - start : 0n);

/** The span's own times where it has both, else those of its first and last annotation. */
const setTimes = (
  span: V1Span,
  halves: Halves,
  begin: V1Annotation,
  end: V1Annotation | undefined,
): void => {
  const half = halves.of(begin.endpoint);
  if (span.timestamp !== 0n && span.duration !== 0n) {
    half.timestamp = span.timestamp;
    half.duration = span.duration;
  } else {
    half.timestamp = begin.timestamp;
    if (end !== undefined) half.duration = between(begin.timestamp, end.timestamp);
  }
};

const timeCall = (span: V1Span, halves: Halves, { cs, cr, sr, ss }: Core): void => {
  if (cs !== undefined && sr !== undefined) {
    setTimes(span, halves, cs, cr);
    const client = halves.of(cs.endpoint);
    let server: ZipkinSpan;
    if (sameService(cs.endpoint, sr.endpoint)) {
      client.kind = CLIENT;
      server = halves.fork(sr.endpoint);
      server.kind = SERVER;
    } else server = halves.of(sr.endpoint);
    server.shared = true;
    server.timestamp = sr.timestamp;
    server.duration = ss === undefined ? 0n : between(sr.timestamp, ss.timestamp);
    if (cr === undefined && span.duration === 0n) client.duration = 0n;
  } else if (cs !== undefined && cr !== undefined) setTimes(span, halves, cs, cr);
  else if (sr !== undefined && ss !== undefined) setTimes(span, halves, sr, ss);
  else keepIncomplete(span, halves, { cs, cr, sr, ss });
  // The first model says by an absent timestamp that another began the span.
  const begunElsewhere = span.timestamp === 0n || (ss !== undefined && span.duration === 0n);
  if (cs === undefined && sr !== undefined && begunElsewhere) halves.of(sr.endpoint).shared = true;
};

/** Half a pair: its beginning is the time, its end stays an annotation. */
const keepIncomplete = (span: V1Span, halves: Halves, { cs, cr, sr, ss }: Core): void => {
  for (const half of halves.all) {
    const isClient = half.kind === CLIENT;
    if (!isClient && half.kind !== SERVER) continue;
    const [begin, end] = isClient ? [cs, cr] : [sr, ss];
    if (begin !== undefined) half.timestamp = begin.timestamp;
    if (end !== undefined) putAnnotation(half, end.timestamp, end.value);
  }
  if (span.timestamp !== 0n) {
    halves.first.timestamp = span.timestamp;
    halves.first.duration = span.duration;
  }
};

const timeMessage = (span: V1Span, halves: Halves, { ms, mr, ws, wr }: Core): void => {
  if (ms !== undefined && mr !== undefined) {
    const producer = halves.of(ms.endpoint);
    let consumer: ZipkinSpan;
    if (sameService(ms.endpoint, mr.endpoint)) {
      producer.kind = PRODUCER;
      consumer = halves.fork(mr.endpoint);
      consumer.kind = CONSUMER;
    } else consumer = halves.of(mr.endpoint);
    consumer.shared = true;
    consumer.timestamp = (wr ?? mr).timestamp;
    consumer.duration = wr === undefined ? 0n : between(wr.timestamp, mr.timestamp);
    producer.timestamp = ms.timestamp;
    producer.duration = ws === undefined ? 0n : between(ms.timestamp, ws.timestamp);
  } else if (ms !== undefined) setTimes(span, halves, ms, ws);
  else if (mr !== undefined) {
    if (wr === undefined) setTimes(span, halves, mr, undefined);
    else setTimes(span, halves, wr, mr);
  } else {
    for (const one of [ws, wr]) {
      if (one !== undefined) putAnnotation(halves.of(one.endpoint), one.timestamp, one.value);
    }
  }
};

const ADDRESSES = new Set(['ca', 'sa', 'ma']);

const tag = (span: V1Span, halves: Halves, core: Core): void => {
  const address: Partial<Record<string, ZipkinEndpoint>> = {};
  for (const { key, value, endpoint } of span.binaryAnnotations) {
    if (value === true && endpoint !== undefined && ADDRESSES.has(key)) address[key] = endpoint;
    else if (key !== 'lc' || value !== '') putTag(halves.of(endpoint), key, value);
    else halves.of(endpoint);
  }
  const { ca, sa, ma } = address;
  const { cs, cr, sr, ss, ms, mr } = core;
  const client = cs ?? cr;
  const server = sr ?? ss;
  if (client === undefined && server === undefined && (ca !== undefined || sa !== undefined)) {
    if (ca !== undefined && sa !== undefined) halves.of(ca).remote = sa;
    else halves.first.remote = ca ?? sa;
    // A client's address alone is what a server knows.
    if (sa === undefined) halves.first.kind = SERVER;
    return;
  }
  if (ca !== undefined && server !== undefined && !sameEndpoint(ca, server.endpoint)) {
    // Finagle puts its own name on the other side's address.
    const isOwn = sameService(ca, server.endpoint);
    halves.of(server.endpoint).remote = isOwn ? { ...ca, service: '' } : ca;
  }
  if (sa !== undefined && client !== undefined) halves.of(client.endpoint).remote = sa;
  if (ma === undefined) return;
  if (ms !== undefined) halves.of(ms.endpoint).remote = ma;
  if (mr !== undefined) halves.of(mr.endpoint).remote = ma;
};

const sameEndpoint = (a: ZipkinEndpoint, b: ZipkinEndpoint): boolean =>
  sameService(a, b) && a.ipv4 === b.ipv4 && a.ipv6 === b.ipv6 && a.port === b.port;
