import type { Signal } from '../model/batch.ts';
import type { BucketLayout, BucketRange } from '../model/storage.ts';
import type { Matcher } from './logql/ast.ts';

/**
 * Who may see what. Every query gets its scope here and nowhere else: the tenant's tables and the
 * filter of the reader. SQL and predicates are only ever made from a scope, so that no endpoint,
 * tail, label list or export can forget either.
 */

/** Rows that a reader may see: those for which one of the alternatives holds whole. */
export interface AccessFilter {
  readonly anyOf: readonly (readonly Matcher[])[];
}

/** Sees everything of the tenant. */
export const ALL_OF_TENANT: AccessFilter = { anyOf: [[]] };

/** The catalog, as far as queries need it. */
export interface QueryCatalog {
  /**
   * Buckets of the tenant that may hold rows of the signal (logs unless told) with `startNs <=
   * timestamp < endNs`.
   */
  ranges(
    tenant: string,
    startNs: bigint,
    endNs: bigint,
    signal?: Signal,
  ): readonly BucketRange[] | Promise<readonly BucketRange[]>;
}

/** What a query may read, bounded in time: `startNs <= timestamp < endNs`. */
export interface Scope {
  readonly tenant: string;
  readonly access: AccessFilter;
  readonly startNs: bigint;
  readonly endNs: bigint;
  /** Tables of the engine, with the times that they hold. */
  readonly tables: readonly TableRange[];
}

export interface TableRange {
  readonly table: string;
  /** Least and greatest `timestamp` of the table, nanoseconds; never narrower than the truth. */
  readonly minNs: bigint;
  readonly maxNs: bigint;
  /** The layouts that its rows may have. */
  readonly layouts: readonly BucketLayout[];
  /** Whether it can be asked by its own name, and not only through the Merge table. */
  readonly isCurrent: boolean;
}

/** Before 1970 and after 2262 no record has its time. */
const EARLIEST_NS = 0n;
const LATEST_NS = 9_223_372_036_000_000_000n;

const clamp = (ns: bigint): bigint =>
  ns < EARLIEST_NS ? EARLIEST_NS : ns > LATEST_NS ? LATEST_NS : ns;

/** Opens the scope of one query. */
export const openScope = async (
  catalog: QueryCatalog,
  access: AccessFilter,
  tenant: string,
  startNs: bigint,
  endNs: bigint,
  signal: Signal = 'logs',
): Promise<Scope> => {
  const [start, end] = [clamp(startNs), clamp(endNs)];
  const tables: TableRange[] = [];
  if (start < end) {
    for (const range of await catalog.ranges(tenant, start, end, signal)) {
      const { bucket, minNs, maxNs, layouts, isCurrent = false } = range;
      if (bucket.tenant !== tenant || bucket.signal !== signal) continue;
      if (minNs === undefined || maxNs === undefined) continue;
      if (minNs < end && maxNs >= start) {
        tables.push({ table: bucket.table, minNs, maxNs, layouts, isCurrent });
      }
    }
  }
  return { tenant, access, startNs: start, endNs: end, tables };
};

/** The scope within a shorter time: the same tables and filter. */
export const narrowScope = (scope: Scope, startNs: bigint, endNs: bigint): Scope => {
  const start = startNs > scope.startNs ? startNs : scope.startNs;
  const end = endNs < scope.endNs ? endNs : scope.endNs;
  const tables = scope.tables.filter(({ minNs, maxNs }) => minNs < end && maxNs >= start);
  return { ...scope, startNs: start, endNs: end, tables };
};
