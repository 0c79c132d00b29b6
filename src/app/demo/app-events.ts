import type { Instance } from './deploys.ts';
import { fill, type Call, type Journey, type Visit } from './journey.ts';
import { hostOf } from './services.ts';
import { stackOf, type Stack } from './stacks.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** Something that a program says; format/*.ts writes it in the words of its logger. */
export interface AppEvent {
  readonly timeUs: number;
  readonly level: Level;
  /** What says it: a class, module or file, in the runtime's own form. */
  readonly logger: string;
  readonly message: string;
  readonly instance: Instance;
  /** Absent where the program speaks of itself. */
  readonly ids?: Ids;
  /** The request that it is about, at its end. */
  readonly request?: RequestEnd;
  readonly fields?: Readonly<Record<string, string | number>>;
  readonly stack?: Stack;
}

export interface Ids {
  readonly traceId: string;
  readonly spanId: string;
  readonly requestId: string;
}

export interface RequestEnd {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly durationUs: number;
}

const LOGGERS: Readonly<Record<string, string>> = {
  checkout: 'com.shop.checkout.OrderController',
  payments: 'com.shop.payments.ChargeController',
  catalog: 'catalog.views',
  fraud: 'fraud.scoring',
  cart: 'cart/server.go:121',
  search: 'search/query.go:74',
  ledger: 'posting.go:52',
  storefront: 'storefront',
};

export const loggerOf = (service: string): string => LOGGERS[service] ?? service;

const QUERIES: Readonly<Record<string, string>> = {
  catalog:
    'SELECT p.*, s.quantity FROM products p JOIN stock s USING (sku) WHERE p.category = $1 ORDER BY p.rank',
  ledger: 'SELECT id, account, amount FROM postings WHERE order_id = $1 ORDER BY id',
  payments: 'UPDATE charges SET state = $1 WHERE id = $2 AND state = $3',
};

const hostOfCall = (call: Call): string =>
  call.upstream === undefined ? call.operation.service : hostOf(call.upstream.service);

/** What programs say about one visit, in the order of its times. NGINX says it in its own log. */
export const eventsOf = (journey: Journey, visit: Visit): AppEvent[] => {
  const { instance, operation, appEndUs } = visit;
  const { service } = instance;
  if (service.runtime === 'nginx') return [];
  const ids = { traceId: journey.traceId, spanId: visit.spanId, requestId: journey.requestId };
  const base = { instance, ids, logger: loggerOf(service.name) };
  const events = visit.calls.flatMap((call, index) => ofCall(base, visit, call, index));
  const request: RequestEnd = {
    method: operation.method,
    path: fill(operation.path, journey.subject),
    status: visit.status === 0 ? 499 : visit.status,
    durationUs: appEndUs - visit.appStartUs,
  };
  if (visit.slowQueryUs > 0) {
    const fields = {
      'db.statement': QUERIES[service.name] ?? 'SELECT 1',
      'db.duration_ms': Math.round(visit.slowQueryUs / 1000),
    };
    const timeUs = appEndUs - 400;
    events.push({ ...base, timeUs, level: 'warn', message: 'slow query', fields });
  }
  events.push({ ...base, timeUs: appEndUs, request, ...ending(journey, visit) });
  return events;
};

type Base = Pick<AppEvent, 'instance' | 'ids' | 'logger'>;

/** What a caller says of a call that failed. */
const ofCall = (base: Base, visit: Visit, call: Call, index: number): AppEvent[] => {
  if (call.status < 500) return [];
  const next = visit.calls[index + 1];
  const again = next?.operation === call.operation;
  const fields = {
    'upstream.host': hostOfCall(call),
    'upstream.status': call.status,
    'upstream.duration_ms': Math.round((call.endUs - call.startUs) / 1000),
  };
  const timeUs = call.endUs + 60;
  if (again) {
    const message = `${call.operation.service} failed, trying again in 120 ms`;
    return [{ ...base, timeUs, level: 'warn', message, fields: { ...fields, attempt: 1 } }];
  }
  const last = index === visit.calls.length - 1;
  if (last && visit.failure === 'upstream') return [];
  const message = `${call.operation.service} failed, going on without it`;
  return [{ ...base, timeUs, level: 'warn', message, fields }];
};

const ending = (
  journey: Journey,
  visit: Visit,
): Pick<AppEvent, 'level' | 'message' | 'stack' | 'fields'> => {
  const { instance, operation, status } = visit;
  const { runtime, name } = instance.service;
  if (status === 0) {
    return { level: 'warn', message: 'the caller hung up before the answer was ready' };
  }
  if (visit.failure === 'exception') {
    const stack = stackOf(runtime, name, false);
    return { level: 'error', message: `unhandled error: ${stack.message}`, stack };
  }
  if (visit.failure === 'upstream') {
    const call = visit.calls.at(-1) as Call;
    const stack = stackOf(runtime, name, true);
    const fields = { 'upstream.host': hostOfCall(call), 'upstream.status': call.status };
    return { level: 'error', message: `${call.operation.service} failed`, stack, fields };
  }
  if (status === 402) return { level: 'warn', message: 'the card was declined' };
  if (status >= 400) return { level: 'info', message: 'not found' };
  return { level: 'info', message: fill(operation.message, journey.subject) };
};
