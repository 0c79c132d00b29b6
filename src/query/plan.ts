import type { Scope } from './access-filter.ts';
import type { Matcher, MetricExpr, Stage } from './logql/ast.ts';

/**
 * The plan: what every query language compiles to, and what SQL and predicates are made from.
 * LogQL's stages and matchers are its vocabulary, because they are the richest of the front
 * ends'.
 */
export type Plan = LogPlan | MetricPlan;

export type Direction = 'forward' | 'backward';

/** Which lines: matchers on the stream and the pipeline behind them. */
export interface Lines {
  readonly matchers: readonly Matcher[];
  readonly stages: readonly Stage[];
}

/** Lines in time order, at most `limit`. */
export interface LogPlan extends Lines {
  readonly type: 'log';
  readonly scope: Scope;
  readonly limit: number;
  readonly direction: Direction;
  /** Only what comes behind this record in the plan's direction. */
  readonly after?: RowId;
  /** Rows with all their columns. */
  readonly whole?: boolean;
}

/** A record and its place in every answer's order. */
export interface RowId {
  readonly timestampNs: bigint;
  readonly lane: string;
  readonly seq: number;
}

/** Samples at `startNs`, `startNs + stepNs` ... up to `endNs`, both ends included. */
export interface MetricPlan {
  readonly type: 'metric';
  readonly expr: MetricExpr;
  /** Opens the scope of one range: `openScope` with the reader's catalog, filter and tenant. */
  readonly open: (startNs: bigint, endNs: bigint) => Promise<Scope>;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** 0 for an instant query: one point at `startNs`, which is `endNs`. */
  readonly stepNs: bigint;
}
