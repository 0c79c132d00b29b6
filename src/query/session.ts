import type { Signal } from '../model/batch.ts';
import type { EngineReader } from '../model/storage.ts';
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../platform/clock.ts';
import { openScope, type AccessFilter, type QueryCatalog, type Scope } from './access-filter.ts';
import type { LogExpr, MetricExpr } from './logql/ast.ts';
import type { Direction, LogPlan, MetricPlan } from './plan.ts';
import type { ReadContext } from './read.ts';
import type { LabelOptions } from './record-labels.ts';

/** What queries are made of; one for all of a process. */
export interface QuerySources {
  readonly reader: EngineReader;
  readonly catalog: QueryCatalog;
  /** Brings what was acknowledged in that time into the engine, so that it is found. */
  readonly flush: (tenant: string, startNs: bigint, endNs: bigint, signal: Signal) => Promise<void>;
  readonly labels: LabelOptions;
  readonly clock: Clock;
}

/** Who asks. */
export interface Reader {
  readonly tenant: string;
  readonly access: AccessFilter;
  readonly signal: AbortSignal | undefined;
}

/** One query: its plans are opened here, behind one reader's filter. */
export class QuerySession {
  readonly context: ReadContext;
  private readonly sources: QuerySources;
  private readonly who: Reader;

  constructor(sources: QuerySources, who: Reader) {
    this.sources = sources;
    this.who = who;
    const { reader, labels, clock } = sources;
    this.context = { reader, labels, signal: who.signal, turn: turns(clock) };
  }

  /** The scope of a time, `startNs <= timestamp < endNs`, with everything acknowledged in it. */
  readonly open = (startNs: bigint, endNs: bigint): Promise<Scope> =>
    this.openSignal('logs', startNs, endNs);

  /** The same of spans: what spans.ts reads. */
  openSpans(startNs: bigint, endNs: bigint): Promise<Scope> {
    return this.openSignal('spans', startNs, endNs);
  }

  private async openSignal(signal: Signal, startNs: bigint, endNs: bigint): Promise<Scope> {
    const { tenant, access } = this.who;
    if (startNs < endNs) await this.sources.flush(tenant, startNs, endNs, signal);
    return openScope(this.sources.catalog, access, tenant, startNs, endNs, signal);
  }

  async logPlan(
    expr: LogExpr,
    time: { readonly startNs: bigint; readonly endNs: bigint },
    limit: number,
    direction: Direction,
    more: Pick<LogPlan, 'after' | 'whole'> = {},
  ): Promise<LogPlan> {
    const { matchers, stages } = expr;
    const scope = await this.open(time.startNs, time.endNs);
    return { type: 'log', scope, matchers, stages, limit, direction, ...more };
  }

  metricPlan(
    expr: MetricExpr,
    points: { readonly startNs: bigint; readonly endNs: bigint; readonly stepNs: bigint },
  ): MetricPlan {
    return { type: 'metric', expr, open: this.open, ...points };
  }
}

/** Gives other work its turn whenever this query has computed for `LIMITS.queryTurnMs`. */
const turns = (clock: Clock): (() => Promise<void>) => {
  let since = clock.monotonicMs();
  return async () => {
    if (clock.monotonicMs() - since < LIMITS.queryTurnMs) return;
    await new Promise<void>((resolve) => void setImmediate(resolve));
    since = clock.monotonicMs();
  };
};
