import type { Instance } from './deploys.ts';
import type { Operation } from './operations.ts';

/** One customer's request and everything that it sets off. Times are microseconds since 1970. */
export interface Journey {
  readonly traceId: string;
  /** x-request-id, made by the first proxy. */
  readonly requestId: string;
  readonly userAgent: string;
  readonly clientAddress: string;
  readonly subject: Subject;
  readonly root: Call;
}

/** What a request is about; fills the holes of paths and messages. */
export interface Subject {
  readonly sku: string;
  readonly order: string;
  readonly user: string;
  readonly word: string;
  readonly asset: string;
}

/** A call as its caller sees it: one request to its proxy, whatever that one tries. */
export interface Call {
  readonly operation: Operation;
  /** Undefined for a customer's browser. */
  readonly caller: Instance | undefined;
  readonly callerPort: number;
  /** The instance tried last; undefined where none was healthy. */
  readonly upstream: Instance | undefined;
  readonly startUs: number;
  readonly endUs: number;
  /** The status that the caller gets. */
  readonly status: number;
  /** Envoy's %RESPONSE_FLAGS%, '-' where there are none. */
  readonly flags: string;
  /** Envoy's %RESPONSE_CODE_DETAILS%. */
  readonly details: string;
  /** Envoy's %UPSTREAM_TRANSPORT_FAILURE_REASON%, '' where there is none. */
  readonly transportFailure: string;
  /** Visits that the call caused, the retries of the proxy among them. */
  readonly visits: readonly Visit[];
}

/** A request as the one who serves it sees it. */
export interface Visit {
  readonly operation: Operation;
  readonly instance: Instance;
  readonly caller: Instance | undefined;
  readonly callerPort: number;
  readonly spanId: string;
  readonly parentSpanId: string;
  /** When its proxy has the request, and the whole answer is sent. */
  readonly startUs: number;
  readonly endUs: number;
  /** When the program itself has it. */
  readonly appStartUs: number;
  readonly appEndUs: number;
  /** 0 where the caller hung up before the answer. */
  readonly status: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** In their order; a repeated call follows the failed one. */
  readonly calls: readonly Call[];
  /** Why it answered 5xx: by itself (`exception`), or because of the call that failed last. */
  readonly failure: 'none' | 'exception' | 'upstream';
  /** Time that its database took, where that was long. */
  readonly slowQueryUs: number;
}

const HOLE = /\{(sku|order|user|word|asset)\}/g;

/** Fills the holes of a path or message. */
export const fill = (template: string, subject: Subject): string =>
  template.includes('{')
    ? template.replaceAll(HOLE, (_, name: keyof Subject) => subject[name])
    : template;

/** Calls `look` on every call of a journey, callers before those they call. */
export const eachCall = (call: Call, look: (call: Call) => void): void => {
  look(call);
  for (const visit of call.visits) for (const next of visit.calls) eachCall(next, look);
};
