import type { KnownLayout } from './layout-finder.ts';
import { LIMITS } from './limits.ts';

/** A bucket's period, which begins on Mondays: 1970-01-01 was a Thursday. */
const WEEK_SEC = 604_800;
const MONDAY_SEC = 3 * 86_400;

const weekOf = (sec: number): number => Math.floor((sec + MONDAY_SEC) / WEEK_SEC);

/** What one tenant may use of layouts in one week. */
export interface Grant {
  readonly week: number;
  readonly texts: Set<string>;
  /** The tenant's bucket has no room for further layouts. */
  isFull: boolean;
}

/**
 * How many layouts a decoding thread may use for each tenant and week: `LIMITS.layoutsPerBucket`.
 * Threads mostly see the same ones, so each has the whole number, and the main thread tells all
 * when the bucket is full: together they may go beyond it by what is under way. Lines of further
 * layouts are kept whole.
 */
export class LayoutAllowance {
  private readonly grants = new Map<string, Grant>();

  /** The tenant's grant for what is received at this time, seconds since 1970. */
  grantFor(tenant: string, observedSec: number): Grant {
    const week = weekOf(observedSec);
    let grant = this.grants.get(tenant);
    if (grant?.week !== week) {
      if (this.grants.size >= LIMITS.grantsKept) this.grants.clear();
      this.grants.set(tenant, (grant = { week, texts: new Set(), isFull: false }));
    }
    return grant;
  }

  /** Whether a row of the grant's tenant may have the layout. */
  allows(grant: Grant, layout: KnownLayout): boolean {
    if (layout.grantedTo === grant) return true;
    const { texts } = grant;
    if (!texts.has(layout.text)) {
      if (grant.isFull || texts.size >= LIMITS.layoutsPerBucket) return false;
      texts.add(layout.text);
    }
    layout.grantedTo = grant;
    return true;
  }

  /** The tenant's bucket of that week has its greatest number of layouts: no new ones in it. */
  full(tenant: string, fromSec: number): void {
    const grant = this.grants.get(tenant);
    if (grant?.week === weekOf(fromSec)) grant.isFull = true;
  }
}
