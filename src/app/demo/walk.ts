import type { FaultMode } from './bursts.ts';
import { burstAt } from './bursts.ts';
import type { Chance } from './chance.ts';
import { instanceAt, type Instance } from './deploys.ts';
import type { Call, Visit } from './journey.ts';
import { operationOf, type Downstream, type Operation } from './operations.ts';
import type { ServiceName } from './services.ts';

/** What a journey is made from, and how it is to fail where that is laid down. */
export interface WalkOptions {
  readonly seed: number;
  readonly chance: Chance;
  /** The service whose program fails on this journey, whatever the burst. */
  readonly failing?: ServiceName;
  /** No chance failures: the journey succeeds unless a burst stops it. */
  readonly steady?: boolean;
}

const US_PER_MS = 1000;
/** Share of the requests to a failing service that fail during a burst. */
const BURST_SHARE = 0.7;
/** Share of requests that fail at any time. */
const FAIL_SHARE = 0.0012;
const MISSING_SHARE = 0.012;
const DECLINED_SHARE = 0.04;
const SLOW_QUERY_SHARE = 0.008;
/** Envoy gives up on an upstream after this time (the shop's setting, not Envoy's 15 s). */
const TIMEOUT_US = 2_500 * US_PER_MS;
/** Pause of a program before it tries again. */
const PAUSE_US = 120 * US_PER_MS;
/** Work done before the first call. */
const WORK_BEFORE = 0.4;

const whole = (us: number): number => Math.max(1, Math.round(us));

/** Follows a request through the mesh; every time in it comes from the times before it. */
export class Walk {
  private readonly options: WalkOptions;
  private readonly chance: Chance;

  constructor(options: WalkOptions) {
    this.options = options;
    this.chance = options.chance;
  }

  /** A caller's request, sent at `startUs`. */
  call(
    operation: Operation,
    caller: Instance | undefined,
    parentSpanId: string,
    startUs: number,
  ): Call {
    const mode = this.faultOf(operation, startUs);
    const { chance } = this;
    const callerPort = 32_768 + chance.below(28_000);
    const made: Started = { operation, caller, callerPort, startUs };
    if (mode === 'ejected') return this.ejected(made);
    if (mode === 'refusing') return this.refused(made);
    const first = this.visit(made, parentSpanId, startUs + this.wireUs(), mode);
    if (mode === 'hanging') return this.timedOut(made, first);
    const retries = first.failure === 'exception' && caller?.service.platform === 'istio';
    if (!retries) return this.answered(made, [first], '-');
    const again = first.endUs + whole(chance.around(25 * US_PER_MS, 0.3));
    const mode2 = chance.happens(BURST_SHARE) ? mode : undefined;
    const second = this.visit(made, parentSpanId, again, mode2);
    return this.answered(made, [first, second], second.status >= 500 ? 'URX' : '-');
  }

  private faultOf(operation: Operation, timeUs: number): FaultMode | undefined {
    const { seed, failing, steady } = this.options;
    if (operation.service === failing) return 'broken';
    const burst = burstAt(seed, timeUs);
    if (burst?.service === operation.service && this.chance.happens(BURST_SHARE)) return burst.mode;
    if (steady === true || operation.service === 'edge') return undefined;
    return this.chance.happens(FAIL_SHARE) ? 'broken' : undefined;
  }

  private wireUs(): number {
    return whole(this.chance.around(280, 0.4));
  }

  private pick(operation: Operation, timeUs: number): Instance {
    return instanceAt(this.options.seed, operation.service, this.chance.below(2), timeUs);
  }

  /** UH: the proxy knows of no healthy instance and answers by itself. */
  private ejected(made: Started): Call {
    const endUs = made.startUs + whole(this.chance.around(90, 0.3));
    return {
      ...made,
      upstream: undefined,
      endUs,
      status: 503,
      flags: 'UH',
      details: 'no_healthy_upstream',
      transportFailure: '',
      visits: [],
    };
  }

  /** UF: three connections in vain (two retries, 25 ms apart and more). */
  private refused(made: Started): Call {
    const { chance } = this;
    const endUs = made.startUs + whole(chance.around(85 * US_PER_MS, 0.25));
    const failure = 'delayed_connect_error:_Connection_refused';
    return {
      ...made,
      upstream: this.pick(made.operation, made.startUs),
      endUs,
      status: 503,
      flags: 'UF,URX',
      details: `upstream_reset_before_response_started{remote_connection_failure|${failure}}`,
      transportFailure: 'delayed connect error: Connection refused',
      visits: [],
    };
  }

  /** UT: the caller's proxy hangs up; the one that hangs sees a request without an end. */
  private timedOut(made: Started, visit: Visit): Call {
    return {
      ...made,
      upstream: visit.instance,
      endUs: made.startUs + TIMEOUT_US,
      status: 504,
      flags: 'UT',
      details: 'response_timeout',
      transportFailure: '',
      visits: [visit],
    };
  }

  private answered(made: Started, visits: readonly Visit[], flags: string): Call {
    const last = visits.at(-1) as Visit;
    return {
      ...made,
      upstream: last.instance,
      endUs: last.endUs + this.wireUs(),
      status: last.status,
      flags,
      details: 'via_upstream',
      transportFailure: '',
      visits,
    };
  }

  private visit(
    { operation, caller, callerPort, startUs: calledUs }: Started,
    parentSpanId: string,
    startUs: number,
    mode: FaultMode | undefined,
  ): Visit {
    const { chance } = this;
    const instance = this.pick(operation, startUs);
    const spanId = chance.hex(16);
    const proxyUs = instance.service.platform === 'vm' ? 20 : whole(chance.around(220, 0.3));
    const appStartUs = startUs + proxyUs;
    const base = {
      operation,
      instance,
      caller,
      callerPort,
      spanId,
      parentSpanId,
      startUs,
      appStartUs,
      requestBytes: operation.method === 'POST' ? 180 + chance.below(900) : 0,
    };
    const workUs = chance.around(operation.workMs * US_PER_MS, 0.35);
    const beforeUs = appStartUs + whole(workUs * WORK_BEFORE);
    if (mode === 'hanging') {
      const cut = { endUs: calledUs + TIMEOUT_US - 300, appEndUs: calledUs + TIMEOUT_US - 350 };
      const none = { calls: [], failure: 'none', slowQueryUs: 0, responseBytes: 0 } as const;
      return { ...base, ...none, ...cut, status: 0 };
    }
    if (mode !== undefined) {
      const failed = { calls: [], failure: 'exception', slowQueryUs: 0 } as const;
      const endUs = beforeUs + proxyUs;
      return { ...base, ...failed, appEndUs: beforeUs, endUs, status: 500, responseBytes: 91 };
    }
    const slowQueryUs = this.slowQuery(operation);
    const { calls, fatal, doneUs } = this.callAll(operation, instance, spanId, beforeUs);
    const appEndUs = doneUs + whole(workUs * (1 - WORK_BEFORE)) + slowQueryUs;
    const status = fatal === undefined ? this.statusOf(operation, calls) : onwards(instance, fatal);
    const bytes = operation.responseBytes * (0.85 + 0.3 * chance.next());
    return {
      ...base,
      calls,
      slowQueryUs,
      appEndUs,
      endUs: appEndUs + proxyUs,
      status,
      responseBytes: status < 400 ? whole(bytes) : 120,
      failure: fatal === undefined ? 'none' : 'upstream',
    };
  }

  /** Makes an operation's calls one after the other, up to one that it cannot do without. */
  private callAll(
    operation: Operation,
    instance: Instance,
    spanId: string,
    startUs: number,
  ): { calls: Call[]; fatal: Call | undefined; doneUs: number } {
    const calls: Call[] = [];
    let doneUs = startUs;
    for (const downstream of operation.calls) {
      const last = this.callOne(downstream, instance, spanId, doneUs, calls);
      doneUs = last.endUs + whole(this.chance.around(150, 0.3));
      const failed = last.status >= 500;
      const refused = last.status >= 400 && downstream.optional !== true;
      if (failed && downstream.optional !== true) return { calls, fatal: last, doneUs };
      if (refused) break;
    }
    return { calls, fatal: undefined, doneUs };
  }

  private callOne(
    { operation: name, again }: Downstream,
    instance: Instance,
    spanId: string,
    startUs: number,
    calls: Call[],
  ): Call {
    const operation = operationOf(name);
    const first = this.call(operation, instance, spanId, startUs);
    calls.push(first);
    if (first.status < 500 || again !== true) return first;
    const second = this.call(operation, instance, spanId, first.endUs + PAUSE_US);
    calls.push(second);
    return second;
  }

  private slowQuery({ service }: Operation): number {
    const asked = service === 'catalog' || service === 'ledger' || service === 'payments';
    if (!asked || !this.chance.happens(SLOW_QUERY_SHARE)) return 0;
    return whole(this.chance.around(620 * US_PER_MS, 0.5));
  }

  private statusOf({ service, path, method }: Operation, calls: readonly Call[]): number {
    const refused = calls.find(({ status }) => status >= 400 && status < 500);
    if (refused !== undefined) return refused.status;
    const placing = method === 'POST' && (path === '/charges' || path === '/postings');
    if (this.options.steady !== true) {
      if (path === '/charges' && this.chance.happens(DECLINED_SHARE)) return 402;
      const byName = service === 'catalog' && path.includes('{sku}');
      if (byName && this.chance.happens(MISSING_SHARE)) return 404;
    }
    return placing ? 201 : 200;
  }
}

interface Started {
  readonly operation: Operation;
  readonly caller: Instance | undefined;
  readonly callerPort: number;
  readonly startUs: number;
}

/** How a program passes on that a call of its failed. */
const onwards = ({ service }: Instance, { status }: Call): number => {
  if (service.runtime === 'nginx') return status;
  if (service.name === 'storefront') return status === 504 ? 504 : 503;
  return status === 504 ? 504 : 500;
};
